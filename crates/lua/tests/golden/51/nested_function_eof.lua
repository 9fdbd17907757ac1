--! error: nested_function_eof.lua:7: 'end' expected (to close 'function' at line 2) near '<eof>'
local f = function()
  if true then
    return 1
  end

