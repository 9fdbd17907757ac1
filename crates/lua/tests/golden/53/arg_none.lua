--! error: arg_none.lua:2: bad argument #1 to 'rep' (string expected, got no value)
string.rep()
