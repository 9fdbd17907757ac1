--! error: fmod_zero.lua:2: bad argument #2 to 'fmod' (zero)
math.fmod(1, 0)
