--! error: stack_overflow_method.lua:4: '__index' chain too long; possible loop
local t = setmetatable({}, {})
getmetatable(t).__index = t
print(t.x)
