--! error: index_nil_local.lua:3: attempt to index a nil value (local 't')
local t
print(t.x)
