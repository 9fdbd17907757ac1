--! error: arg_field_alias.lua:3: bad argument #1 to 'r' (string expected, got no value)
local lib = { r = string.rep }
lib.r()
