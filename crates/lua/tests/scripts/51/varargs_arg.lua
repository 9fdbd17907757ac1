-- The old `arg` table of a vararg function that does not use `...`.
local function old(...) return arg.n, arg[1], #arg end
local n, first, count = old("a", nil, "c")
assert(n == 3 and first == "a" and (count == 3 or count == 1))
local function new(...) local _ = ... return arg end
assert(new(1) == nil, "a function that uses ... has no table")
assert(old() == 0)
local function fixed(a, ...) return a, arg.n end
assert(select(2, fixed(1, 2, 3)) == 2)
