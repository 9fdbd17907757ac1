--! error: load_mode.lua:2: attempt to load a text chunk (mode is 'b')
assert(load("return 1", "c", "b"))
