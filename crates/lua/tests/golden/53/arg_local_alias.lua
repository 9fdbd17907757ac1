--! error: arg_local_alias.lua:3: bad argument #1 to 'rep' (string expected, got no value)
local rep = string.rep
rep()
