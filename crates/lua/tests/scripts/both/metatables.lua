-- Operators, indexing, calls and conversion by metamethods.
local Vector = {}
Vector.__index = Vector
local function vector(x, y) return setmetatable({ x = x, y = y }, Vector) end
function Vector.__add(a, b) return vector(a.x + b.x, a.y + b.y) end
function Vector.__sub(a, b) return vector(a.x - b.x, a.y - b.y) end
function Vector.__mul(a, b) if type(a) == "number" then return vector(a * b.x, a * b.y) end return vector(a.x * b, a.y * b) end
function Vector.__div(a, b) return vector(a.x / b, a.y / b) end
function Vector.__mod(a, b) return vector(a.x % b, a.y % b) end
function Vector.__pow(a, b) return vector(a.x ^ b, a.y ^ b) end
function Vector.__unm(a) return vector(-a.x, -a.y) end
function Vector.__eq(a, b) return a.x == b.x and a.y == b.y end
function Vector.__lt(a, b) return a.x < b.x end
function Vector.__le(a, b) return a.x <= b.x end
function Vector.__concat(a, b) return tostring(a) .. "|" .. tostring(b) end
function Vector.__tostring(a) return "(" .. a.x .. "," .. a.y .. ")" end
function Vector.__call(self, k) return self.x * k, self.y * k end
function Vector:dot(other) return self.x * other.x + self.y * other.y end
local a, b = vector(1, 2), vector(3, 4)
assert(a + b == vector(4, 6) and b - a == vector(2, 2) and a * 2 == vector(2, 4) and 2 * a == vector(2, 4))
assert(b / 2 == vector(1.5, 2) and b % 2 == vector(1, 0) and a ^ 2 == vector(1, 4) and -a == vector(-1, -2))
assert(a < b and a <= b and b > a and b >= a and not (a > b) and a ~= b)
assert(tostring(a) == "(1,2)" and a .. b == "(1,2)|(3,4)" and a .. "x" == "(1,2)|x" and "x" .. a == "x|(1,2)" and 1 .. a == "1|(1,2)")
assert(select(2, a(10)) == 20 and a:dot(b) == 11)
assert(rawequal(a, a) and not rawequal(a, vector(1, 2)))
-- __index and __newindex, as functions and as chains of tables.
local log = {}
local proxy = setmetatable({}, {
  __index = function(_, k) log[#log + 1] = "get " .. k return k .. "!" end,
  __newindex = function(t, k, v) log[#log + 1] = "set " .. k rawset(t, k, v) end,
})
assert(proxy.a == "a!")
proxy.a = 1
assert(proxy.a == 1)
proxy.a = 2
assert(proxy.a == 2 and table.concat(log, ",") == "get a,set a")
local base = { v = 1 }
local mid = setmetatable({}, { __index = base })
local top = setmetatable({}, { __index = mid })
assert(top.v == 1 and rawget(top, "v") == nil and top.none == nil)
local store = {}
local writer = setmetatable({}, { __newindex = store })
writer.x = 5
assert(store.x == 5 and rawget(writer, "x") == nil)
assert(getmetatable(setmetatable({}, { __metatable = "locked" })) == "locked")
assert(not pcall(setmetatable, setmetatable({}, { __metatable = 1 }), {}))
assert(getmetatable("").__index == string and getmetatable({}) == nil)
assert(not pcall(function() return a + nil end) and not pcall(function() return {} + 1 end) and not pcall(function() return {} < {} end))
local default = setmetatable({}, { __index = function() return 0 end })
for w in ("a b a"):gmatch("%a") do default[w] = default[w] + 1 end
assert(default.a == 2 and default.b == 1 and default.c == 0)
