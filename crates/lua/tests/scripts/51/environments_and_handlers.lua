-- Levels of setfenv and getfenv as the reference takes them, and handlers that are no functions.
assert(select(2, pcall(getfenv, -1)):find("level must be non-negative", 1, true))
assert(select(2, pcall(getfenv, 2 ^ 31)):find("level must be non-negative", 1, true))
assert(select(2, pcall(setfenv, 0.5, {})):find("cannot change environment of given object", 1, true))
assert(getfenv(0.5) == _G and getfenv(2 ^ 40) == _G)
local ok, message = xpcall(error, setmetatable({}, { __call = print }))
assert(ok == false and message == "error in error handling")
