--! error: arg_max.lua:2: bad argument #1 to 'max' (number expected, got no value)
math.max()
