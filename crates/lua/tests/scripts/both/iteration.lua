-- pairs, ipairs, next and custom iterators.
local t = { 1, 2, 3, nil, 5, x = 1, y = 2 }
local n = 0
for i, v in ipairs(t) do assert(i == v) n = n + 1 end
assert(n == 3)
local keys = {}
for k, v in pairs({ a = 1, b = 2, 3 }) do keys[k] = v end
assert(keys.a == 1 and keys.b == 2 and keys[1] == 3)
assert(next({}) == nil and next({ 5 }) == 1)
local k, v = next({ z = 26 })
assert(k == "z" and v == 26 and next({ z = 26 }, "z") == nil)
assert(not pcall(next, {}, "missing"))
-- Fields may be cleared and changed while a table is traversed.
local big = {}
for i = 1, 100 do big["k" .. i] = i end
local visited = 0
for key, value in pairs(big) do
  visited = visited + 1
  big[key] = value % 2 == 0 and value * 2 or nil
end
assert(visited == 100)
visited = 0
for _ in pairs(big) do visited = visited + 1 end
assert(visited == 50)
local function range(limit)
  return function(max, i) i = i + 1 if i <= max then return i end end, limit, 0
end
local sum = 0
for i in range(10) do sum = sum + i end
assert(sum == 55)
local function words(text)
  local at = 1
  return function()
    local first, last = text:find("%w+", at)
    if not first then return nil end
    at = last + 1
    return text:sub(first, last), first
  end
end
local found = {}
for word, position in words("one two  three") do found[#found + 1] = word .. position end
assert(table.concat(found, ",") == "one1,two5,three10")
for a, b, c in function(state, control) if not control then return 1, 2, 3 end end do
  assert(a == 1 and b == 2 and c == 3)
end
assert(not pcall(function() for x in 5 do end end))
local callable = setmetatable({ limit = 3 }, { __call = function(self, _, i) i = (i or 0) + 1 if i <= self.limit then return i end end })
sum = 0
for i in callable do sum = sum + i end
assert(sum == 6)
