-- concat, insert, remove.
assert(table.concat({}) == "" and table.concat({ 1, 2, 3 }) == "123" and table.concat({ "a", "b" }, ", ") == "a, b")
assert(table.concat({ 1, 2, 3, 4 }, "-", 2, 3) == "2-3" and table.concat({ 1, 2 }, ",", 3) == "" and table.concat({ 5 }, ",", 1, 1) == "5")
assert(not pcall(table.concat, { 1, {}, 3 }) and not pcall(table.concat, { 1 }, ",", 1, 2) and not pcall(table.concat, 5))
local t = {}
table.insert(t, "a") table.insert(t, "c") table.insert(t, 2, "b") table.insert(t, 1, "_")
assert(table.concat(t) == "_abc")
assert(table.remove(t) == "c" and table.remove(t, 1) == "_" and table.concat(t) == "ab")
assert(table.remove(t, 1) == "a" and table.remove(t) == "b" and table.remove(t) == nil and #t == 0)
assert(not pcall(table.insert, t) and not pcall(table.insert, t, 1, 2, 3) and not pcall(table.insert, nil, 1))
local queue = {}
for i = 1, 1000 do table.insert(queue, i) end
for i = 1, 500 do assert(table.remove(queue, 1) == i) end
assert(#queue == 500 and queue[1] == 501 and queue[500] == 1000)
for i = 1, 100 do table.insert(queue, 1, -i) end
assert(queue[1] == -100 and queue[100] == -1 and queue[101] == 501 and #queue == 600)
local mixed = { x = 1, 1, 2, 3 }
table.insert(mixed, 2, "new")
assert(mixed[2] == "new" and mixed[4] == 3 and mixed.x == 1 and table.remove(mixed, 2) == "new" and #mixed == 3)
local parts = {}
for i = 1, 5000 do parts[i] = i % 10 end
assert(#table.concat(parts) == 5000 or #table.concat(parts) == 15000)
local unpack = unpack or table.unpack
local a, b, c = unpack({ 1, 2, 3 })
assert(a == 1 and b == 2 and c == 3)
assert(select("#", unpack({}, 1, 3)) == 3 and select("#", unpack({ 1, 2 }, 2)) == 1 and select("#", unpack({ 1 }, 2)) == 0)
assert(select("#", unpack({ n = 3 })) == 0 and unpack({ 1, 2, 3 }, -1, 1) == nil)
assert(not pcall(unpack, {}, 1, 1e7))
