--! error: call_nil_field.lua:3: attempt to call a nil value (field 'f')
local t = {}
t.f()
