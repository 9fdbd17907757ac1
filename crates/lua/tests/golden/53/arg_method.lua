--! error: arg_method.lua:2: bad argument #1 to 'rep' (number expected, got table)
("x"):rep({})
