--! error: arg_char.lua:2: bad argument #1 to 'char' (value out of range)
string.char(256)
