-- Chunks made at run time.
local load = loadstring or load
assert(load("return 1 + 1")() == 2)
local f, message = load("return +")
assert(f == nil and message:find("unexpected symbol", 1, true))
f, message = load("x =", "@named.lua")
assert(message:find("^named%.lua:1:"), message)
f, message = load("x = = 1", "=plain")
assert(message:find("^plain:1:"), message)
f, message = load("x = = 1")
assert(message:find('^%[string "x = = 1"%]:1:'), message)
assert(load("")() == nil and load("-- comment")() == nil)
assert(load("local a, b = ... return b, a")(1, 2) == 2)
assert(select("#", load("return ...")(1, 2, 3)) == 3)
loaded_global = nil
load("loaded_global = 42")()
assert(loaded_global == 42)
loaded_global = nil
local pieces = { "return ", "1", " + ", "2" }
local at = 0
local reader = function() at = at + 1 return pieces[at] end
assert(_G.load(reader)() == 3)
f, message = _G.load(function() error("reader failed", 0) end)
assert(f == nil and message:find("^reader failed"))
local dumped = string.dump(function(a) return a * 2 end)
assert(type(dumped) == "string" and load(dumped)(21) == 42)
assert(load("#!shebang is not for strings") == nil)
local long = {}
for i = 1, 300 do long[i] = "local v" .. i % 150 .. " = " .. i end
assert(load("do " .. table.concat(long, " end do ") .. " end return 'ok'")() == "ok")
