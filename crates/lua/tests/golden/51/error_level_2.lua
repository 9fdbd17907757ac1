--! error: error_level_2.lua:4: bad value
local function check(x) if not x then error("bad value", 2) end end
local function user()
  check(nil)
end
user()
