--! error: arith_field.lua:3: attempt to perform arithmetic on field 'n' (a nil value)
local t = {}
print(t.n - 1)
