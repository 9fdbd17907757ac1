-- foreach, foreachi, getn, maxn, setn, unpack.
assert(table.getn({ 1, 2, 3 }) == 3 and table.maxn({ 1, 2, [10] = 1, [3.5] = 1, x = 1 }) == 10 and table.maxn({}) == 0)
local seen = {}
assert(table.foreach({ a = 1, b = 2 }, function(k, v) seen[k] = v end) == nil and seen.a == 1 and seen.b == 2)
assert(table.foreach({ 1, 2, 3 }, function(k) if k == 2 then return "found" end end) == "found")
local sum = 0
assert(table.foreachi({ 1, 2, 3, nil, 5 }, function(i, v) if v then sum = sum + v end end) == nil and sum >= 6)
assert(table.foreachi({ 5, 6 }, function(i, v) return i * 10 + v end) == 15)
assert(not pcall(table.setn, {}, 3) and not pcall(table.foreach, {}) and not pcall(table.foreach, {}, 5))
assert(unpack({ 1, 2, 3 }) == 1 and select("#", unpack({ 1, nil, 3 }, 1, 3)) == 3 and table.unpack == nil and table.pack == nil)
assert(not pcall(unpack, {}, 1, 8000) and select("#", unpack({}, 1, 7000)) == 7000)
local t = { 1, 2, 3 }
table.insert(t, 10, "far")
assert(t[10] == "far", "a position beyond the end is taken as it is")
assert(select("#", table.remove({})) == 0)
assert(table.remove({ 1, 2 }, 5) == nil)
local proxied = setmetatable({}, { __index = function(_, i) if i <= 3 then return i end end, __len = function() return 3 end })
assert(#proxied == 0 and table.concat(proxied) == "", "the library sees the bare table")
