--! error: index_nil_field.lua:3: attempt to index field 'a' (a nil value)
local t = {}
print(t.a.b)
