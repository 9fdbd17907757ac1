-- __gc: once after an object is unreachable, the last marked first, with the object still whole.
local log = {}
local function note(t) log[#log + 1] = t.name end
local function expect(text)
  collectgarbage()
  assert(table.concat(log, " ") == text, table.concat(log, " "))
  log = {}
end

do for i = 1, 3 do setmetatable({ name = "t" .. i }, { __gc = note }) end end
expect("t3 t2 t1")
expect("")

-- Objects that refer to themselves and to each other.
do
  local a, b = { name = "a" }, { name = "b" }
  a.other, b.other, a.self = b, a, a
  a.method = function() return a, b end
  setmetatable(a, { __gc = note })
  setmetatable(b, { __gc = function(t) note(t) note(t.other) end })
end
expect("b a a")

-- What is reachable waits: from locals, upvalues, tables, coroutines.
local kept = setmetatable({ name = "local" }, { __gc = note })
local thread = coroutine.create(function()
  local mine = setmetatable({ name = "coroutine" }, { __gc = note })
  coroutine.yield(mine.name)
  return mine
end)
coroutine.resume(thread)
expect("")
thread = nil
expect("coroutine")
kept = nil
expect("local")

-- A finalizer may save its object, which then waits for nothing, or have it watched again.
local saved
do setmetatable({ name = "saved" }, { __gc = function(t) saved = t note(t) end }) end
expect("saved")
assert(saved.name == "saved")
setmetatable(saved, getmetatable(saved))
saved = nil
expect("saved")
saved = nil
expect("")

-- __gc counts when setmetatable sees it, but what it is then may change.
local mt = {}
do setmetatable({ name = "late" }, mt) end
mt.__gc = note
expect("")
mt.__gc = true
do setmetatable({ name = "later" }, mt) end
mt.__gc = note
expect("later")
mt.__gc = 42
do setmetatable({ name = "never" }, mt) end
expect("")

-- Errors come out of the collection; the others run with the next one.
local ok, message
do
  setmetatable({ name = "first" }, { __gc = note })
  setmetatable({}, { __gc = function() error("broken", 0) end })
end
ok, message = pcall(collectgarbage)
assert(not ok and message == "error in __gc metamethod (broken)", message)
expect("first")
do setmetatable({}, { __gc = function() error({}) end }) end
ok, message = pcall(collectgarbage)
assert(not ok and message == "error in __gc metamethod (no message)", message)

-- An object leaves weak values before its finalizer, weak keys after it.
local values, keys = setmetatable({}, { __mode = "v" }), setmetatable({}, { __mode = "k" })
do
  local t = { name = "weak" }
  values[1], keys[t] = t, "still"
  setmetatable(t, { __gc = function(o) log = { tostring(values[1]), tostring(keys[o]) } end })
end
collectgarbage()
assert(log[1] == "nil" and log[2] == "still", table.concat(log, " "))
collectgarbage()
assert(next(keys) == nil)

-- Without a call of collectgarbage too.
local count = 0
for _ = 1, 5000 do setmetatable({}, { __gc = function() count = count + 1 end }) end
assert(count > 1000, count)
