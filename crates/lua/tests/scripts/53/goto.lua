-- goto, labels, continue.
local out = {}
for i = 1, 5 do
  if i % 2 == 0 then goto continue end
  out[#out + 1] = i
  ::continue::
end
assert(table.concat(out, ",") == "1,3,5")
do local i = 1 ::top:: if i < 5 then i = i + 1 goto top end assert(i == 5) end
for i = 1, 3 do for j = 1, 3 do if j == 2 then goto next_i end out[#out + 1] = i * 10 + j end ::next_i:: end
assert(out[#out] == 31 and #out == 6)
local fs = {}
do
  local k = 0
  ::again::
  local x = k
  fs[#fs + 1] = function() return x end
  k = k + 1
  if k < 3 then goto again end
end
assert(fs[1]() == 0 and fs[2]() == 1 and fs[3]() == 2, "each pass has its own local")
do goto skip; local never; ::skip:: end
local function f(n) while true do n = n - 1 if n == 0 then goto done end end ::done:: return "done" end
assert(f(3) == "done")
for _, source in ipairs({ "goto nowhere", "do ::a:: end goto a", "goto f; local x; ::f:: print(x)", "::a:: ::a::", "break", "for i=1,2 do end break" }) do
  assert(load(source) == nil, source)
end
do ::l1:: ::l2:: end
while true do if true then break end end
