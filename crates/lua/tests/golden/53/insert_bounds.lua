--! error: insert_bounds.lua:2: bad argument #2 to 'insert' (position out of bounds)
table.insert({1, 2}, 9, 1)
