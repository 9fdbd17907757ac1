-- Bit operators.
assert(5 & 3 == 1 and 5 | 3 == 7 and 5 ~ 3 == 6 and ~0 == -1 and ~5 == -6)
assert(1 << 4 == 16 and 256 >> 4 == 16 and -1 >> 60 == 15 and 1 << 63 == math.mininteger and 1 << 64 == 0 and 1 >> 64 == 0 and 1 << -1 == 0 and 2 >> -1 == 4)
assert(0xff & 0x0f | 0xf0 == 0xff and 1 | 2 ~ 3 & 4 == 3 and 1 << 2 + 1 == 8 and 6 & 3 == 2)
assert(3.0 & 1 == 1 and "7" & 3 == 3 and "0x10" | 0 == 16 and 2 ^ 53 | 0 == 9007199254740992)
assert(not pcall(function() return 1.5 & 1 end) and not pcall(function() return {} | 1 end) and not pcall(function() return 2 ^ 63 | 0 end) and not pcall(function() return "a" & 1 end))
local Set = {}
Set.__index = Set
local function set(bits) return setmetatable({ bits = bits }, Set) end
local function bits(v) return type(v) == "table" and v.bits or v end
for name, f in pairs({ band = function(a, b) return a & b end, bor = function(a, b) return a | b end, bxor = function(a, b) return a ~ b end,
  shl = function(a, b) return a << b end, shr = function(a, b) return a >> b end, idiv = function(a, b) return a // b end }) do
  Set["__" .. name] = function(a, b) return set(f(bits(a), bits(b))) end
end
Set.__bnot = function(a) return set(~a.bits) end
assert((set(6) & 3).bits == 2 and (6 | set(1)).bits == 7 and (set(5) ~ set(1)).bits == 4 and (set(1) << 3).bits == 8 and (set(8) >> 3).bits == 1 and (~set(0)).bits == -1 and (set(7) // 2).bits == 3)
local function popcount(n) local c = 0 while n ~= 0 do n = n & (n - 1) c = c + 1 end return c end
assert(popcount(0xff) == 8 and popcount(-1) == 64)
local crc = 0xffffffff
for i = 1, 4 do
  crc = crc ~ ("test"):byte(i)
  for _ = 1, 8 do crc = (crc >> 1) ~ (0xedb88320 & -(crc & 1)) end
end
assert(crc ~ 0xffffffff == 0xd87f7e0c)
