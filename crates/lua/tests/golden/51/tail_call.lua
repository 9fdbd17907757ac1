--! error: x
local function f() error("x", 2) end
local function g() return f() end
g()
