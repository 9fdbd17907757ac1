--! error: length_number.lua:2: attempt to get length of global 'nothing' (a nil value)
print(#nothing)
