-- Substitution with strings, tables and functions; iteration over matches.
assert(("hello world"):gsub("o", "0") == "hell0 w0rld")
assert(select(2, ("hello world"):gsub("o", "0")) == 2)
assert(("hello"):gsub("l", "L", 1) == "heLlo" and ("hello"):gsub("l", "L", 0) == "hello")
assert(("hello world"):gsub("(%w+) (%w+)", "%2 %1") == "world hello")
assert(("abc"):gsub("%w", "%0%0") == "aabbcc" and ("abc"):gsub("%w", "%%%0") == "%a%b%c")
assert(("abc"):gsub("", "-") == "-a-b-c-")
assert(("abc"):gsub("b*", "-"):find("a") == 2)
assert(("$name is $age"):gsub("%$(%w+)", { name = "Lua", age = 30 }) == "Lua is 30")
assert(("$a $b"):gsub("%$(%w)", { a = "x" }) == "x $b", "a missing key keeps the match")
assert(("4 8"):gsub("%d", function(d) return d * 2 .. "" end):gsub("%.0", "") == "8 16")
assert(("abc"):gsub("%w", function() end) == "abc" and ("abc"):gsub("%w", function() return false end) == "abc")
assert(("abc"):gsub("(a)(b)(c)", function(...) return select("#", ...) .. "" end) == "3")
assert(("hello"):gsub("^h", "J") == "Jello" and ("hello"):gsub("^e", "x") == "hello")
assert(("  x "):gsub("^%s+", ""):gsub("%s+$", "") == "x")
assert(("abc"):gsub("()", "%1") == "1a2b3c4")
assert(("a b"):gsub("%s", "%%20") == "a%20b")
assert(("x=1"):gsub("x", setmetatable({}, { __index = function(_, k) return k:upper() end })) == "X=1")
assert(not pcall(string.gsub, "a", "a", {}, {}) and not pcall(string.gsub, "a", "a"))
assert(not pcall(string.gsub, "a", "a", function() return {} end))
assert(not pcall(string.gsub, "a", "(a)", "%2"))
local words = {}
for w in ("one two  three"):gmatch("%a+") do words[#words + 1] = w end
assert(#words == 3 and words[3] == "three")
local pairs_ = {}
for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do pairs_[k] = v end
assert(pairs_.a == "1" and pairs_.b == "2")
local n = 0
for _ in ("abc"):gmatch("") do n = n + 1 end
assert(n == 4)
for position in ("abc"):gmatch("()c") do assert(position == 3) end
local encoded = ("a b&c"):gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)
assert(encoded == "a%20b%26c")
assert(encoded:gsub("%%(%x%x)", function(h) return string.char(tonumber(h, 16)) end) == "a b&c")
assert(("x"):rep(1000):gsub("x", "yy") == ("y"):rep(2000))
