--! error: concat_nil.lua:2: attempt to concatenate a nil value (global 'nothing')
print("a" .. nothing)
