--! error: index_nil_upvalue.lua:3: attempt to index upvalue 't' (a nil value)
local t
local function f() return t.x end
f()
