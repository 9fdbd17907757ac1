--! error: arg_random.lua:2: bad argument #1 to 'random' (interval is empty)
math.random(0)
