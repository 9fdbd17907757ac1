--! error: bad_escape.lua:2: invalid escape sequence near '"\q'
x = "\q"
