--! error: arg_tostring.lua:2: bad argument #1 to 'tostring' (value expected)
tostring()
