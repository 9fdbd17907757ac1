--! error: unpack_short.lua:2: bad argument #2 to 'unpack' (data string too short)
string.unpack("i4", "abc")
