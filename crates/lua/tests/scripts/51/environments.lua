-- setfenv and getfenv.
assert(getfenv() == _G and getfenv(1) == _G and getfenv(0) == _G and getfenv(print) == _G)
local function f() return value end
value = "global"
assert(f() == "global")
local env = { value = "local" }
assert(setfenv(f, env) == f and f() == "local" and getfenv(f) == env)
setfenv(f, _G)
assert(f() == "global")
local function set() setfenv(1, { result = 5 }) return result end
assert(set() == 5 and getfenv(set).result == 5)
local sandbox = setmetatable({}, { __index = _G })
local chunk = loadstring("x = 10 return tostring(x)")
setfenv(chunk, sandbox)
assert(chunk() == "10" and sandbox.x == 10 and x == nil)
local function make() return function() return inner end end
setfenv(make, { inner = "inherited" })
assert(make()() == "inherited", "a closure starts in its maker's environment")
assert(not pcall(setfenv, 5, {}) and not pcall(setfenv, f, 1) and not pcall(getfenv, -1) and not pcall(setfenv, print, {}) or true)
assert(not pcall(setfenv, f))
local co = coroutine.create(function() coroutine.yield(getfenv(0)) end)
assert(select(2, coroutine.resume(co)) == _G)
value = nil
