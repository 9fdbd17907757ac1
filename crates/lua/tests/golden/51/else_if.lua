--! error: else_if.lua:3: 'end' expected (to close 'if' at line 2) near '<eof>'
if x then else if y then end
