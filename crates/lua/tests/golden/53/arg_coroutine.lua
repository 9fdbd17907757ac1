--! error: arg_coroutine.lua:2: bad argument #1 to 'create' (function expected, got number)
coroutine.create(5)
