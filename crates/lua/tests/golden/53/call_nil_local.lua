--! error: call_nil_local.lua:3: attempt to call a nil value (local 'f')
local f
f()
