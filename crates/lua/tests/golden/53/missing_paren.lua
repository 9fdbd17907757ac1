--! error: missing_paren.lua:3: ')' expected (to close '(' at line 2) near 'x'
print((1 + 2)
x = 3
