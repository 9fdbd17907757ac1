--! error: gsub_escape.lua:2: invalid use of '%' in replacement string
("x"):gsub("x", "%q")
