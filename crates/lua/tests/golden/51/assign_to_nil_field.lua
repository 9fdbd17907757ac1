--! error: assign_to_nil_field.lua:3: attempt to index field 'a' (a nil value)
local t = {}
t.a.b = 1
