--! error: assign_to_nil.lua:2: attempt to index a nil value (global 'nothing')
nothing.x = 1
