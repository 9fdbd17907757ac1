--! error: bad_long_bracket.lua:2: invalid long string delimiter near '[='
x = [=abc
