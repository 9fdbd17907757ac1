--! error: arg_protected.lua:2: cannot change a protected metatable
setmetatable(setmetatable({}, {__metatable = 1}), {})
