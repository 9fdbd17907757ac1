--! error: pattern_escape.lua:2: malformed pattern (ends with '%')
("x"):find("x%")
