--! error: bitwise_table.lua:2: attempt to perform bitwise operation on a table value
print({} | 1)
