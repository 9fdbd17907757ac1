--! error: bare_name.lua:3: syntax error near <eof>
x
