-- What 5.3's strings do.
assert(("ab"):rep(3, ",") == "ab,ab,ab" and ("x"):rep(1, "sep") == "x" and not pcall(string.rep, "ab", 1 << 40))
assert("\x41\u{42}\z
        C" == "ABC" and "\065\10" == "A\n" and '\'' == "'")
assert(("%a"):format(1) == "0x1p+0" and ("%q"):format(1 / 3) == "0x1.5555555555555p-2" and ("%q"):format(math.mininteger) == "0x8000000000000000" and ("%q"):format("\0\r1") == '"\\0\\0131"')
assert(("%s %s"):format(nil, true) == "nil true" and ("%d"):format("3") == "3" and ("%5.2s|"):format("abc") == "   ab|" and ("%c"):format(0) == "\0")
assert(not pcall(string.format, "%10s", "a\0b") and ("%s"):format("a\0b") == "a\0b" and not pcall(string.format, "%q", {}))
assert(("abc"):find("", 10) == nil and ("abc"):find("", 4) == 4 and ("abc"):gsub("b*", "-") == "-a-c-" and ("a\0b"):find("\0") == 2 and ("a\0b"):match("[^\0]+") == "a")
assert(not pcall(string.gsub, "abc", "b", "%") and not pcall(string.gsub, "abc", "b", "%q") and ("hello"):match("%g+") == "hello" and ("a b"):match("%G") == " ")
assert(not pcall(string.find, ("a"):rep(300), ("a?"):rep(300)), "pattern too complex")
assert(#("x"):rep(10) == 10 and select("#", ("x"):rep(10000):byte(1, -1)) == 10000)
assert(tostring(12):len() == 2 and (1.5 .. "|" .. 2.0) == "1.5|2.0" and 10 // 3 .. "" == "3")
for k, v in ("a=1;b=2"):gmatch("(%w)=(%w)") do assert(k ~= v) end
