--! error: pattern_frontier.lua:2: missing '[' after '%f' in pattern
("x"):find("%f")
