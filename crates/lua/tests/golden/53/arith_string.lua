--! error: arith_string.lua:2: attempt to perform arithmetic on a string value
print("abc" + 1)
