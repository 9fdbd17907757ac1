-- Variable arguments and adjusted lists of values.
local function count(...) return select("#", ...) end
assert(count() == 0 and count(nil) == 1 and count(nil, nil) == 2 and count(1, nil, 3, nil) == 4)
local function pass(...) return ... end
assert(count(pass(1, 2, 3)) == 3 and count((pass(1, 2, 3))) == 1 and count(pass(1, 2), 3) == 2)
local t = { pass(1, 2), pass(3, 4) }
assert(#t == 3 and t[2] == 3 and t[3] == 4)
local a, b, c = pass(1, 2)
assert(a == 1 and b == 2 and c == nil)
a, b = (pass(1, 2))
assert(a == 1 and b == nil)
local function tail(_, ...) return ... end
assert(count(tail(1, 2, 3)) == 2 and select(2, pass("a", "b", "c")) == "b")
assert(select(-1, "a", "b") == "b" and count(select(-2, 1, 2, 3)) == 2 and count(select(4, 1, 2, 3)) == 0)
assert(not pcall(select, 0) and not pcall(select, -5, 1))
local function sum(...)
  local total = 0
  for i = 1, select("#", ...) do total = total + (select(i, ...)) end
  return total
end
assert(sum() == 0 and sum(1, 2, 3, 4) == 10)
local function closure(...) local packed = { ... } return function() return #packed end end
assert(closure(1, 2, 3)() == 3)
local function late(x, ...) local y = ... return x, y, ... end
assert(count(late(1)) == 2 and count(late(1, 2, 3)) == 4)
assert((function(...) return ... end)() == nil)
assert(#{ ... } == 0)
local many = {}
for i = 1, 200 do many[i] = i end
local unpack = unpack or table.unpack
assert(count(unpack(many)) == 200 and sum(unpack(many)) == 20100)
assert(math.max(unpack(many)) == 200)
