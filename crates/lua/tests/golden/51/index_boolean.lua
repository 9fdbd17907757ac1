--! error: index_boolean.lua:2: attempt to index a boolean value
print((true).x)
