--! error: semicolon_first.lua:2: <name> expected near '='
local = 5
