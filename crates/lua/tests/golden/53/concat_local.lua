--! error: concat_local.lua:3: attempt to concatenate a nil value (local 's')
local s
print("a" .. s)
