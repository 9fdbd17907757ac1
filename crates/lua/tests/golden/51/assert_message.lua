--! error: assert_message.lua:2: why
assert(nil, "why")
