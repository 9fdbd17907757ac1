--! error: length_nil.lua:3: attempt to get length of local 't' (a nil value)
local t
print(#t)
