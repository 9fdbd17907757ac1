--! error: arg_number.lua:2: bad argument #2 to 'rep' (number expected, got string)
string.rep("x", "y")
