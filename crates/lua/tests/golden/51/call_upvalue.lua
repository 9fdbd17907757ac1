--! error: call_upvalue.lua:3: attempt to call upvalue 'g' (a nil value)
local g
local function f() g() end
f()
