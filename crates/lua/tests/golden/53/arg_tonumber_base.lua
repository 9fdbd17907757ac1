--! error: arg_tonumber_base.lua:2: bad argument #2 to 'tonumber' (base out of range)
tonumber("1", 99)
