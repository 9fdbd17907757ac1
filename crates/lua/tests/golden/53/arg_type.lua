--! error: arg_type.lua:2: bad argument #1 to 'rep' (string expected, got table)
string.rep({}, 1)
