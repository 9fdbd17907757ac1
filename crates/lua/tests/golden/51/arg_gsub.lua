--! error: arg_gsub.lua:2: bad argument #2 to 'gsub' (string/function/table expected)
("x"):gsub("x", true)
