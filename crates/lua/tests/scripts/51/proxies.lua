-- __gc of userdata: newproxy makes some.
local log = {}
local function proxy(name)
  local p = newproxy(true)
  getmetatable(p).__gc = function(object) log[#log + 1] = name assert(type(object) == "userdata") end
  return p
end
local function expect(text)
  collectgarbage()
  assert(table.concat(log, " ") == text, table.concat(log, " "))
  log = {}
end
do for _, name in ipairs({ "a", "b", "c" }) do proxy(name) end end
expect("c b a")
expect("")
local kept = proxy("kept")
expect("")
kept = nil
expect("kept")

-- Tables have none in 5.1.
do setmetatable({}, { __gc = function() log[#log + 1] = "table" end }) end
expect("")

-- The metatable is asked when the object is collected.
do
  local p = newproxy(true)
  getmetatable(p).__gc = nil
  local q = newproxy(p)
  getmetatable(q).__gc = function() log[#log + 1] = "shared" end
end
expect("shared shared")

-- An error comes out of the collection.
do
  local p = newproxy(true)
  getmetatable(p).__gc = function() error("broken", 0) end
end
local ok, message = pcall(collectgarbage)
assert(not ok and message == "broken", message)
