--! error: assign_to_nil.lua:2: attempt to index global 'nothing' (a nil value)
nothing.x = 1
