--! error: bitwise_float.lua:2: number has no integer representation
print(1.5 & 1)
