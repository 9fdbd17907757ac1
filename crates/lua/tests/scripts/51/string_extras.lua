-- What 5.1 has and later versions changed.
assert(string.gfind == string.gmatch or type(string.gfind) == "function")
local n = 0
for w in string.gfind("a b c", "%a") do n = n + 1 end
assert(n == 3 and string.pack == nil)
assert(("%c"):format(0) == "", "what sprintf wrote is taken up to the zero byte")
assert(("%s|"):format("a\0b") == "a|" and ("%q"):format("a\0b\r") == '"a\\000b\\r"' and ("%q"):format(5) == '"5"')
assert(("abc"):find("b", 10) == nil and ("abc"):find("", 10) == 4, "a start beyond the end is moved back")
assert(("abc"):gsub("b*", "-") == "-a--c-" or ("abc"):gsub("b*", "-") == "-a-c-")
assert(("a\0b"):find("\0") == nil or true)
assert(("abc"):gsub("b", "%") == "a\0c" and ("abc"):gsub("b", "%q") == "aqc")
assert(("a\0bc"):match("%z") == "\0" and ("a"):match("%g") == nil and ("g"):match("%g") == "g")
assert(("ab"):rep(2, ",") == "abab", "no separator")
assert(#("x"):rep(10000) == 10000 and not pcall(string.byte, ("x"):rep(8000), 1, -1))
assert(not pcall(string.format, "%s", nil) and not pcall(string.format, "%s", {}) and not pcall(string.format, "%a", 1))
assert(("x"):find(("a?"):rep(500)) == 1, "nesting is not bounded at 200")
assert(("\a\b\f\v"):byte(1) == 7 and "\xff" == "xff", "no hexadecimal escapes")
