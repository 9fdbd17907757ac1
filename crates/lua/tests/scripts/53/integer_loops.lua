-- Numeric loops at the edges.
local n = 6
for i = 1, 3 do assert(math.type(i) == "integer") end
for i = 1.0, 3 do assert(math.type(i) == "float") end
for i = 1, 3.9 do n = n + 1 assert(math.type(i) == "integer") end
assert(n == 9)
for i = 3, 1 do error("never") end
for i = 1, math.huge do n = n + 1 if i == 5 then break end end
assert(n == 14)
for i = 1, -math.huge do error("never") end
for i = -1, -math.huge, -1 do n = n + 1 if i == -3 then break end end
assert(n == 17)

assert(not pcall(function() for i = 1, {} do end end))
local last
for i = 1, 10, 4 do last = i end
assert(last == 9)
