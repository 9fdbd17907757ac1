--! error: arg_coroutine.lua:2: bad argument #1 to 'create' (Lua function expected)
coroutine.create(5)
