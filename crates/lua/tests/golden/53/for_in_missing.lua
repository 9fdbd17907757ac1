--! error: for_in_missing.lua:2: 'in' expected near 'pairs'
for k, v pairs(t) do end
