--! error: concat_local.lua:3: attempt to concatenate local 's' (a nil value)
local s
print("a" .. s)
