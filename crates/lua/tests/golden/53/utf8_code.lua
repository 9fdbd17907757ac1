--! error: utf8_code.lua:2: invalid UTF-8 code
utf8.codepoint("\xff")
