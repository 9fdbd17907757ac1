--! error: length_nil.lua:3: attempt to get length of a nil value (local 't')
local t
print(#t)
