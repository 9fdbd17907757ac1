--! error: gfind.lua:2: bad argument #1 to 'gfind' (string expected, got no value)
string.gfind()
