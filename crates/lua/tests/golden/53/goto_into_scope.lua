--! error: goto_into_scope.lua:4: <goto f> at line 2 jumps into the scope of local 'x'
goto f
local x
::f:: print(x)
