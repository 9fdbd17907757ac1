--! error: arg_ipairs.lua:2: bad argument #1 to 'ipairs' (value expected)
ipairs()
