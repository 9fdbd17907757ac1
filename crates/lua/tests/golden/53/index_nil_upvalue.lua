--! error: index_nil_upvalue.lua:3: attempt to index a nil value (upvalue 't')
local t
local function f() return t.x end
f()
