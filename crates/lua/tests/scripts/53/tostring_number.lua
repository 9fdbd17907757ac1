-- A number from __tostring is taken for a string, anything else is refused.
local function with(value) return setmetatable({}, { __tostring = function() return value end }) end
assert(tostring(with(42)) == "42" and math.type(tostring(with(42))) == nil)
assert(string.format("%s", with(42)) == "42")
for _, wrong in ipairs({ true, {}, print }) do
  local ok, message = pcall(tostring, with(wrong))
  assert(not ok and message:find("'__tostring' must return a string", 1, true))
end
