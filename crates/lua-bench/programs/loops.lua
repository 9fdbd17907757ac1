-- Arithmetic in nested numeric loops: the Mandelbrot set on a coarse grid, then whole numbers that fit into 32 bits.
local size, rounds = 40, 50
local inside = 0
for row = 0, size - 1 do
  for column = 0, size - 1 do
    local cx, cy = 3.0 * column / size - 2.0, 2.0 * row / size - 1.0
    local x, y, n = 0.0, 0.0, 0
    while n < rounds and x * x + y * y < 4.0 do
      local next_x = x * x - y * y + cx
      y = 2.0 * x * y + cy
      x = next_x
      n = n + 1
    end
    if n == rounds then inside = inside + 1 end
  end
end
local sum = 0
for _ = 1, 3 do
  for i = 1, 40000 do
    sum = (sum + i * i) % 65521
  end
end
return sum + inside
