--! error: arg_select.lua:2: bad argument #1 to 'select' (index out of range)
select(0)
