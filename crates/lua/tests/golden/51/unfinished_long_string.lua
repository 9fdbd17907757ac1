--! error: unfinished_long_string.lua:3: unfinished long string near '<eof>'
x = [[abc
