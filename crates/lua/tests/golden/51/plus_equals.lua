--! error: plus_equals.lua:2: '=' expected near '+'
x += 1
