--! error: for_in_nil.lua:2: attempt to call a nil value
for k in nothing do end
