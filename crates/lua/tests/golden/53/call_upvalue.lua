--! error: call_upvalue.lua:3: attempt to call a nil value (upvalue 'g')
local g
local function f() g() end
f()
