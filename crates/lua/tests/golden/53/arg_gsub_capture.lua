--! error: arg_gsub_capture.lua:2: invalid capture index %2
("x"):gsub("(x)", "%2")
