--! error: arg_format_type.lua:2: bad argument #2 to 'format' (number expected, got string)
string.format("%d", "x")
