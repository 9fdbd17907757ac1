--! error: wrap_error.lua:5: wrap_error.lua:3: inside
local f = coroutine.wrap(function()
  error("inside")
end)
f()
