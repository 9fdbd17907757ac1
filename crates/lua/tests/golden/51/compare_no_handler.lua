--! error: compare_no_handler.lua:3: attempt to compare two table values
local a, b = setmetatable({}, {}), setmetatable({}, {})
print(a < b)
