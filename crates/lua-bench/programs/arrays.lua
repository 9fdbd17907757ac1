-- Tables as arrays: a sieve, then sums and a reversal.
local limit = 20000
local composite = {}
for i = 1, limit do composite[i] = false end
local count = 0
for i = 2, limit do
  if not composite[i] then
    count = count + 1
    for j = i * 2, limit, i do composite[j] = true end
  end
end
local list = {}
for i = 1, limit do list[#list + 1] = i % 7 end
for i = 1, limit / 2 do
  list[i], list[limit - i + 1] = list[limit - i + 1], list[i]
end
local sum = 0
for i, value in ipairs(list) do sum = sum + value * (i % 3) end
return count + sum
