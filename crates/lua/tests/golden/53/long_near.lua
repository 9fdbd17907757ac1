--! error: long_near.lua:2: unexpected symbol near '}'
x = }
