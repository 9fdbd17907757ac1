-- _ENV and load with environments.
local function f() local _ENV = { x = 5 } return x end
assert(f() == 5)
local function with(_ENV) return a + b end
assert(with({ a = 1, b = 2 }) == 3)
do local _ENV = { assert = assert } y = 10 assert(y == 10) end
assert(y == nil and _ENV == _G)
local env = {}
load("x = 1; y = x + 1", "chunk", "t", env)()
assert(env.x == 1 and env.y == 2 and x == nil)
assert(load("return x", "c", "t", { x = "e" })() == "e")
assert(load(string.dump(load("return 7")), "b", "b")() == 7)
local g, message = load("return 1", "c", "b")
assert(g == nil and message == "attempt to load a text chunk (mode is 'b')")
g, message = load(string.dump(function() end), "c", "t")
assert(g == nil and message == "attempt to load a binary chunk (mode is 't')")
local sandbox = setmetatable({}, { __index = _G, __newindex = function(t, k, v) rawset(t, k, v) end })
load("z = tostring(12)", "c", "t", sandbox)()
assert(sandbox.z == "12" and z == nil)
assert(not pcall(function() local _ENV = nil; return foo end) and setfenv == nil and getfenv == nil)
