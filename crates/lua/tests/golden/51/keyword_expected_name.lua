--! error: keyword_expected_name.lua:2: '<name>' expected near '5'
local function 5() end
