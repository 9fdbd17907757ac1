--! error: tointeger_none.lua:2: bad argument #1 to 'tointeger' (value expected)
math.tointeger()
