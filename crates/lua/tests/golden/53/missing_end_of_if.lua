--! error: missing_end_of_if.lua:6: 'end' expected (to close 'if' at line 2) near <eof>
if true then
  x = 1

local y = 2
