--! error: concat_field.lua:3: attempt to concatenate field 'name' (a nil value)
local t = {}
print("x" .. t.name .. "y")
