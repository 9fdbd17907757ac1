-- Coroutines as generators, and a ring of them passing a value on.
local function numbers(limit)
  return coroutine.create(function()
    for i = 1, limit do coroutine.yield(i) end
    return nil
  end)
end

local sum = 0
for round = 1, 40 do
  local source = numbers(150)
  while true do
    local _, value = coroutine.resume(source)
    if value == nil then break end
    sum = sum + value
  end
end

local ring = {}
for i = 1, 20 do
  ring[i] = coroutine.create(function(value)
    while true do value = coroutine.yield(value + i) end
  end)
end
local token = 0
for _ = 1, 200 do
  for i = 1, 20 do
    local _, value = coroutine.resume(ring[i], token)
    token = value % 1000
  end
end
return sum + token
