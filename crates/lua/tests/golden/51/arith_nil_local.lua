--! error: arith_nil_local.lua:3: attempt to perform arithmetic on local 'a' (a nil value)
local a
print(1 + a)
