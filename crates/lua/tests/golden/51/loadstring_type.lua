--! error: loadstring_type.lua:2: bad argument #1 to 'loadstring' (string expected, got nil)
loadstring(nil)
