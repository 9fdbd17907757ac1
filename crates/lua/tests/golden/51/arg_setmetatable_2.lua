--! error: arg_setmetatable_2.lua:2: bad argument #2 to 'setmetatable' (nil or table expected)
setmetatable({}, 1)
