--! error: missing_end.lua:4: 'end' expected (to close 'function' at line 2) near <eof>
function f()
  return 1
