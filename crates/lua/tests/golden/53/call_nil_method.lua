--! error: call_nil_method.lua:3: attempt to call a nil value (method 'f')
local t = {}
t:f()
