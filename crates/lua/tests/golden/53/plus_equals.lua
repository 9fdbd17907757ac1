--! error: plus_equals.lua:2: syntax error near '+'
x += 1
