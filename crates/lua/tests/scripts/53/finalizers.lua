-- __gc runs once after an object is unreachable, in 5.3 for tables too.
local collected = {}
do
  for i = 1, 3 do setmetatable({ name = "t" .. i }, { __gc = function(t) collected[#collected + 1] = t.name end }) end
end
collectgarbage() collectgarbage()
assert(#collected == 3, #collected)
collectgarbage()
assert(#collected == 3)
local resurrected
do setmetatable({ v = 5 }, { __gc = function(t) resurrected = t end }) end
collectgarbage() collectgarbage()
assert(resurrected and resurrected.v == 5)
