-- string.gsub with a text, a table and a function.
local names = { temp = "21", unit = "C", place = "hall" }
local page = ("<p>$temp $unit in the $place</p> &amp; more text that stays as it is\n"):rep(10)
local total = 0
for i = 1, 100 do
  local filled, n = page:gsub("%$(%w+)", names)
  local escaped, m = filled:gsub("[<>&]", { ["<"] = "&lt;", [">"] = "&gt;", ["&"] = "&amp;" })
  local upper, k = escaped:gsub("%a+", function(word) return #word > 4 and word:upper() or nil end)
  local plain = upper:gsub("%s+", " ")
  total = total + n + m + k + #plain
end
return total
