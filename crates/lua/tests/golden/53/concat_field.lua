--! error: concat_field.lua:3: attempt to concatenate a nil value (field 'name')
local t = {}
print("x" .. t.name .. "y")
