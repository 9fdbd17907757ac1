--! error: unfinished_long_string.lua:3: unfinished long string (starting at line 2) near <eof>
x = [[abc
