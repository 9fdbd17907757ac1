-- Constructors, length, indexing, removal.
local t = { 10, 20, [5] = 50, x = "x", ["a b"] = 1, 30 }
assert(t[1] == 10 and t[3] == 30 and t[5] == 50 and t.x == "x" and t["a b"] == 1)
assert(#{ 1, 2, 3 } == 3 and #{} == 0 and #{ n = 1 } == 0)
t = {}
for i = 1, 100 do t[i] = i end
assert(#t == 100)
for i = 100, 51, -1 do t[i] = nil end
assert(#t == 50)
t[1.0], t[2 ^ 1] = "one", "two"
assert(t[1] == "one" and t[2] == "two")
local keys = { [1] = "number", ["1"] = "string", [true] = "boolean", [t] = "table", [print] = "function" }
assert(keys[1] == "number" and keys["1"] == "string" and keys[true] == "boolean" and keys[t] == "table")
assert(keys[print] == "function" and keys[false] == nil and keys[nil] == nil)
assert(not pcall(function() keys[nil] = 1 end) and not pcall(function() keys[0 / 0] = 1 end))
assert(keys[0 / 0] == nil)
keys[2 ^ 53] = "big"
assert(keys[2 ^ 53] == "big" and keys[9007199254740992] == "big")
keys[-1], keys[0], keys[1.5] = -1, 0, 1.5
assert(keys[-1] == -1 and keys[0] == 0 and keys[1.5] == 1.5 and keys[-0.0] == 0)
local nested = { { 1, { 2, { 3 } } } }
assert(nested[1][2][2][1] == 3)
assert(({ 1, 2, 3 })[2] == 2 and #"abc" == 3)
local list = { f = function(self, n) return self.base + n end, base = 10 }
assert(list:f(5) == 15 and list.f(list, 1) == 11)
local trailing = { 1, 2; 3, }
assert(#trailing == 3)
local sparse = {}
sparse[1000000] = true
assert(sparse[1000000] and sparse[999999] == nil)
local strings = {}
for i = 1, 500 do strings["k" .. i] = i end
for i = 1, 500, 2 do strings["k" .. i] = nil end
local count = 0
for k, v in pairs(strings) do assert(k == "k" .. v and v % 2 == 0) count = count + 1 end
assert(count == 250)
