--! error: pattern_balance.lua:2: unbalanced pattern
("x"):find("%b")
