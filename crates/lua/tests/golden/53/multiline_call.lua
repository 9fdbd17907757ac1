--! error: multiline_call.lua:4: attempt to perform arithmetic on a table value (local 't')
local t = {}
local x = 1 +
  2 +
  t
