--! error: compare_booleans.lua:2: attempt to compare two boolean values
print(true > false)
