--! error: string_escape_range.lua:2: decimal escape too large near '"\400"'
x = "\400"
