/** The labs of the two ready lessons (docs/workshop): each is made for a room full of boards and runs alone too. */

import type { Example } from "./example.ts";

const lamps = `-- Lamps in the room.
-- Your board has a lamp (pin 4, lit when low) and a mailbox (UDP port 5000).

local NAME = "nobody yet"   -- put your name here, then press Run
local LAMP = 4

gpio.mode(LAMP, gpio.OUTPUT)
gpio.write(LAMP, gpio.HIGH)

local mailbox = net.createUDPSocket()
mailbox:listen(5000)
mailbox:on("receive", function(socket, message, port, ip)
  if message == "on" then
    gpio.write(LAMP, gpio.LOW)
  elseif message == "off" then
    gpio.write(LAMP, gpio.HIGH)
  end
  print(ip .. " says: " .. message)
end)

-- Every ten seconds the board tells everybody that it is there.
tmr.create():alarm(10000, tmr.ALARM_AUTO, function()
  if wifi.sta.getip() then
    mailbox:send(5000, "255.255.255.255", "hello from " .. NAME)
  end
end)

-- For the console: tell("192.168.1.100", "on")
function tell(ip, message)
  mailbox:send(5000, ip, message)
end

wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(info)
  print("my address is " .. info.IP)
end)
`;

const pages = `-- Pages in the room.
-- Your board is a web server, and it can visit the others.

local TEXT = "Nobody has written anything here yet."
local visitors = 0

local function answer(path)
  local note = path:match("^/say/(.+)")
  if note then
    print("a visitor says: " .. note)
    return "<p>Thank you!</p>"
  end
  visitors = visitors + 1
  return "<h1>" .. TEXT .. "</h1><p>You are visitor " .. visitors .. ".</p>"
end

local server = net.createServer(net.TCP, 30)
server:listen(80, function(connection)
  connection:on("receive", function(socket, request)
    local path = request:match("^%u+ (%S+)") or "/"
    socket:send("HTTP/1.0 200 OK\\r\\nContent-Type: text/html\\r\\n\\r\\n" .. answer(path))
  end)
  connection:on("sent", function(socket) socket:close() end)
end)

-- For the console: visit("192.168.1.100")
function visit(ip, path)
  local socket = net.createConnection(net.TCP)
  socket:on("connection", function(s)
    s:send("GET " .. (path or "/") .. " HTTP/1.0\\r\\nHost: " .. ip .. "\\r\\n\\r\\n")
  end)
  socket:on("receive", function(s, data) print(data) end)
  socket:on("disconnection", function(s, code) print("the visit is over, code " .. code) end)
  socket:connect(80, ip)
end

wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(info)
  print("my page: http://" .. info.IP .. "/")
end)
`;

export const lessons: readonly Example[] = [
  {
    id: "lesson-lamps",
    group: "Lessons",
    lab: {
      version: 1,
      title: "Lesson 1: Lamps in the room",
      description: "Put your name into line 4 and press Run. Then switch a neighbour's lamp from the console: tell(\"192.168.1.…\", \"on\").",
      boards: [{ name: "lamp", files: { "init.lua": lamps } }],
    },
    view: "network",
    stage: "console",
  },
  {
    id: "lesson-pages",
    group: "Lessons",
    lab: {
      version: 1,
      title: "Lesson 2: Pages in the room",
      description: "Write your own TEXT into line 4 and press Run. Open a neighbour's page in the PC browser, then let your board visit it: visit(\"192.168.1.…\").",
      boards: [{ name: "page", files: { "init.lua": pages } }],
    },
    view: "sequence",
    stage: "console",
  },
];
