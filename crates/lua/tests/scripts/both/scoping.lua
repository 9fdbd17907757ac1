-- Blocks, shadowing, globals, the environment of functions.
local x = 1
do local x = 2 assert(x == 2) do local x = x + 1 assert(x == 3) end assert(x == 2) end
assert(x == 1)
local x = x + 10
assert(x == 11)
local function f() return x end
local x = "new"
assert(f() == 11 and x == "new")
if true then local inside = 1 end
assert(inside == nil)
for i = 1, 1 do local looped = i end
assert(looped == nil and i == nil)
g1 = 10
local function readg() return g1 end
g1 = 20
assert(readg() == 20 and _G.g1 == 20 and _G._G == _G)
g1 = nil
local function recursive(n) if n > 0 then return recursive(n - 1) end return "bottom" end
assert(recursive(5) == "bottom")
local shadow = function() return shadow end
assert(shadow() == nil, "a local is not visible in its own initialiser")
do
  local function one() return 1 end
  local function two() return one() + 1 end
  local function one() return 10 end
  assert(two() == 2 and one() == 10)
end
local many = {}
do
  local v1, v2, v3, v4, v5, v6, v7, v8, v9, v10 = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
  many.sum = function() return v1 + v2 + v3 + v4 + v5 + v6 + v7 + v8 + v9 + v10 end
end
assert(many.sum() == 55)
