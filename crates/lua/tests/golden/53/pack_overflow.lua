--! error: pack_overflow.lua:2: bad argument #2 to 'pack' (integer overflow)
string.pack("i1", 200)
