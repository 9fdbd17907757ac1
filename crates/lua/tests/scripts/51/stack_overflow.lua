-- Unbounded recursion of every kind is an ordinary error.
local function lua(n) return lua(n + 1) + 1 end
local ok, message = pcall(lua, 1)
assert(not ok and message:find("stack overflow", 1, true))
local t = setmetatable({}, {})
getmetatable(t).__index = function(s, k) return s[k + 1] end
assert(not pcall(function() return t[1] end))
getmetatable(t).__index = t
assert(not pcall(function() return t.x end), "a loop of __index")
local function protected(n) local ok, e = pcall(protected, n + 1) if not ok then error(e, 0) end return n end
assert(not pcall(protected, 1) or true)
local text = ("x"):rep(10)
local function viagsub(s) return (s:gsub("x", viagsub)) end
assert(not pcall(viagsub, text))
local function viasort() table.sort({ 1, 2, 3 }, viasort) end
assert(not pcall(viasort))
local co
co = function() return coroutine.wrap(co)() end
assert(not pcall(co))
local s = setmetatable({}, { __tostring = function(self) return tostring(self) end })
assert(not pcall(tostring, s))
assert(not loadstring(("("):rep(10000) .. "1"))
assert(not loadstring("return " .. ("{"):rep(10000)))
assert(not loadstring(("do "):rep(10000)))
