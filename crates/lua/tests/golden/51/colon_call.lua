--! error: colon_call.lua:2: '<name>' expected near '1'
x:1()
