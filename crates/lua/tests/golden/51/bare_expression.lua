--! error: bare_expression.lua:2: '=' expected near '+'
x + 1
