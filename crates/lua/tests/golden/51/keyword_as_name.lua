--! error: keyword_as_name.lua:2: '<name>' expected near 'end'
local end = 1
