-- The n-body problem: floating point in the fields of records.
local bodies = {}
for i = 1, 5 do
  bodies[i] = { x = i, y = i * 0.5, z = 1 / i, vx = 0, vy = 0.1 * i, vz = 0, mass = 1 + i % 3 }
end

local function advance(dt)
  for i = 1, #bodies do
    local a = bodies[i]
    for j = i + 1, #bodies do
      local b = bodies[j]
      local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
      local distance2 = dx * dx + dy * dy + dz * dz + 0.01
      local magnitude = dt / (distance2 * distance2 ^ 0.5)
      a.vx = a.vx - dx * b.mass * magnitude
      a.vy = a.vy - dy * b.mass * magnitude
      a.vz = a.vz - dz * b.mass * magnitude
      b.vx = b.vx + dx * a.mass * magnitude
      b.vy = b.vy + dy * a.mass * magnitude
      b.vz = b.vz + dz * a.mass * magnitude
    end
  end
  for i = 1, #bodies do
    local a = bodies[i]
    a.x = a.x + dt * a.vx
    a.y = a.y + dt * a.vy
    a.z = a.z + dt * a.vz
  end
end

for _ = 1, 1000 do advance(0.001) end
return math.floor((bodies[1].x + bodies[2].y + bodies[3].z) * 1000000)
