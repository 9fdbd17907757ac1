-- Yields across pcall, metamethods, iterators and library callbacks where 5.3 allows them.
local co = coroutine.wrap(function()
  local ok, v = pcall(function() local got = coroutine.yield(1) error("after " .. got, 0) end)
  assert(not ok and v == "after resume")
  ok, v = xpcall(function() return coroutine.yield(2) end, print)
  assert(ok and v == "second")
  return "end"
end)
assert(co() == 1 and co("resume") == 2 and co("second") == "end")
local mt = { __add = function(a, b) return coroutine.yield("add") end, __index = function(_, k) return coroutine.yield("index") end,
  __newindex = function(_, k, v) coroutine.yield("newindex") end, __eq = function() return coroutine.yield("eq") end, __lt = function() return coroutine.yield("lt") end,
  __concat = function() return coroutine.yield("concat") end, __call = function(_, x) return coroutine.yield("call" .. x) end, __len = function() return coroutine.yield("len") end, __unm = function() return coroutine.yield("unm") end }
local log = {}
co = coroutine.wrap(function()
  local t, u = setmetatable({}, mt), setmetatable({}, mt)
  log[1] = t + 1
  log[2] = t.field
  t.x = 1
  log[3] = t == u
  log[4] = t < u
  log[5] = "a" .. t
  log[6] = t(7)
  log[7] = #t
  log[8] = -t
  for v in function() return coroutine.yield("iterate") end do log[9] = v break end
  return "finished"
end)
local steps, value = {}, co()
while value ~= "finished" do steps[#steps + 1] = value value = co(#steps) end
assert(table.concat(steps, " ") == "add index newindex eq lt concat call7 len unm iterate", table.concat(steps, " "))
assert(log[1] == 1 and log[2] == 2 and log[3] == true and log[4] == true and log[5] == 6 and log[6] == 7 and log[7] == 8 and log[8] == 9 and log[9] == 10)
local main, is_main = coroutine.running()
assert(type(main) == "thread" and is_main and not coroutine.isyieldable())
coroutine.wrap(function() local c, m = coroutine.running() assert(c ~= main and not m and coroutine.isyieldable()) end)()
assert(not pcall(coroutine.yield))
local deep = coroutine.wrap(function() return pcall(pcall, pcall, coroutine.yield, "deep") end)
assert(deep() == "deep" and select("#", deep(1)) >= 3)
