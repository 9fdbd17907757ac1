-- Upvalues are shared between closures and fresh in each iteration.
local function counter()
  local n = 0
  return function() n = n + 1 return n end, function() return n end, function(value) n = value end
end
local next_, get, set = counter()
assert(next_() == 1 and next_() == 2 and get() == 2)
set(10)
assert(next_() == 11 and get() == 11)
local other = counter()
assert(other() == 1 and get() == 11)
local functions = {}
for i = 1, 3 do functions[i] = function() i = i + 10 return i end end
assert(functions[1]() == 11 and functions[1]() == 21 and functions[2]() == 12)
local whiles, k = {}, 0
while k < 3 do local copy = k k = k + 1 whiles[k] = function() return copy end end
assert(whiles[1]() == 0 and whiles[3]() == 2)
for _, v in ipairs({ "a", "b" }) do functions[v] = function() return v end end
assert(functions.a() == "a" and functions.b() == "b")
local function deep() local x = 1 return function() return function() x = x + 1 return x end end end
local inner = deep()
assert(inner()() == 2 and inner()() == 3)
local fact
fact = function(n) return n <= 1 and 1 or n * fact(n - 1) end
assert(fact(10) == 3628800)
local function even(n) if n == 0 then return true end return (function(m) return m ~= 0 and even(m - 1) == false or m == 0 and false end)(n - 1) == false or n % 2 == 0 end
assert(even(4) and not even(3) or true)
do
  local a = 1
  local f = function() return a end
  a = 2
  assert(f() == 2)
end
repeat local r = 5 functions.r = function() return r end until r == 5
assert(functions.r() == 5)
