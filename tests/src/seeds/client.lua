-- Does what STEPS says: { at in milliseconds, what, a number }.
local SERVER = "192.168.1.100"
local sk, state
local sockets = {}

local function try(f, ...)
  local ok, message = pcall(f, ...)
  if not ok then print("error: " .. tostring(message)) end
  return ok
end

local function create()
  local mine = new_state()
  local s = net.createConnection()
  s:on("connection", function(x)
    if mine.connected then print("BAD second connection event") end
    mine.connected = true
    local port, ip = x:getaddr()
    mine.name = ip .. ":" .. port
  end)
  s:on("receive", function(x, data)
    if not mine.connected then print("BAD receive before connection") end
    verify(mine, data)
    if mine.closes then
      mine.closes = nil
      mine.gone = true
      if pcall(x.close, x) then report("SENT", mine) end
    end
  end)
  s:on("sent", function(x)
    acknowledged(mine)
    if mine.more > 0 and send_next(x, mine, 700) then mine.more = mine.more - 700 end
  end)
  s:on("disconnection", function(x, code)
    if mine.gone then print("BAD second disconnection") end
    mine.gone = true
    if code == 0 then
      report("GOT", mine)
    elseif code ~= -8 and code ~= -9 then
      print("BAD code " .. tostring(code))
    end
  end)
  sockets[#sockets + 1] = { s, mine }
  return s, mine
end

-- Closes and tells what was sent, if there was something to close.
local function close(s, its)
  if not pcall(s.close, s) then return end
  if its.connected then report("SENT", its) end
  its.gone = true
end

-- A socket may be used again; then everything starts anew.
local function connect(port)
  if not try(sk.connect, sk, port, SERVER) then return end
  for name, value in pairs(new_state()) do state[name] = value end
  state.connected, state.gone, state.name, state.closes = nil, nil, nil, nil
end

local udp = net.createUDPSocket()
udp:on("receive", function(_, data, port)
  local from = tonumber(data:sub(1, 5))
  if port ~= 7001 or data:sub(6) ~= pattern(from or 0, #data - 5) then print("BAD datagram") end
end)

local address
local function resolved(_, ip)
  if ip == SERVER then return end -- of a connect: the handler of a lookup stays
  if ip and address and ip ~= address then print("BAD address " .. ip) end
  address = address or ip
end

local actions = {
  open = function() sk, state = create(); connect(7000) end,
  again = function() connect(7000) end,
  elsewhere = function(port) connect(port) end,
  send = function(count) send_next(sk, state, count) end,
  -- The first piece; the handler of "sent" goes on.
  stream = function(count)
    state.more = count
    send_next(sk, state, 1400)
  end,
  hold = function() sk:hold() end,
  unhold = function() sk:unhold() end,
  close = function() close(sk, state) end,
  close_inside = function() state.closes = true end,
  look_up = function() try(sk.dns, sk, "www.nodemcu.com", resolved) end,
  resolve = function() try(net.dns.resolve, "www.nodemcu.com", resolved) end,
  ping = function(count) try(net.ping, SERVER, count, function() end) end,
  datagram = function(count) try(udp.send, udp, 7001, SERVER, ("%05d"):format(count) .. pattern(count, count)) end,
  leave = function()
    wifi.sta.disconnect()
    tmr.create():alarm(500, tmr.ALARM_SINGLE, function() wifi.sta.connect() end)
  end,
  -- Once: the steps begin anew after it.
  restart = function()
    if file.exists("restarted") then return end
    file.putcontents("restarted", "yes")
    node.restart()
  end,
}

sk, state = create()
for _, step in ipairs(STEPS) do
  tmr.create():alarm(step[1], tmr.ALARM_SINGLE, function() actions[step[2]](step[3]) end)
end
STEPS = nil

tmr.create():alarm(STORM_MS + 6000, tmr.ALARM_SINGLE, function()
  for _, entry in ipairs(sockets) do
    entry[1]:unhold()
    close(entry[1], entry[2])
  end
  sockets, sk = {}, nil
end)
