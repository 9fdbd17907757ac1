--! error: pattern_capture.lua:2: invalid capture index
("x"):find("%1")
