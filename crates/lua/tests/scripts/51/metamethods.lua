-- What 5.1's metamethods do differently.
local mt = { __len = function() return 42 end }
assert(#setmetatable({}, mt) == 0, "tables ignore __len")
local proxy = newproxy(true)
getmetatable(proxy).__len = function() return 42 end
getmetatable(proxy).__index = function(_, k) return k end
assert(#proxy == 42 and proxy.x == "x" and type(proxy) == "userdata" and newproxy(proxy) ~= proxy)
assert(getmetatable(newproxy(proxy)) == getmetatable(proxy) and getmetatable(newproxy()) == nil)
local lt1, lt2 = function() return true end, function() return true end
local a, b = setmetatable({}, { __lt = lt1 }), setmetatable({}, { __lt = lt2 })
assert(not pcall(function() return a < b end), "both operands need the same handler")
b = setmetatable({}, { __lt = lt1 })
assert(a < b and (a <= b) == false, "without __le, a <= b is not (b < a)")
local eq = function() return true end
a, b = setmetatable({}, { __eq = eq }), setmetatable({}, { __eq = eq })
assert(a == b and a ~= setmetatable({}, { __eq = function() return true end }))
assert(tostring(setmetatable({}, { __tostring = function() return "custom" end })) == "custom")
local pairs_proxy = setmetatable({ 1 }, { __pairs = function() error("not in 5.1") end, __ipairs = function() error("nor this") end })
for _ in pairs(pairs_proxy) do end
for _ in ipairs(pairs_proxy) do end
assert(getmetatable("").__index == string)
string.shout = function(s) return s:upper() .. "!" end
assert(("hi"):shout() == "HI!")
string.shout = nil
