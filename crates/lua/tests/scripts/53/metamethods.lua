-- What 5.3 adds: __len, __pairs, __index in libraries, mixed comparison.
local t = setmetatable({}, { __len = function() return 42 end, __idiv = function() return "idiv" end, __eq = function() return true end })
assert(#t == 42 and t // 1 == "idiv" and 1 // t == "idiv" and rawlen(t) == 0 and rawlen("abc") == 3 and t == setmetatable({}, {}))
local p = setmetatable({}, { __pairs = function(self) return function(_, k) k = (k or 0) + 1 if k <= 3 then return k, k * k end end, self, nil end })
local sum = 0
for _, v in pairs(p) do sum = sum + v end
assert(sum == 14)
local proxy = setmetatable({}, { __index = function(_, i) if i <= 4 then return i * 10 end end, __len = function() return 4 end })
local seen = {}
for i, v in ipairs(proxy) do seen[i] = v end
assert(#seen == 4 and seen[4] == 40)
assert(table.concat(proxy, ",") == "10,20,30,40" and select("#", table.unpack(proxy)) == 4 and table.unpack(proxy, 2, 3) == 20)
local written = {}
local sink = setmetatable({}, { __newindex = function(_, k, v) written[k] = v end, __len = function() return #written end, __index = written })
table.insert(sink, "a") table.insert(sink, "b") table.insert(sink, 1, "c")
assert(table.concat(written) == "cab" and rawlen(sink) == 0)
assert(table.remove(sink) == "b" and table.remove(sink, 1) == "c" and #written == 1)
local backing = { 3, 1, 2 }
table.sort(setmetatable({}, { __index = backing, __newindex = backing, __len = function() return 3 end }))
assert(table.concat(backing) == "123")
local moved = table.move({ 1, 2, 3 }, 1, 3, 1, setmetatable({}, { __newindex = function(t, k, v) rawset(t, k, v * 2) end }))
assert(moved[3] == 6)
local lt = setmetatable({ n = 1 }, { __lt = function(a, b) return (type(a) == "table" and a.n or a) < (type(b) == "table" and b.n or b) end })
assert(lt < 2 and not (2 < lt) and lt <= 2, "one operand with a handler is enough")
assert(tostring(setmetatable({}, { __name = "My.Type" })):find("^My.Type: ") and select(2, pcall(string.rep, setmetatable({}, { __name = "My.Type" }))):find("got My.Type"))
assert(not pcall(tostring, setmetatable({}, { __tostring = function() return {} end })))
assert(("%s|%5s"):format(setmetatable({}, { __tostring = function() return "obj" end }), true) == "obj| true")
local gced = {}
local idx = setmetatable({}, { __index = function(_, k) return k end, __call = function(_, ...) return select("#", ...) end })
assert(idx.x == "x" and idx(1, 2) == 2)
