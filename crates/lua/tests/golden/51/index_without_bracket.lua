--! error: index_without_bracket.lua:3: ']' expected near '<eof>'
x = a[1
