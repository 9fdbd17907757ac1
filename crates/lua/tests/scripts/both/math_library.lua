-- The functions that chip and desktop share.
assert(math.floor(3.7) == 3 and math.floor(-3.7) == -4 and math.ceil(3.2) == 4 and math.ceil(-3.7) == -3 and math.floor(5) == 5)
assert(math.abs(-5) == 5 and math.abs(5.5) == 5.5 and math.max(1, 5, 3) == 5 and math.min(4, 2, 8) == 2 and math.max(1.5) == 1.5)
assert(math.sqrt(16) == 4 and math.huge > 1e308 and math.pi > 3.14159 and math.pi < 3.1416)
assert(not pcall(math.max) and not pcall(math.min) and not pcall(math.floor) and not pcall(math.floor, {}) and not pcall(math.sqrt, "x"))
math.randomseed(42)
local first = {}
for i = 1, 20 do first[i] = math.random(1000) end
math.randomseed(42)
for i = 1, 20 do assert(math.random(1000) == first[i], "equal seeds draw equal numbers") end
for _ = 1, 1000 do
  local r = math.random()
  assert(r >= 0 and r < 1)
  r = math.random(6)
  assert(r >= 1 and r <= 6 and r == math.floor(r))
  r = math.random(-3, 3)
  assert(r >= -3 and r <= 3 and r == math.floor(r))
end
assert(math.random(1) == 1 and math.random(5, 5) == 5)
local seen = {}
for _ = 1, 500 do seen[math.random(3)] = true end
assert(seen[1] and seen[2] and seen[3])
assert(not pcall(math.random, 0) and not pcall(math.random, 2, 1) and not pcall(math.random, 1, 2, 3))
assert(math.sin(0) == 0 and math.cos(0) == 1 and math.abs(math.sin(math.pi)) < 1e-15 and math.exp(0) == 1 and math.log(1) == 0)
assert(math.abs(math.tan(math.pi / 4) - 1) < 1e-15 and math.deg(math.pi) == 180 and math.rad(180) == math.pi)
assert(math.asin(1) == math.pi / 2 and math.acos(1) == 0 and math.atan(1) == math.pi / 4)
local whole, fraction = math.modf(3.25)
assert(whole == 3 and fraction == 0.25)
whole, fraction = math.modf(-3.25)
assert(whole == -3 and fraction == -0.25)
assert(math.fmod(7, 3) == 1 and math.fmod(-7, 3) == -1 and math.fmod(5.5, 2) == 1.5)
