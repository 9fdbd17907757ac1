-- Runs programs for `differential.rs`, in a reference interpreter and in this one: `judge(program)` is all that can be seen of
-- it, what it prints and how it ends. Alone it judges the programs that stand on standard input, each behind its length.

local xpcall, tostring, select, concat, gsub, find, sub = xpcall, tostring, select, table.concat, string.gsub, string.find, string.sub
local traceback, load, loadstring, setfenv, pairs, type = debug.traceback, load, loadstring, setfenv, pairs, type

local function plain(text)
  -- The sign of what is not a number is the machine's.
  text = gsub(gsub(text, "%-nan", "nan"), "builtin: %x+", "ADDRESS")
  return (gsub(text, "0x%x%x%x%x%x%x+", "ADDRESS"))
end

local function handler(message)
  local text = traceback(tostring(message))
  local last = find(text, "%[C%]: in function 'xpcall'")
  return last and sub(text, 1, last - 1) or text
end

-- The libraries anew for each program, whatever it does to them.
local function environment(out)
  local env = {}
  for name, value in pairs(_G) do
    if type(value) == "table" and name ~= "package" and name ~= "_G" then
      local library = {}
      for key, member in pairs(value) do library[key] = member end
      value = library
    end
    env[name] = value
  end
  env._G = env
  env.print = function(...)
    local texts = {}
    for i = 1, select("#", ...) do
      local text = tostring((select(i, ...)))
      texts[i] = type(text) == "string" and text or "?"
    end
    out[#out + 1] = concat(texts, "\t")
  end
  return env
end

local function judge(source)
  local out = {}
  local env = environment(out)
  local chunk, message
  if setfenv then
    chunk, message = loadstring(source, "=p")
    if chunk then setfenv(chunk, env) end
  else
    chunk, message = load(source, "=p", "t", env)
  end
  if not chunk then return message end
  if find(source, "^%-%-compile") then return "compiles" end
  local ok, failure = xpcall(chunk, handler)
  if not ok then out[#out + 1] = failure end
  return plain(concat(out, "\n"))
end

if io.read then
  while true do
    local length = io.read("*n")
    if not length then break end
    io.read(1)
    local result = judge(io.read(length))
    io.write(#result, "\n", result)
    io.flush()
  end
end
return judge
