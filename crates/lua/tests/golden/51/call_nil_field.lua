--! error: call_nil_field.lua:3: attempt to call field 'f' (a nil value)
local t = {}
t.f()
