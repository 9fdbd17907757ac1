--! error: utf8_char.lua:2: bad argument #1 to 'char' (value out of range)
utf8.char(-1)
