--! error: bad_field.lua:2: '}' expected near '='
t = { 1 = 2 }
