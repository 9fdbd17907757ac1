--! error: arg_max.lua:2: bad argument #1 to 'max' (value expected)
math.max()
