--! error: string_escape_range.lua:2: escape sequence too large near '"'
x = "\400"
