-- The utf8 library.
local s = "aé€😀"
assert(utf8.len(s) == 4 and #s == 10 and utf8.char(97, 233, 8364, 128512) == s and utf8.char() == "")
local codes = {}
for p, c in utf8.codes(s) do codes[#codes + 1] = p .. ":" .. c end
assert(table.concat(codes, " ") == "1:97 2:233 4:8364 7:128512")
assert(utf8.codepoint(s) == 97 and select("#", utf8.codepoint(s, 1, -1)) == 4 and utf8.codepoint(s, 4) == 8364)
assert(utf8.offset(s, 3) == 4 and utf8.offset(s, -1) == 7 and utf8.offset(s, 0, 5) == 4 and utf8.offset(s, 5) == 11 and utf8.offset(s, 6) == nil and utf8.offset("abc", -4) == nil)
assert(utf8.len("\xff") == nil and select(2, utf8.len("ab\xff")) == 3 and utf8.len("") == 0 and utf8.len(s, 2) == 3 and utf8.len(s, -4) == 1 and utf8.len("abc", 4) == 0)
assert(not pcall(utf8.len, "abc", 5) and not pcall(utf8.codepoint, "\xff") and not pcall(utf8.char, -1) and not pcall(utf8.char, 0x110000) and not pcall(utf8.offset, "é", 1, 2) and not pcall(utf8.codepoint, "abc", 4, 5))
assert(not pcall(function() for _ in utf8.codes("a\x80") do end end) and utf8.charpattern == "[\0-\x7F\xC2-\xF4][\x80-\xBF]*")
local n = 0
for c in s:gmatch(utf8.charpattern) do n = n + 1 end
assert(n == 4 and "\u{41}\u{20ac}" == "A€" and "\u{10FFFF}" == "\xF4\x8F\xBF\xBF" and utf8.len("\xc0\x80") == nil and utf8.len("\xed\xa0\x80") == 1)
