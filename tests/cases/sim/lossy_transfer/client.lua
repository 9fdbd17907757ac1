-- The next piece follows when the one before it was acknowledged.
local TOTAL, PIECE = 20000, 1400
local sent = 0

local cycle = ""
for i = 0, 88 do cycle = cycle .. string.char(33 + i) end

local function pattern(from, count)
  local skipped = from % 89
  return cycle:rep(math.floor((skipped + count) / 89) + 1):sub(skipped + 1, skipped + count)
end

local function go_on(sk)
  if sent == TOTAL then return end
  local count = math.min(PIECE, TOTAL - sent)
  if pcall(sk.send, sk, pattern(sent, count), go_on) then sent = sent + count end
end

local sk = net.createConnection(net.TCP, 0)
sk:on("connection", go_on)

-- Not before the last answer is here: what arrives after its own FIN a chip resets. And not in the handler, where it resets
-- too (docs/behaviour.md §4.2).
local heard = ""
sk:on("receive", function(_, data)
  heard = heard .. data
  if heard:find("got " .. TOTAL .. "\n", 1, true) then node.task.post(function() sk:close() end) end
end)
tmr.create():alarm(5000, tmr.ALARM_SINGLE, function() sk:connect(7000, "192.168.1.100") end)
