--! error: arith_nil_global.lua:2: attempt to perform arithmetic on a nil value (global 'x')
print(x + 1)
