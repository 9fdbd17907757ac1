-- Small classic programs.
local function sieve(n)
  local composite, primes = {}, {}
  for i = 2, n do
    if not composite[i] then
      primes[#primes + 1] = i
      for j = i * i, n, i do composite[j] = true end
    end
  end
  return primes
end
local primes = sieve(1000)
assert(#primes == 168 and primes[168] == 997)
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
assert(fib(20) == 6765)
local function ackermann(m, n)
  if m == 0 then return n + 1 elseif n == 0 then return ackermann(m - 1, 1) end
  return ackermann(m - 1, ackermann(m, n - 1))
end
assert(ackermann(2, 3) == 9)
local moves = 0
local function hanoi(n, a, b, c) if n > 0 then hanoi(n - 1, a, c, b) moves = moves + 1 hanoi(n - 1, c, b, a) end end
hanoi(8, "a", "b", "c")
assert(moves == 255)
local function queens(n)
  local solutions, cols, d1, d2 = 0, {}, {}, {}
  local function place(row)
    if row > n then solutions = solutions + 1 return end
    for c = 1, n do
      if not (cols[c] or d1[row + c] or d2[row - c]) then
        cols[c], d1[row + c], d2[row - c] = true, true, true
        place(row + 1)
        cols[c], d1[row + c], d2[row - c] = nil, nil, nil
      end
    end
  end
  place(1)
  return solutions
end
assert(queens(6) == 4)
local function gcd(a, b) while b ~= 0 do a, b = b, a % b end return a end
assert(gcd(48, 36) == 12 and gcd(17, 5) == 1)
local list
for i = 1, 10 do list = { value = i, next = list } end
local node, sum = list, 0
while node do sum = sum + node.value node = node.next end
assert(sum == 55 and list.value == 10)
local memo = setmetatable({}, { __index = function(t, n) local v = n < 2 and n or t[n - 1] + t[n - 2] t[n] = v return v end })
assert(memo[70] == 190392490709135)
local function crc(s) local h = 0 for i = 1, #s do h = (h * 31 + s:byte(i)) % 65521 end return h end
assert(crc("hello") == crc("hel" .. "lo") and crc("a") ~= crc("b"))
local matrix = {}
for i = 1, 5 do matrix[i] = {} for j = 1, 5 do matrix[i][j] = i == j and 1 or 0 end end
local trace = 0
for i = 1, 5 do trace = trace + matrix[i][i] end
assert(trace == 5)
