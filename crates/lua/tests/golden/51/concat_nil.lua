--! error: concat_nil.lua:2: attempt to concatenate global 'nothing' (a nil value)
print("a" .. nothing)
