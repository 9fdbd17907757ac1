--! error: break_outside.lua:2: <eof> expected near 'x'
do x = 1 end return 5 x = 2
