--! error: bare_expression.lua:2: syntax error near '+'
x + 1
