--! error: arg_sort_invalid.lua:2: invalid order function for sorting
local t = {} for i = 1, 50 do t[i] = i % 5 end table.sort(t, function() return true end)
