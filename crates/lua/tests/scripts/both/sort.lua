-- Sorting: default order, order functions, stability of the result as a set, errors.
local function sorted(t, less) for i = 2, #t do assert(not (less and less(t[i], t[i - 1]) or not less and t[i] < t[i - 1])) end end
local t = { 5, 2, 8, 1, 9, 3 }
table.sort(t)
assert(table.concat(t, " ") == "1 2 3 5 8 9")
table.sort(t, function(a, b) return a > b end)
assert(table.concat(t, " ") == "9 8 5 3 2 1")
local names = { "pear", "Apple", "fig", "apple", "" }
table.sort(names)
assert(table.concat(names, ",") == ",Apple,apple,fig,pear")
for _, n in ipairs({ 0, 1, 2, 3, 4, 10, 99, 100, 101, 500 }) do
  local seed, values, sum = 42 + n, {}, 0
  for i = 1, n do seed = (seed * 16807) % 2147483647 values[i] = seed % 100 sum = sum + values[i] end
  table.sort(values) sorted(values)
  for i = 1, n do sum = sum - values[i] end
  assert(sum == 0 and #values == n)
  local calls = 0
  local function down(a, b) calls = calls + 1 return a > b end
  table.sort(values, down) sorted(values, down)
end
local people = { { "Ann", 30 }, { "Bob", 25 }, { "Cid", 35 } }
table.sort(people, function(a, b) return a[2] < b[2] end)
assert(people[1][1] == "Bob" and people[3][1] == "Cid")
local tagged = {}
local mt = { __lt = function(a, b) return a.n < b.n end }
for i, n in ipairs({ 3, 1, 2 }) do tagged[i] = setmetatable({ n = n }, mt) end
table.sort(tagged)
assert(tagged[1].n == 1 and tagged[3].n == 3)
assert(not pcall(table.sort, { 1, "x", 2 }) and not pcall(table.sort, { {}, {} }) and not pcall(table.sort, { 1, 2 }, 5))
local ok, message = pcall(table.sort, { 3, 1, 2 }, function() error("stop", 0) end)
assert(not ok and message == "stop")
local big = {}
for i = 1, 100 do big[i] = i % 7 end
assert(not pcall(table.sort, big, function() return true end))
local copy = { 3, 1, 2 }
pcall(table.sort, copy, function(a, b) if a == 2 then error("x") end return a < b end)
local sum = 0
for _, v in ipairs(copy) do sum = sum + v end
assert(sum == 6 and #copy == 3, "a failed sort loses nothing")
