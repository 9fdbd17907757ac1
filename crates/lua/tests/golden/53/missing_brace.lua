--! error: missing_brace.lua:3: '}' expected (to close '{' at line 2) near 'x'
t = {1, 2
x = 3
