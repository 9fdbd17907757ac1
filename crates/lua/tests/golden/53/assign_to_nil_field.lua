--! error: assign_to_nil_field.lua:3: attempt to index a nil value (field 'a')
local t = {}
t.a.b = 1
