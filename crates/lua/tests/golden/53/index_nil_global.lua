--! error: index_nil_global.lua:2: attempt to index a nil value (global 'nothing')
print(nothing.x)
