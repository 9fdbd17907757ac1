-- Tables as records and as dictionaries with names that are computed.
local words = { "net", "tmr", "wifi", "node", "file", "gpio", "mqtt", "sjson", "uart", "adc", "pwm", "i2c" }
local counts = {}
for i = 1, 20000 do
  local word = words[i * 7 % 12 + 1]
  counts[word] = (counts[word] or 0) + i % 5
end
local sum = 0
for _, count in pairs(counts) do sum = sum + count end

local bodies = {}
for i = 1, 20 do bodies[i] = { x = i, y = 0, vx = 0, vy = i % 3, mass = 1 } end
for _ = 1, 400 do
  for i = 1, 20 do
    local body = bodies[i]
    body.vx = body.vx + (body.x > 10 and -1 or 1)
    body.x = body.x + body.vx
    body.y = body.y + body.vy * body.mass
  end
end
for i = 1, 20 do sum = sum + bodies[i].x + bodies[i].y end
return sum
