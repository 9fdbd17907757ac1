--! error: foreach_argument.lua:2: bad argument #2 to 'foreach' (function expected, got no value)
table.foreach({})
