--! error: arg_char.lua:2: bad argument #1 to 'char' (invalid value)
string.char(256)
