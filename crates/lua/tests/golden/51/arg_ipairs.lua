--! error: arg_ipairs.lua:2: bad argument #1 to 'ipairs' (table expected, got no value)
ipairs()
