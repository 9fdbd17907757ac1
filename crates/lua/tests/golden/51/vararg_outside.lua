--! error: vararg_outside.lua:2: cannot use '...' outside a vararg function near '...'
function f() return ... end
