--! error: remove_bounds.lua:2: bad argument #1 to 'remove' (position out of bounds)
table.remove({1, 2}, 9)
