--! error: arg_gsub_value.lua:2: invalid replacement value (a table)
("x"):gsub("x", function() return {} end)
