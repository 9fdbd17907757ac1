--! error: move_many.lua:2: bad argument #3 to 'move' (too many elements to move)
table.move({}, -1, 0x7fffffffffffffff, 1)
