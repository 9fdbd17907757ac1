--! error: arith_nil_global.lua:2: attempt to perform arithmetic on global 'x' (a nil value)
print(x + 1)
