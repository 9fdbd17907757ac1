--! error: return_not_last.lua:2: '<eof>' expected near 'print'
return 1 print(2)
