--! error: pack_option.lua:2: invalid format option 'y'
string.pack("y", 1)
