--! error: negate_nil.lua:3: attempt to perform arithmetic on local 'a' (a nil value)
local a
print(-a)
