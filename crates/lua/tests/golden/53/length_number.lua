--! error: length_number.lua:2: attempt to get length of a nil value (global 'nothing')
print(#nothing)
