--! error: missing_brace_line.lua:6: '}' expected (to close '{' at line 2) near 'x'
t = {
1,
2

x = 3
