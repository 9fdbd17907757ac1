--! error: rep_large.lua:2: resulting string too large
("x"):rep(1 << 40)
