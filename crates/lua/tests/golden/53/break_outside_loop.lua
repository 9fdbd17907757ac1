--! error: break_outside_loop.lua:3: <break> at line 2 not inside a loop
break
