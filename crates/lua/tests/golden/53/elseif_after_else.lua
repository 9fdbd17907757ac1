--! error: elseif_after_else.lua:2: 'end' expected near 'elseif'
if a then else elseif b then end
