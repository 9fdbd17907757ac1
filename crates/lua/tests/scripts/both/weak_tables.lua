-- A collected key or value leaves its weak table; strings and numbers stay.
local weak = setmetatable({}, { __mode = "v" })
weak[1], weak[2], weak.s = {}, "text", 5
local kept = {}
weak.kept = kept
collectgarbage() collectgarbage()
assert(weak[1] == nil and weak[2] == "text" and weak.s == 5 and weak.kept == kept)
local keys = setmetatable({}, { __mode = "k" })
keys[{}] = 1
keys[kept] = 2
keys["x"] = 3
collectgarbage() collectgarbage()
local n = 0
for _ in pairs(keys) do n = n + 1 end
assert(n == 2 and keys[kept] == 2 and keys.x == 3)
assert(collectgarbage("count") > 0)
local cache = setmetatable({}, { __mode = "kv" })
cache[kept] = {}
collectgarbage() collectgarbage()
assert(cache[kept] == nil)
