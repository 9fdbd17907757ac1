--! error: setfenv_argument.lua:2: bad argument #2 to 'setfenv' (table expected, got no value)
setfenv(1)
