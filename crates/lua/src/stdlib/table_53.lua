-- The loops of 5.3's table library over values with __index or __newindex. Written in Lua because each access may call a
-- metamethod, which may yield. Arguments have been checked, lengths asked and errors made by the functions in Rust.
local type, rawequal = ...
local library = {}

-- The elements from first to last; if they are to be texts, none behind the first that is not.
function library.read(t, first, last, are_texts)
  local copy = {}
  for i = first, last do
    local value = t[i]
    copy[i] = value
    if are_texts and type(value) ~= "string" and type(value) ~= "number" then break end
  end
  return copy
end

-- Puts sorted values where others were before.
function library.write(t, sorted, before, last)
  for i = 1, last do
    if not rawequal(sorted[i], before[i]) then t[i] = sorted[i] end
  end
end

function library.insert(t, position, last, value)
  for i = last, position + 1, -1 do t[i] = t[i - 1] end
  t[position] = value
end

function library.remove(t, position, last)
  local removed = t[position]
  for i = position, last - 1 do t[i] = t[i + 1] end
  t[last > position and last or position] = nil
  return removed
end

function library.move(from, first, last, target, to, is_upward)
  if is_upward then
    for i = 0, last - first do to[target + i] = from[first + i] end
  else
    for i = last - first, 0, -1 do to[target + i] = from[first + i] end
  end
  return to
end

return library
