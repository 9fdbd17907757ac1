--! error: arg_sort_function.lua:2: bad argument #2 to 'sort' (function expected, got number)
table.sort({1, 2}, 5)
