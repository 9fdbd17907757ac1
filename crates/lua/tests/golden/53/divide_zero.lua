--! error: divide_zero.lua:2: attempt to divide by zero
print(1 // 0)
