--! error: unexpected_eof.lua:3: unexpected symbol near '<eof>'
print(
