--! error: comma_missing.lua:2: ')' expected near '2'
f(1 2)
