-- Concatenation: a growing string, short pieces with numbers, and comparison of the results.
local text = ""
for i = 1, 2000 do
  text = text .. "x"
  if #text > 400 then text = "" end
end
local same, length = 0, 0
for i = 1, 12000 do
  local line = "GET /sensor/" .. (i % 100) .. "?value=" .. (i % 10) .. " HTTP/1.1"
  length = length + #line
  if line == "GET /sensor/" .. 42 .. "?value=" .. 2 .. " HTTP/1.1" then same = same + 1 end
end
return length + same + #text
