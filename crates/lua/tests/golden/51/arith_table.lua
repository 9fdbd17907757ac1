--! error: arith_table.lua:3: attempt to perform arithmetic on local 't' (a table value)
local t = {}
print(t * 2)
