--! error: compare_tables.lua:2: attempt to compare two table values
print({} < {})
