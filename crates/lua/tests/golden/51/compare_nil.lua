--! error: compare_nil.lua:2: attempt to compare nil with number
print(nil < 1)
