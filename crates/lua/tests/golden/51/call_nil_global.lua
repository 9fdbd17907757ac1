--! error: call_nil_global.lua:2: attempt to call global 'nothing' (a nil value)
nothing()
