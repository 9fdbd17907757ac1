--! error: compare_mixed.lua:2: attempt to compare number with string
print(1 < "2")
