-- create, resume, yield, status, wrap, running.
local co = coroutine.create(function(a, b)
  assert(a == 1 and b == 2)
  local c = coroutine.yield(a + b)
  assert(c == "c")
  local d, e = coroutine.yield()
  assert(d == nil and e == 5)
  return "done", 99
end)
assert(type(co) == "thread" and coroutine.status(co) == "suspended")
local ok, v = coroutine.resume(co, 1, 2)
assert(ok and v == 3)
assert(select("#", coroutine.resume(co, "c")) == 1)
local results = { coroutine.resume(co, nil, 5) }
assert(results[1] and results[2] == "done" and results[3] == 99 and coroutine.status(co) == "dead")
ok, v = coroutine.resume(co)
assert(not ok and v == "cannot resume dead coroutine")
local function generate(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end) end
local sum = 0
for i in generate(10) do sum = sum + i end
assert(sum == 55)
-- Errors end a coroutine; wrap passes them on.
co = coroutine.create(function() error("oops", 0) end)
ok, v = coroutine.resume(co)
assert(not ok and v == "oops" and coroutine.status(co) == "dead")
ok, v = pcall(coroutine.wrap(function() error({ 1 }) end))
assert(not ok and v[1] == 1)
local w = coroutine.wrap(function() return 1 end)
w()
assert(not pcall(w))
-- status seen from inside, nested coroutines.
local outer
outer = coroutine.create(function()
  assert(coroutine.status(outer) == "running")
  local inner = coroutine.create(function()
    assert(coroutine.status(outer) == "normal")
    local resumed, message = coroutine.resume(outer)
    assert(not resumed and type(message) == "string")
    coroutine.yield("inner")
  end)
  assert(select(2, coroutine.resume(inner)) == "inner")
  coroutine.yield("outer")
end)
assert(select(2, coroutine.resume(outer)) == "outer")
-- Producer and consumer, permutations, yields deep inside calls.
local function permgen(a, n)
  if n == 0 then coroutine.yield(table.concat(a)) return end
  for i = 1, n do
    a[n], a[i] = a[i], a[n]
    permgen(a, n - 1)
    a[n], a[i] = a[i], a[n]
  end
end
local perms, count = {}, 0
for p in coroutine.wrap(function() permgen({ "a", "b", "c", "d" }, 4) end) do perms[p] = true count = count + 1 end
assert(count == 24 and perms.abcd and perms.dcba)
local many = {}
for i = 1, 100 do many[i] = coroutine.wrap(function() local n = i while true do coroutine.yield(n) n = n + 1 end end) end
local total = 0
for _ = 1, 3 do for i = 1, 100 do total = total + many[i]() end end
assert(total == 3 * 5050 + 300)
assert(not pcall(coroutine.resume, 5) and not pcall(coroutine.create, 5) and not pcall(coroutine.wrap))
co = coroutine.create(function(...) return select("#", ...) end)
assert(select(2, coroutine.resume(co, nil, nil)) == 2)
co = coroutine.wrap(function(...) local n = select("#", ...) while true do n = select("#", coroutine.yield(n)) end end)
assert(co() == 0 and co(1, 2) == 2 and co(nil) == 1)
