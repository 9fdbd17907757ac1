--! error: until_alone.lua:2: '<eof>' expected near 'until'
until x
