--! error: no_integer.lua:2: bad argument #2 to 'rep' (number has no integer representation)
string.rep("x", 1.5)
