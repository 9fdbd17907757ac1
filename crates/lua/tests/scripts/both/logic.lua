-- and, or and not give one of their operands and look at the second only when needed.
assert((nil and 1) == nil and (false and 1) == false and (1 and 2) == 2)
assert((nil or 1) == 1 and (false or nil) == nil and (1 or 2) == 1)
assert(not nil and not false and not (not 0) and not not "")
local calls = 0
local function touch(value) calls = calls + 1 return value end
local _ = false and touch(1)
_ = true or touch(1)
assert(calls == 0)
_ = true and touch(nil) or touch("default")
assert(calls == 2 and _ == "default")
local function choose(condition) return condition and "yes" or "no" end
assert(choose(true) == "yes" and choose(nil) == "no" and choose(0) == "yes")
assert((1 and nil or 3) == 3 and (1 and 2 and 3) == 3 and (nil or false or 4) == 4)
local a = 1 < 2 and 2 < 3
assert(a == true)
local x
x = x or 10
assert(x == 10)
assert((not 1 == 2) == false, "not binds tighter than ==")
assert(1 .. 2 == "12" and "a" < "b" == true)
local function both(p, q) if p and q then return 2 elseif p or q then return 1 else return 0 end end
assert(both(1, 1) == 2 and both(nil, 1) == 1 and both(1, false) == 1 and both() == 0)
