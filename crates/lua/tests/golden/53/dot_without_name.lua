--! error: dot_without_name.lua:2: unexpected symbol near '.1'
x = a.1
