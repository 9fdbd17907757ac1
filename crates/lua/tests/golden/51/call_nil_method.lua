--! error: call_nil_method.lua:3: attempt to call method 'f' (a nil value)
local t = {}
t:f()
