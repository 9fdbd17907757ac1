--! error: bad_utf8_escape.lua:2: UTF-8 value too large near '"\u{110000'
x = "\u{110000000}"
