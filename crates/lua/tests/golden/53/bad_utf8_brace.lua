--! error: bad_utf8_brace.lua:2: missing '{' near '"\u4'
x = "\u41"
