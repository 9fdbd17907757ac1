--! error: arg_format_missing.lua:2: bad argument #2 to 'format' (no value)
string.format("%d")
