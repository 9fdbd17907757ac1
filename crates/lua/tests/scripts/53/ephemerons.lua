-- A weak key lives no longer because its value refers to it.
local function size(t) local n = 0 for _ in pairs(t) do n = n + 1 end return n end
local t = setmetatable({}, { __mode = "k" })
do
  local a, b, c = {}, {}, {}
  t[a], t[b], t[c] = { key = a }, c, function() return b end
end
collectgarbage()
assert(size(t) == 0, size(t))

-- Chains are kept from a key that lives on.
local first = {}
do
  local key = first
  for i = 1, 10 do
    local next = { i }
    t[key] = next
    key = next
  end
end
collectgarbage()
assert(size(t) == 10, size(t))
first = nil
collectgarbage()
assert(size(t) == 0, size(t))

-- Numbers, strings and booleans are no objects that could go.
t[1], t.x, t[true] = "one", {}, {}
collectgarbage()
assert(size(t) == 3 and t.x)
