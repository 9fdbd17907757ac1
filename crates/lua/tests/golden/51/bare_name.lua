--! error: bare_name.lua:3: '=' expected near '<eof>'
x
