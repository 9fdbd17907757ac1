--! error: arg_floor.lua:2: bad argument #1 to 'floor' (number expected, got table)
math.floor({})
