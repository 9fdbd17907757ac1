--! error: call_string_method.lua:3: attempt to call method 'nothing' (a nil value)
local s = "x"
s:nothing()
