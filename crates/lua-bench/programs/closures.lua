-- Functions that are made and called: counters with shared variables, map, filter and fold.
local function counter(start)
  local value = start
  return function(by)
    value = value + by
    return value
  end
end

local function map(list, f)
  local result = {}
  for i = 1, #list do result[i] = f(list[i]) end
  return result
end

local function filter(list, keep)
  local result = {}
  for i = 1, #list do
    if keep(list[i]) then result[#result + 1] = list[i] end
  end
  return result
end

local function fold(list, f, value)
  for i = 1, #list do value = f(value, list[i]) end
  return value
end

local list = {}
for i = 1, 100 do list[i] = i end
local sum = 0
for round = 1, 120 do
  local next_value = counter(round)
  local scaled = map(list, function(x) return x * round end)
  local odd = filter(scaled, function(x) return x % 2 == 1 end)
  sum = sum + fold(odd, function(a, b) return a + b end, 0) % 1009
  for i = 1, 100 do sum = sum + next_value(i) % 3 end
end
return sum
