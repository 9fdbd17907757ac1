--! error: first again
local ok, e = pcall(error, "first")
error(e .. " again", 0)
