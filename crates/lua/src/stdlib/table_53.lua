-- The functions of 5.3's table library for values with __index, __newindex or __len. Written in Lua because each access may
-- call a metamethod, which may yield; plain tables take the way in Rust. Errors point at the caller (level 2).
local error, type, select, format, sort, concat, unpack = ...
local library = {}

local function bad(position, name, message)
  error(format("bad argument #%d to '%s' (%s)", position, name, message), 3)
end

local function length(t)
  local n = #t
  if type(n) ~= "number" or n % 1 ~= 0 then error("object length is not an integer", 3) end
  return n // 1 | 0
end

function library.concat(t, separator, first, last)
  local copy = {}
  first, last = first or 1, last or length(t)
  for i = first, last do
    local value = t[i]
    local kind = type(value)
    if kind ~= "string" and kind ~= "number" then
      error(format("invalid value (%s) at index %d in table for 'concat'", kind, i), 2)
    end
    copy[i - first + 1] = value
  end
  return concat(copy, separator, 1, last - first + 1)
end

function library.insert(t, ...)
  local count, size = select("#", ...), length(t) + 1
  local position, value = ...
  if count == 1 then
    position, value = size, position
  elseif count == 2 then
    if position < 1 or position > size then bad(2, "insert", "position out of bounds") end
    for i = size, position + 1, -1 do t[i] = t[i - 1] end
  else
    error("wrong number of arguments to 'insert'", 2)
  end
  t[position] = value
end

function library.remove(t, position)
  local size = length(t)
  position = position or size
  if position ~= size and (position < 1 or position > size + 1) then bad(1, "remove", "position out of bounds") end
  local removed = t[position]
  for i = position, size - 1 do t[i] = t[i + 1] end
  t[size > position and size or position] = nil
  return removed
end

function library.sort(t, less)
  local copy, size = {}, length(t)
  for i = 1, size do copy[i] = t[i] end
  sort(copy, less)
  for i = 1, size do t[i] = copy[i] end
end

function library.unpack(t, first, last)
  local copy = {}
  first, last = first or 1, last or length(t)
  if first > last then return end
  if last - first < 0 or last - first >= 1000000 then error("too many results to unpack", 2) end
  for i = first, last do copy[i - first + 1] = t[i] end
  return unpack(copy, 1, last - first + 1)
end

function library.move(from, first, last, target, to)
  to = to or from
  if last >= first then
    if not (first > 0 or last < 0x7fffffffffffffff + first) then bad(3, "move", "too many elements to move") end
    if target > 0x7fffffffffffffff - (last - first + 1) + 1 then bad(4, "move", "destination wrap around") end
    if target > last or target <= first or to ~= from then
      for i = 0, last - first do to[target + i] = from[first + i] end
    else
      for i = last - first, 0, -1 do to[target + i] = from[first + i] end
    end
  end
  return to
end

return library
