--! error: arg_upvalue_alias.lua:3: bad argument #1 to 'rep' (string expected, got no value)
local rep = string.rep
local function f() rep() end
f()
