--! error: call_nil_global.lua:2: attempt to call a nil value (global 'nothing')
nothing()
