--! error: concat_boolean.lua:2: attempt to concatenate a boolean value
print("a" .. true)
