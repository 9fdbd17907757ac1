--! error: tilde.lua:2: unexpected symbol near '='
x = ~ = 1
