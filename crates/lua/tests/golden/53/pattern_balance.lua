--! error: pattern_balance.lua:2: malformed pattern (missing arguments to '%b')
("x"):find("%b")
