--! error: bitwise_string.lua:2: attempt to perform bitwise operation on a string value
print("a" & 1)
