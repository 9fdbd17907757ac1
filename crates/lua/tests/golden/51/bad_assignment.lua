--! error: bad_assignment.lua:2: unexpected symbol near '='
x = = 1
