-- Base functions as 5.1 has them.
assert(_VERSION == "Lua 5.1" and type(gcinfo()) == "number" and loadstring("return 5")() == 5 and rawlen == nil)
assert(type(collectgarbage("count")) == "number" and collectgarbage() == 0 and collectgarbage("step") ~= nil)
assert(not pcall(load, "return 1"), "load takes a function only")
assert(select("#", xpcall(function(...) return select("#", ...) end, print, 1, 2)) == 2 and select(2, xpcall(function(...) return select("#", ...) end, print, 1, 2)) == 0)
assert(tostring(print):find("^builtin: ") or tostring(print):find("^function: "))
assert(unpack and not table.unpack and math.type == nil and utf8 == nil and bit32 == nil)
assert(type(os.time()) == "number" and io.write)
assert(not pcall(tostring) and not pcall(tonumber) and tonumber(nil) == nil)
assert(next({}, nil) == nil and not pcall(next) and rawget({ 5 }, 1) == 5 and rawset({}, 1, 2)[1] == 2)
assert(not pcall(setmetatable, 5, {}) and not pcall(setmetatable, {}, 5) and not pcall(setmetatable, {}))
assert(not pcall(rawset, {}, nil, 1) and not pcall(ipairs) and not pcall(pairs, nil))
local goto_ = 1
local goto = 2
assert(goto_ + goto == 3, "goto is a name")
