--! error: bad_hex_escape.lua:2: hexadecimal digit expected near '"\xZ'
x = "\xZZ"
