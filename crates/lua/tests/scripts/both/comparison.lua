-- Equality and order.
assert(1 == 1.0 and "a" == "a" and nil == nil and true ~= false)
assert({} ~= {} and print == print)
assert(1 < 2 and 2 <= 2 and not (2 < 2) and 3 > 2 and 3 >= 3)
assert("a" < "b" and "a" < "aa" and "" < "a" and "Z" < "a" and "a\0b" > "a\0a" and "a" < "a\0")
assert(not ("b" < "a") and "b" >= "a" and "abc" <= "abc")
assert(1 ~= "1" and 0 ~= false and nil ~= false)
for _, pair in ipairs({ { 1, "x" }, { {}, {} }, { nil, 1 }, { true, false }, { print, print } }) do
  assert(not pcall(function() return pair[1] < pair[2] end))
end
assert(-math.huge < 0 and 0 < math.huge and 2^53 == 2^53 + 0)
local t = {}
assert(t == t and rawequal(t, t) and not rawequal(t, {}))
assert((1 < 2) == true and (2 < 1) == false)
