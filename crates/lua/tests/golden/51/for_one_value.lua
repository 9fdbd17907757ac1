--! error: for_one_value.lua:2: ',' expected near 'do'
for i = 1 do end
