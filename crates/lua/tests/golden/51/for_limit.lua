--! error: for_limit.lua:2: 'for' limit must be a number
for i = 1, {} do end
