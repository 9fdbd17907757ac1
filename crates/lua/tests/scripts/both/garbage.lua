-- Much short-lived garbage, and structures that survive it.
local live = {}
for round = 1, 20 do
  for i = 1, 500 do
    local t = { i, tostring(i), { round } }
    if i % 100 == 0 then live[#live + 1] = t end
  end
  local s = ""
  for i = 1, 50 do s = s .. i end
  assert(#s == 91)
end
assert(#live == 100)
for i, t in ipairs(live) do assert(t[1] % 100 == 0 and t[2] == tostring(t[1]) and t[3][1] >= 1) end
local cycle = {}
cycle.self = cycle
cycle.f = function() return cycle end
cycle = nil
collectgarbage()
local before = collectgarbage("count")
do local big = {} for i = 1, 10000 do big[i] = { i } end end
collectgarbage() collectgarbage()
assert(collectgarbage("count") < before + 200)
local co = {}
for i = 1, 200 do co[i] = coroutine.wrap(function() local keep = { i } coroutine.yield() return keep[1] end) co[i]() end
collectgarbage()
for i = 1, 200 do assert(co[i]() == i) end
