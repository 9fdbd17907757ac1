-- Multiple assignment evaluates everything before it stores anything.
local a, b = 1, 2
a, b = b, a
assert(a == 2 and b == 1)
local i, t = 1, {}
i, t[i] = i + 1, 20
assert(i == 2 and t[1] == 20 and t[2] == nil)
local x, y, z = 1
assert(x == 1 and y == nil and z == nil)
local p, q = 1, 2, 3
assert(p == 1 and q == 2)
local record = { inner = {} }
record.inner.value, record.other = "v", "o"
assert(record.inner.value == "v" and record.other == "o")
local function two() return 1, 2 end
local m, n, o = 0, two()
assert(m == 0 and n == 1 and o == 2)
m, n, o = two(), 10
assert(m == 1 and n == 10 and o == nil)
global_value = 5
assert(global_value == 5 and _G.global_value == 5)
_G["global_value"] = nil
assert(global_value == nil)
local s = { 1, 2, 3 }
s[1], s[2], s[3] = s[3], s[1], s[2]
assert(s[1] == 3 and s[2] == 1 and s[3] == 2)
do local a = a assert(a == 2) a = 9 end
assert(a == 2)
local f = { g = function() return "g" end }
local name = "g"
assert(f[name]() == "g" and f["g"]() == "g" and f.g() == "g")
