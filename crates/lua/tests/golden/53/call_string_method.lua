--! error: call_string_method.lua:3: attempt to call a nil value (method 'nothing')
local s = "x"
s:nothing()
