-- Tail calls use no stack.
local function loop(n) if n == 0 then return "end" end return loop(n - 1) end
assert(loop(200000) == "end")
local function even(n) if n == 0 then return true end return odd(n - 1) end
function odd(n) if n == 0 then return false end return even(n - 1) end
assert(even(100000) and not odd(100000))
local function args(n, ...) if n == 0 then return select("#", ...) end return args(n - 1, n, ...) end
assert(args(100) == 100)
local t = setmetatable({}, { __call = function(self, n) if n == 0 then return "called" end return self(n - 1) end })
assert(t(10000) == "called")
local function values() return 1, 2, 3 end
local function forward() return values() end
assert(select("#", forward()) == 3 and select("#", (forward())) == 1)
assert((function(...) return select("#", ...) end)(forward(), forward()) == 4)
odd = nil
