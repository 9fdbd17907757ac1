--! error: arg_type_none.lua:2: bad argument #1 to 'type' (value expected)
type()
