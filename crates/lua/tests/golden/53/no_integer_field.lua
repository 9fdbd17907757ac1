--! error: no_integer_field.lua:3: number (field 'n') has no integer representation
local t = { n = 1.5 }
print(1 << t.n)
