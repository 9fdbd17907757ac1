-- if, while, repeat, numeric for, break.
local function sign(n)
  if n < 0 then return -1 elseif n > 0 then return 1 else return 0 end
end
assert(sign(-5) == -1 and sign(5) == 1 and sign(0) == 0)
local n = 0
while n < 10 do n = n + 1 if n == 7 then break end end
assert(n == 7)
repeat local last = n n = n - 1 until last <= 3
assert(n == 2, "the condition of repeat sees the body's locals")
local seen = {}
for i = 1, 3 do seen[#seen + 1] = i end
for i = 3, 1, -1 do seen[#seen + 1] = i end
for i = 1, 0 do seen[#seen + 1] = "never" end
for i = 1, 2, 0.5 do seen[#seen + 1] = i end
assert(table.concat(seen, " "):gsub("%.0", "") == "1 2 3 3 2 1 1 1.5 2")
local outer = 0
for i = 1, 5 do
  for j = 1, 5 do
    if j > i then break end
    outer = outer + 1
  end
end
assert(outer == 15)
local i = "untouched"
for i = 1, 2 do i = i * 10 end
assert(i == "untouched")
local count = 0
for k = 1, 3 do count = count + k k = 100 end
assert(count == 6, "assigning to the variable does not disturb the loop")
assert(not pcall(function() for q = 1, 10, 0 do break end error("zero step") end))
assert(not pcall(function() for q = "a", 10 do end end))
do local i = 5 assert(i == 5) end
