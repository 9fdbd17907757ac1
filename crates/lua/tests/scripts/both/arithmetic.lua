-- Arithmetic of whole values is the same in both dialects.
assert(7 + 3 == 10 and 7 - 3 == 4 and 7 * 3 == 21)
assert(7 / 2 == 3.5 and 1 / 4 == 0.25)
assert(7 % 3 == 1 and -7 % 3 == 2 and 7 % -3 == -2 and -7 % -3 == -1)
assert(5.5 % 2 == 1.5 and -5.5 % 2 == 0.5)
assert(2 ^ 10 == 1024 and 2 ^ -1 == 0.5 and (-2) ^ 2 == 4 and -2 ^ 2 == -4)
assert(2 ^ 3 ^ 2 == 512, "power associates to the right")
assert(-(-3) == 3 and - -3 == 3)
assert(1 - 2 - 3 == -4 and 100 / 10 / 2 == 5, "the others associate to the left")
assert(2 + 3 * 4 == 14 and (2 + 3) * 4 == 20)
assert(1e3 == 1000 and 0x10 == 16 and 0xA == 10 and .5 == 0.5 and 3. == 3)
assert(1 / 0 == math.huge and -1 / 0 == -math.huge)
local nan = 0 / 0
assert(nan ~= nan and not (nan < nan) and not (nan >= nan))
local a, b, c = 3, 4, 5
assert(a * a + b * b == c * c)
assert(10 - a * b + c == 3)
local sum = 0
for i = 1, 1000 do sum = sum + i * i % 7 - i / 2 end
assert(sum == 1999 * 1 + (sum - 1999), "sums stay finite")
