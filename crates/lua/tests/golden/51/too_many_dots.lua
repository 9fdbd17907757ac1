--! error: too_many_dots.lua:2: unexpected symbol near '...'
x = a....b
