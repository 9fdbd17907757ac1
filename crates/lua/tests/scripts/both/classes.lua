-- Objects with inheritance, methods and super calls.
local Animal = {}
Animal.__index = Animal
function Animal.new(name, class) return setmetatable({ name = name }, class or Animal) end
function Animal:speak() return "..." end
function Animal:describe() return self.name .. " says " .. self:speak() end
local Dog = setmetatable({}, { __index = Animal })
Dog.__index = Dog
function Dog.new(name) local d = Animal.new(name, Dog) d.tricks = {} return d end
function Dog:speak() return "Woof" end
function Dog:learn(trick) self.tricks[#self.tricks + 1] = trick return self end
function Dog:describe() return Animal.describe(self) .. "!" end
local rex = Dog.new("Rex")
assert(rex:describe() == "Rex says Woof!" and Animal.new("Cat"):describe() == "Cat says ...")
assert(#rex:learn("sit"):learn("roll").tricks == 2)
local Stack = {}
Stack.__index = Stack
setmetatable(Stack, { __call = function(class, ...) return setmetatable({ items = { ... } }, class) end })
function Stack:push(v) self.items[#self.items + 1] = v end
function Stack:pop() return table.remove(self.items) end
local s = Stack(1, 2)
s:push(3)
assert(s:pop() == 3 and s:pop() == 2 and s:pop() == 1 and s:pop() == nil)
local a = { b = { c = {} } }
function a.b.c:method(x) self.x = x return self end
function a.b.plain(x) return x end
assert(a.b.c:method(7).x == 7 and a.b.plain(3) == 3)
local obj = { value = 5 }
function obj.get(self) return self.value end
assert(obj:get() == 5 and obj["get"](obj) == 5)
assert(("%s"):format("x") == "x" and ("x"):upper():lower() == "x")
