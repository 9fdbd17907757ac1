--! error: index_nan_key.lua:3: table index is NaN
local t = {}
t[0/0] = 1
