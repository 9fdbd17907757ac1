-- Many registers, long chains, big constructors.
local chain = "1"
for i = 2, 150 do chain = chain .. " + " .. i end
local load = loadstring or load
assert(load("return " .. chain)() == 11325)
local concat = "'a'"
for _ = 1, 150 do concat = concat .. " .. 'b'" end
assert(#load("return " .. concat)() == 151)
local items = {}
for i = 1, 2000 do items[i] = tostring(i) end
local t = load("return {" .. table.concat(items, ",") .. "}")()
assert(#t == 2000 and t[2000] == 2000 and t[51] == 51)
local fields = {}
for i = 1, 600 do fields[i] = ("k%d = 'v%d'"):format(i, i) end
t = load("return {" .. table.concat(fields, ";") .. "}")()
assert(t.k600 == "v600" and t.k1 == "v1")
local nested = ("("):rep(100) .. "7" .. (")"):rep(100)
assert(load("return " .. nested)() == 7)
local locals = {}
for i = 1, 199 do locals[i] = "l" .. i end
assert(load("local " .. table.concat(locals, ",") .. " = 1 l199 = 5 return l1 + l199")() == 6)
local args = {}
for i = 1, 240 do args[i] = i end
assert(load("return select('#', " .. table.concat(args, ",") .. ")")() == 240)
assert(load("return " .. ("not "):rep(100) .. "true")() == true)
assert(load("return " .. ("-"):rep(0) .. ("- "):rep(100) .. "1")() == 1)
local ifs = {}
for i = 1, 100 do ifs[i] = ("if x == %d then return %d else"):format(i, i * 2) end
local f = load("local x = ... " .. table.concat(ifs, "") .. " return 'none' end")
assert(f(50) == 100 and f(101) == "none")
