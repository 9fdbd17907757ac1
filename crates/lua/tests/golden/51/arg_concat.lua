--! error: arg_concat.lua:2: invalid value (table) at index 2 in table for 'concat'
table.concat({1, {}, 3})
