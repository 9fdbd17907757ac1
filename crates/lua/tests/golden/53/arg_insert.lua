--! error: arg_insert.lua:2: wrong number of arguments to 'insert'
table.insert({1}, 1, 2, 3)
