--! error: concat_table.lua:3: attempt to concatenate local 't' (a table value)
local t = {}
print(t .. "x")
