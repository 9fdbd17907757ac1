--! error: bad_escape_hex.lua:2: unexpected symbol near '='
x = "\q" y = = 1
