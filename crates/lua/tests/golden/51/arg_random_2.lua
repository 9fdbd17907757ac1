--! error: arg_random_2.lua:2: bad argument #2 to 'random' (interval is empty)
math.random(2, 1)
