-- string.format with the usual conversions, tostring and tonumber.
local total = 0
for i = 1, 6000 do
  local text = string.format("%d %s %5.2f %x %-8s|%03d", i, "name", i / 7, i, "abc", i % 1000)
  total = total + #text
  total = total + tonumber(string.format("%d", i)) % 7 + #tostring(i)
end
return total
