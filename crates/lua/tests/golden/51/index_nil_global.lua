--! error: index_nil_global.lua:2: attempt to index global 'nothing' (a nil value)
print(nothing.x)
