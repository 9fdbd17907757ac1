--! error: call_result.lua:3: attempt to call a nil value
local function f() end
f()()
