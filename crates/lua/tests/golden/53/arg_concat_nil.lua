--! error: arg_concat_nil.lua:2: invalid value (nil) at index 3 in table for 'concat'
table.concat({1, 2}, ",", 1, 3)
