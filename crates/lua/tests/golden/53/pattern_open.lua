--! error: pattern_open.lua:2: unfinished capture
("x"):find("(x")
