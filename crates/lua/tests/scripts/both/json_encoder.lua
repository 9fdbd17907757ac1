-- Recursion over tables with sorted keys and escapes.
local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t" }
local function encode(value)
  local kind = type(value)
  if kind == "string" then
    return '"' .. value:gsub('[%c"\\]', function(c) return escapes[c] or ("\\u%04x"):format(c:byte()) end) .. '"'
  elseif kind == "number" then return ("%.14g"):format(value)
  elseif kind == "table" then
    local out = {}
    if #value > 0 or next(value) == nil then
      for i, v in ipairs(value) do out[i] = encode(v) end
      return "[" .. table.concat(out, ",") .. "]"
    end
    local keys = {}
    for k in pairs(value) do keys[#keys + 1] = k end
    table.sort(keys)
    for i, k in ipairs(keys) do out[i] = encode(k) .. ":" .. encode(value[k]) end
    return "{" .. table.concat(out, ",") .. "}"
  end
  return tostring(value)
end
assert(encode({ 1, 2.5, "x", true, {} }) == '[1,2.5,"x",true,[]]')
assert(encode({ b = { 1, { c = "d" } }, a = 'q"\n\1' }) == '{"a":"q\\"\\n\\u0001","b":[1,{"c":"d"}]}')
local function decode(text)
  local at = 1
  local value
  local function skip() at = text:find("%S", at) or #text + 1 end
  local function list(close, item)
    local out = {}
    at = at + 1
    skip()
    if text:sub(at, at) == close then at = at + 1 return out end
    while true do
      item(out)
      skip()
      local c = text:sub(at, at)
      at = at + 1
      if c == close then return out end
      if c ~= "," then error("expected , at " .. at) end
    end
  end
  function value()
    skip()
    local c = text:sub(at, at)
    if c == "[" then return list("]", function(out) out[#out + 1] = value() end) end
    if c == "{" then
      return list("}", function(out)
        local key = value()
        skip()
        assert(text:sub(at, at) == ":", "expected :")
        at = at + 1
        out[key] = value()
      end)
    end
    if c == '"' then
      local last = text:find('"', at + 1, true)
      local s = text:sub(at + 1, last - 1)
      at = last + 1
      return s
    end
    local word = text:match("^[%w%.%-+]+", at)
    at = at + #word
    if word == "true" then return true elseif word == "false" then return false end
    return tonumber(word)
  end
  return value()
end
local back = decode('{"a": [1, 2, {"b": "c"}], "d": true, "e": -1.5e2, "f": []}')
assert(back.a[3].b == "c" and back.d == true and back.e == -150 and #back.f == 0 and back.a[2] == 2)
assert(not pcall(decode, "[1 2]"))
