--! error: index_nil_field.lua:3: attempt to index a nil value (field 'a')
local t = {}
print(t.a.b)
