--! error: for_initial.lua:2: 'for' initial value must be a number
for i = "x", 2 do end
