--! error: index_number.lua:3: attempt to index local 'n' (a number value)
local n = 5
print(n.x)
