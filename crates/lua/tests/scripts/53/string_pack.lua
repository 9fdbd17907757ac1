-- Binary data.
local pack, unpack, size = string.pack, string.unpack, string.packsize
assert(pack("<i4", 100) == "d\0\0\0" and pack(">i4", 100) == "\0\0\0d" and pack("<I2", 0x1234) == "\x34\x12" and pack(">h", -2) == "\xff\xfe")
assert(unpack("<i4", "\xff\xff\xff\xff") == -1 and unpack("<I4", "\xff\xff\xff\xff") == 0xffffffff and unpack("b", "\x80") == -128 and unpack("B", "\x80") == 128)
assert(pack("z", "abc") == "abc\0" and pack("s1", "abc") == "\3abc" and pack("c5", "abc") == "abc\0\0" and unpack("z", "abc\0def") == "abc" and select(2, unpack("s1", "\3abcdef")) == 5)
assert(size("i4i8") == 12 and size("!8i4i8") == 16 and size("<!4 b i4") == 8 and size("d f n j") == 28 and size("c10 x") == 11)
assert(unpack("<d", pack("<d", 3.14)) == 3.14 and unpack(">f", pack(">f", 0.5)) == 0.5 and unpack("n", pack("n", -1e300)) == -1e300)
local a, b, c, at = unpack("<i2 >i2 c2", "\1\0\0\1hi")
assert(a == 1 and b == 1 and c == "hi" and at == 7 and unpack("i1", "\1\2\3", 3) == 3 and unpack("B", "abc", -1) == 99)
for _, n in ipairs({ 0, 1, -1, math.maxinteger, math.mininteger }) do
  assert(unpack("<j", pack("<j", n)) == n and unpack(">i16", pack(">i16", n)) == n)
end
assert(pack("<i3", -5):len() == 3 and unpack("<i3", pack("<i3", -5)) == -5 and pack("!4 i1 Xi4 i4", 1, 2):len() == 8)
for _, bad in ipairs({ "i17", "y", "c", "!3i4", "i0", "Xz", "X" }) do assert(not pcall(pack, bad, 1), bad) end
assert(not pcall(pack, "i1", 128) and not pcall(pack, "I1", -1) and not pcall(pack, "c1", "ab") and not pcall(pack, "z", "a\0") and not pcall(pack, "s1", ("x"):rep(256)))
assert(not pcall(unpack, "i4", "abc") and not pcall(unpack, "i1", "a", 3) and not pcall(unpack, "s1", "\5ab") and not pcall(size, "z") and not pcall(size, "s"))
