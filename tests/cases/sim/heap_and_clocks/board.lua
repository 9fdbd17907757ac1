-- docs/behaviour.md §6.1, §6.3, §11.4: what depends on memory and time is the same in every build.
local function show(what) print(what, node.heap(), tmr.now(), tmr.ccount(), rtctime.get()) end

show("start")
rtctime.set(1735689600, 250000)
kept = {}
for i = 1, 50 do kept[i] = { name = "entry " .. i, value = i / 3, f = function() return kept[i] end } end
show("tables")
kept.text = ("text"):rep(1000)
show("text")
kept.thread = coroutine.create(function(...) coroutine.yield(...) end)
coroutine.resume(kept.thread, "a value", {})
show("thread")

-- §1.7: a handler that holds its own socket keeps it.
for _ = 1, 20 do
  local sk = net.createConnection()
  sk:on("receive", function() sk:close() end)
end
show("sockets")

weak = setmetatable({}, { __mode = "v" })
for i = 1, 200 do weak[i] = { i } end
tmr.create():alarm(500, tmr.ALARM_AUTO, function()
  local left = 0
  for _ in pairs(weak) do left = left + 1 end
  show("weak " .. left)
  kept[#kept] = nil
end)

net.createServer():listen(80, function() end)
sk = net.createConnection()
sk:on("receive", function(_, data) kept[#kept + 1] = data show("receive") end)
sk:on("connection", function(s) s:send("GET /bytes/3000 HTTP/1.0\r\nHost: httpbin.org\r\n\r\n") end)
sk:connect(80, "httpbin.org")
