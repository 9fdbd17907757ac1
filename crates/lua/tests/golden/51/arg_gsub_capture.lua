--! error: arg_gsub_capture.lua:2: invalid capture index
("x"):gsub("(x)", "%2")
