--! error: assert_default.lua:2: assertion failed!
assert(false)
