--! error: malformed_exponent.lua:2: malformed number near '1e'
x = 1e
