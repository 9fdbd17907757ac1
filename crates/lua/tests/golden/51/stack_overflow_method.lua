--! error: stack_overflow_method.lua:4: loop in gettable
local t = setmetatable({}, {})
getmetatable(t).__index = t
print(t.x)
