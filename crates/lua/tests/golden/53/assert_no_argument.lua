--! error: assert_no_argument.lua:2: bad argument #1 to 'assert' (value expected)
assert()
