--! error: unexpected_symbol.lua:2: unexpected symbol near '@'
x = @
