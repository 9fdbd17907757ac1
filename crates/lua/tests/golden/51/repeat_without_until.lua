--! error: repeat_without_until.lua:3: 'until' expected (to close 'repeat' at line 2) near '<eof>'
repeat x = 1
