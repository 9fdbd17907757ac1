-- One number type: the double.
assert(tostring(3.0) == "3" and tostring(1e15) == "1e+15" and tostring(2 ^ 53) == "9.007199254741e+15")
assert(tostring(10 / 2) == "5" and tostring(-0.0) == "-0" and 7 / 2 == 3.5)
assert(tostring(123456789012345) == "1.2345678901234e+14" or tostring(123456789012345) == "1.2345678901235e+14")
assert(2 ^ 53 == 2 ^ 53 + 1 and 0xffffffffff == 1099511627775)
assert(-7 % 0 ~= -7 % 0 and 5 % math.huge ~= 5 % math.huge, "the remainder comes from a - floor(a/b)*b")
assert(tonumber("inf") == math.huge and tonumber("0x1p4") == 16 and tonumber("10\0x") == 10)
assert(tonumber("-ff", 16) > 1e19 and tonumber("0x10", 16) == 16)
assert(math.floor(1e100) == 1e100 and tostring(math.floor(3.5)) == "3")
assert(("%d"):format(3.9) == "3" and ("%d"):format(-3.9) == "-3" and ("%x"):format(-1) == "ffffffffffffffff")
assert(("%5.1f"):format("2.25") == "  2.2" and ("abc"):sub(1.9) == "abc" and ("x"):rep(2.9) == "xx")
assert(math.max(1, 2.5) == 2.5 and tostring(math.max(2, 1)) == "2" and math.pow(2, 3) == 8)
for i = 1, 3 do assert(tostring(i) == ("123"):sub(i, i)) end
local n = 0
for x = 0.1, 1, 0.1 do n = n + 1 end
assert(n == 10 or n == 9)
assert(math.mod(7, 3) == 1 and math.log10(1000) == 3 and math.ldexp(0.5, 3) == 4 and math.frexp(8) == 0.5 and select(2, math.frexp(8)) == 4)
assert(math.atan2(1, 1) == math.pi / 4 and math.cosh(0) == 1 and math.sinh(0) == 0 and math.tanh(0) == 0)
