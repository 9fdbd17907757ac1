--! error: arg_wrap_dead.lua:4: cannot resume dead coroutine
local f = coroutine.wrap(function() end)
f()
f()
