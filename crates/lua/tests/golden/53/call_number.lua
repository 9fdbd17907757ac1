--! error: call_number.lua:2: attempt to call a number value
(5)()
