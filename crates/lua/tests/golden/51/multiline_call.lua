--! error: multiline_call.lua:5: attempt to perform arithmetic on local 't' (a table value)
local t = {}
local x = 1 +
  2 +
  t
