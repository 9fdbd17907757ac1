--! error: pattern_capture.lua:2: invalid capture index %1
("x"):find("%1")
