-- Answers every piece with REPLY bytes, holds for HOLD_MS now and then, and closes after CLOSE_AFTER bytes.
local open = {}
local over = false

local function close(sk, state)
  state.gone = true
  open[sk] = nil
  if pcall(sk.close, sk) then report("SENT", state) end
end

net.createServer(300):listen(7000, function(sk)
  local state = new_state()
  local port, ip = sk:getpeer()
  state.name = ip .. ":" .. port
  open[sk] = state
  sk:on("receive", function(s, data)
    verify(state, data)
    send_next(s, state, REPLY)
    if HOLD_MS > 0 and not over then
      pcall(s.hold, s)
      tmr.create():alarm(HOLD_MS, tmr.ALARM_SINGLE, function() pcall(s.unhold, s) end)
    end
    if CLOSE_AFTER > 0 and state.got > CLOSE_AFTER and not over then
      if CLOSES_INSIDE then
        close(s, state)
      else
        tmr.create():alarm(1, tmr.ALARM_SINGLE, function() if not state.gone then close(s, state) end end)
      end
    end
  end)
  sk:on("sent", function() acknowledged(state) end)
  sk:on("disconnection", function(s, code)
    if state.gone then print("BAD disconnection after the end") end
    state.gone = true
    open[s] = nil
    if code == 0 then report("GOT", state) end
  end)
end)

local udp = net.createUDPSocket()
udp:on("receive", function(s, data, port, ip) pcall(s.send, s, port, ip, data) end)
udp:listen(7001)

tmr.create():alarm(STORM_MS + 3000, tmr.ALARM_SINGLE, function()
  over = true
  for sk in pairs(open) do pcall(sk.unhold, sk) end
end)
-- Again and again: clients that started anew still come, and those that died never say so.
tmr.create():alarm(STORM_MS + 8000, tmr.ALARM_AUTO, function()
  local rest = {}
  for sk, state in pairs(open) do rest[sk] = state end
  for sk, state in pairs(rest) do close(sk, state) end
end)
