--! error: negate_nil.lua:3: attempt to perform arithmetic on a nil value (local 'a')
local a
print(-a)
