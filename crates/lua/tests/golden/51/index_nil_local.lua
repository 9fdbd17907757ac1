--! error: index_nil_local.lua:3: attempt to index local 't' (a nil value)
local t
print(t.x)
