--! error: assign_to_call.lua:2: unexpected symbol near '='
f() = 1
