--! error: unfinished_string_line.lua:2: unfinished string near ''abc'
x = 'abc
y = 1
