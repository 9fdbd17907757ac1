--! error: local_function_dot.lua:2: '(' expected near '.'
local function a.b() end
