--! error: modulo_zero.lua:2: attempt to perform 'n%0'
print(1 % 0)
