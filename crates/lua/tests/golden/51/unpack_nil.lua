--! error: unpack_nil.lua:2: bad argument #1 to 'unpack' (table expected, got nil)
unpack(nil)
