--! error: call_nil_local.lua:3: attempt to call local 'f' (a nil value)
local f
f()
