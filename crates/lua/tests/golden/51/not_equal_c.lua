--! error: not_equal_c.lua:2: 'then' expected near '!'
if a != b then end
