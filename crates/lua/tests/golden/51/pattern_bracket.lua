--! error: pattern_bracket.lua:2: malformed pattern (missing ']')
("x"):find("[x")
