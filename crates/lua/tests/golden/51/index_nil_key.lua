--! error: index_nil_key.lua:3: table index is nil
local t = {}
t[nil] = 1
