--! error: missing_then.lua:2: 'then' expected near 'print'
if x print(1) end
