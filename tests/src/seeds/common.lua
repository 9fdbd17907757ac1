-- What both programs share: an endless pattern of bytes, and its check. The pattern is cut from a repeated piece, because
-- a table with an entry for each byte does not fit into a board.
local cycle = ""
for i = 0, 88 do cycle = cycle .. string.char(33 + i) end

local function pattern(from, count)
  local skipped = from % 89
  return cycle:rep(math.floor((skipped + count) / 89) + 1):sub(skipped + 1, skipped + count)
end

-- Compares what arrived on a connection with what comes next in the pattern.
local function verify(state, data)
  if state.gone then print("BAD receive after the end") end
  if data ~= pattern(state.got, #data) then print("BAD bytes from " .. state.got) end
  state.got = state.got + #data
end

-- Sends the next bytes of the pattern; a refusal is the program's own affair.
local function send_next(sk, state, count)
  local ok, message = pcall(sk.send, sk, pattern(state.sent, count))
  if ok then
    state.sent = state.sent + count
    state.sends = state.sends + 1
  elseif not message:find("not connected") and not message:find("out of memory") and not message:find("memory") then
    print("BAD send: " .. message)
  end
  return ok
end

-- What a connection had sent when it was closed, and what had arrived on it when the other end closed it in order, to be
-- compared by the test.
local function report(what, state) print(what .. " " .. tostring(state.name) .. " " .. state[what == "SENT" and "sent" or "got"]) end

-- One acknowledgement answers one `send` at most by the manual; on a chip there is one per ACK.
local function acknowledged(state)
  if state.gone then print("BAD sent after the end") end
  state.acknowledged = state.acknowledged + 1
  if MANUAL and state.acknowledged > state.sends then print("BAD sent without a send") end
end

local function new_state() return { got = 0, sent = 0, sends = 0, acknowledged = 0, more = 0 } end
