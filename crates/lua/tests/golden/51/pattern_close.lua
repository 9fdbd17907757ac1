--! error: pattern_close.lua:2: invalid pattern capture
("x"):find("%w)")
