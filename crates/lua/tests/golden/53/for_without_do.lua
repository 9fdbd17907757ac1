--! error: for_without_do.lua:2: 'do' expected near 'print'
for i = 1, 2 print(i) end
