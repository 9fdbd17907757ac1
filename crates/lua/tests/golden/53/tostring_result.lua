--! error: tostring_result.lua:2: '__tostring' must return a string
tostring(setmetatable({}, { __tostring = function() return {} end }))
