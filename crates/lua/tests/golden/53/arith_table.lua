--! error: arith_table.lua:3: attempt to perform arithmetic on a table value (local 't')
local t = {}
print(t * 2)
