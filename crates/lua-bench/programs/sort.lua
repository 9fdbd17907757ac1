-- table.sort of numbers, with a comparison, and of strings.
local seed = 42
local function random()
  seed = (seed * 1103 + 12345) % 65536
  return seed
end

local total = 0
for _ = 1, 6 do
  local numbers, records, names = {}, {}, {}
  for i = 1, 600 do
    numbers[i] = random()
    records[i] = { id = i, weight = random() * 1000 + i }
    names[i] = "n" .. random()
  end
  table.sort(numbers)
  table.sort(records, function(a, b) return a.weight < b.weight end)
  table.sort(names)
  for i = 1, 600, 50 do total = total + numbers[i] % 13 + records[i].id + #names[i] end
end
return total
