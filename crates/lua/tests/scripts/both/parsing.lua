-- Comments, separators, layout, precedence in odd places.
--[[ block
comment ]] local a = 1 --[==[ another ]] still
]==] local b = 2 -- to the end
assert(a == 1 and b == 2);
local c=3;local d=4 assert(c+d==7)
local t={f=function(x)return x end,["g"]=1;2}
assert(t.f"str"=="str"and t.f{1}[1]==1 and t[1]==2)
assert(t.f[[long]] == "long" and #t.f{} == 0)
assert(("x"):rep(2) == "xx" and #"ab" + 1 == 3 and -2 ^ 2 == -4 and not nil == true)
assert(2 .. 3 .. 4 == "234" and 1 + 2 .. "" == "3" and "a" .. 1 + 2 == "a3")
assert(1 < 2 == true and not (1 > 2) and "abc" < "abd" and (1 == 1) ~= (1 == 2))
assert(5 - -3 == 8 and 5 - - -3 == 2 and #{ 1, 2 } * 2 == 4)
local function f(...) return ... end
assert((f(1, 2)) == 1 and #{ f(1, 2), f(1, 2) } == 3 and #{ (f(1, 2)) } == 1)
assert(f { x = 1 }.x == 1 and f "a":upper() == "A")
do end do do end end
while false do end
repeat until true
for _ = 1, 0 do end
if false then elseif false then else end
local function empty() end
assert(empty() == nil and select("#", empty()) == 0)
return_value = (function() return end)()
assert(return_value == nil)
local keywords = { ["and"] = 1, ["end"] = 2, ["nil"] = 3 }
assert(keywords["and"] == 1 and keywords["end"] == 2)
local _, __, _a1, A_ = 1, 2, 3, 4
assert(_ + __ + _a1 + A_ == 10)
assert(0xff == 255 and 1e2 == 100 and 1E+2 == 100 and 100e-2 == 1 and .5e1 == 5 and 3.e0 == 3 and 0Xa == 10)
return true
