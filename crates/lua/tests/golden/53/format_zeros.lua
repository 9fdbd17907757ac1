--! error: format_zeros.lua:2: bad argument #2 to 'format' (string contains zeros)
string.format("%10s", "a\0b")
