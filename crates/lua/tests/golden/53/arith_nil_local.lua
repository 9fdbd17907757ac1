--! error: arith_nil_local.lua:3: attempt to perform arithmetic on a nil value (local 'a')
local a
print(1 + a)
