-- Objects with methods in their metatable's __index, one level of inheritance, short-lived objects.
local Vector = {}
Vector.__index = Vector

function Vector.new(x, y)
  return setmetatable({ x = x, y = y }, Vector)
end

function Vector:add(other)
  return Vector.new(self.x + other.x, self.y + other.y)
end

function Vector:length2()
  return self.x * self.x + self.y * self.y
end

local Counter = setmetatable({}, { __index = Vector })
Counter.__index = Counter

function Counter.new()
  return setmetatable({ x = 1, y = 2, n = 0 }, Counter)
end

function Counter:step(by)
  self.n = self.n + by
  return self
end

local position, step = Vector.new(0, 0), Vector.new(1, 2)
local counter = Counter.new()
local sum = 0
for i = 1, 15000 do
  position = position:add(step)
  if i % 10 == 0 then position = Vector.new(0, 0) end
  sum = sum + position:length2() % 11
  counter:step(i % 3):step(1)
  sum = sum + counter:length2()
end
return sum + counter.n
