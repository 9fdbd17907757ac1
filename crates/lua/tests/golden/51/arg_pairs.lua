--! error: arg_pairs.lua:2: bad argument #1 to 'pairs' (table expected, got nil)
pairs(nil)
