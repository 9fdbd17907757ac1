-- Literals and the plain string functions.
assert("a\tb\nc\\\"\'" == 'a\tb\nc\\"\'' and "\65\066\0671" == "ABC1")
assert([[
first newline is skipped]] == "first newline is skipped")
assert([==[a]]b]=]c]==] == "a]]b]=]c" and #[[

]] == 1)
assert("line\
break" == "line\nbreak")
assert(#"\0\0" == 2 and "a\0b" ~= "a" and ("a\0b"):len() == 3)
local s = "hello world"
assert(s:sub(1, 5) == "hello" and s:sub(-5) == "world" and s:sub(2, -2) == "ello worl")
assert(s:sub(0) == s and s:sub(100) == "" and s:sub(5, 2) == "" and s:sub(-100, 3) == "hel" and s:sub(3, 100) == "llo world")
assert(s:upper() == "HELLO WORLD" and ("ABC"):lower() == "abc" and s:reverse() == "dlrow olleh")
assert(s:len() == 11 and #s == 11 and ("x"):rep(3) == "xxx" and ("x"):rep(0) == "" and ("x"):rep(-1) == "" and (""):rep(100) == "")
assert(s:byte() == 104 and s:byte(-1) == 100 and select("#", s:byte(1, -1)) == 11 and s:byte(100) == nil)
assert(select("#", s:byte(0)) == 0 and select("#", s:byte(3, 2)) == 0)
assert(string.char() == "" and string.char(72, 105) == "Hi" and string.char(0, 255):byte(2) == 255)
assert(not pcall(string.char, 256) and not pcall(string.char, -1))
assert(("abc" .. "def"):find("cd") == 3)
assert(("%d"):format(5) == "5" and ("x").rep("ab", 2) == "abab")
assert(s:find("o") == 5 and s:find("o", 6) == 8 and s:find("z") == nil)
assert(select(2, s:find("wor")) == 9 and s:find("", 3) == 3 and s:find("l+") == 3)
assert(s:find(".", 1, true) == nil and ("a.b"):find(".", 1, true) == 2)
local long = ("0123456789"):rep(1000)
assert(#long == 10000 and long:sub(5001, 5003) == "012" and long:find("90", 9000) == 9000)
local bytes = {}
for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
local all = table.concat(bytes)
assert(#all == 256)
for i = 0, 255 do assert(all:byte(i + 1) == i) end
assert(not pcall(string.rep) and not pcall(string.sub) and not pcall(string.len, {}))
