--! error: arith_field.lua:3: attempt to perform arithmetic on a nil value (field 'n')
local t = {}
print(t.n - 1)
