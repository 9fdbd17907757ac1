--! error: error_in_function.lua:3: inside
local function f()
  error("inside")
end

f()
