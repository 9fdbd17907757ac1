/** Our own examples, from the first line to a chat server. */

import type { BoardLab } from "../engine/lab.ts";
import type { Example, ExampleGroup } from "./example.ts";

function example(
  id: string,
  group: ExampleGroup,
  title: string,
  watch: string,
  boards: readonly BoardLab[],
  more: Pick<Example, "view" | "stage"> & Partial<Pick<Example["lab"], "links" | "world">> = {},
): Example {
  const { view, stage, ...rest } = more;
  return {
    id,
    group,
    lab: { version: 1, title, description: watch, boards: [...boards], ...rest },
    ...(view !== undefined && { view }),
    ...(stage !== undefined && { stage }),
  };
}

const board = (name: string, program: string): BoardLab => ({ name, files: { "init.lua": program } });

export const ownExamples: readonly Example[] = [
  example(
    "hello",
    "First steps",
    "Hello, board",
    "The program runs once; the timer's callback runs every second. Click a bar in the timeline: the editor shows its line.",
    [
      board(
        "board",
        `print("Hello from the board")

local count = 0
tmr.create():alarm(1000, tmr.ALARM_AUTO, function()
  count = count + 1
  print("second " .. count .. ", " .. node.heap() .. " bytes free")
end)
`,
      ),
    ],
  ),
  example(
    "blink",
    "First steps",
    "Blink, and a button",
    "The LED above the editor blinks. Hold the Button: the pin goes low, and the blinking becomes fast.",
    [
      board(
        "board",
        `local led, button = 4, 3
gpio.mode(led, gpio.OUTPUT)
gpio.mode(button, gpio.INPUT, gpio.PULLUP)

local lit = false
local blink = tmr.create()
blink:alarm(500, tmr.ALARM_AUTO, function()
  lit = not lit
  gpio.write(led, lit and gpio.LOW or gpio.HIGH) -- the LED is lit when its pin is low
  blink:interval(gpio.read(button) == 0 and 100 or 500)
end)
`,
      ),
    ],
  ),
  example(
    "join",
    "First steps",
    "Joining a network",
    "Four messages give the board its address: discover, offer, request, acknowledgment. They stand in the packet list before anything else.",
    [
      board(
        "board",
        `local events = wifi.eventmon

events.register(events.STA_CONNECTED, function(info)
  print("joined " .. info.SSID .. " on channel " .. info.channel)
end)

events.register(events.STA_GOT_IP, function(info)
  print("address " .. info.IP .. ", router " .. info.gateway)
end)

events.register(events.STA_DISCONNECTED, function(info)
  print("lost the network, reason " .. info.reason)
end)
`,
      ),
    ],
    { view: "sequence" },
  ),
  example(
    "led-page",
    "First steps",
    "Switch an LED from a page",
    "Open http://192.168.1.100/ in the PC browser and press the buttons: each press is a request, a callback, and a pin that changes.",
    [
      board(
        "board",
        `local led = 4
gpio.mode(led, gpio.OUTPUT)
gpio.write(led, gpio.HIGH)

local page = [[HTTP/1.0 200 OK
Content-Type: text/html

<title>My LED</title>
<style>body { font: 1.2em sans-serif; text-align: center } button { font-size: 1.2em; padding: .5em 1em }</style>
<h1>The LED is %s</h1>
<form method="post" action="/on"><button>On</button></form><br>
<form method="post" action="/off"><button>Off</button></form>]]

net.createServer(30):listen(80, function(connection)
  connection:on("receive", function(socket, request)
    if request:find("^POST /on") then
      gpio.write(led, gpio.LOW)
    elseif request:find("^POST /off") then
      gpio.write(led, gpio.HIGH)
    end
    local state = gpio.read(led) == gpio.LOW and "on" or "off"
    print(request:match("^[^\\r\\n]*"), "LED " .. state)
    socket:send(page:format(state))
  end)
  connection:on("sent", function(socket) socket:close() end)
end)

wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(info)
  print("open http://" .. info.IP .. "/ in the PC browser")
end)
`,
      ),
    ],
    { stage: "browser" },
  ),
  example(
    "fetch",
    "Servers and clients",
    "Fetch a page from the internet",
    "Before the first byte of the page come a name's question and answer and the three frames of a connection. The sequence shows them in order.",
    [
      board(
        "board",
        `local function fetch()
  local socket = net.createConnection()
  local bytes = 0

  socket:on("connection", function(sck, c)
    local port, ip = sck:getpeer()
    print("connected to " .. ip .. ":" .. port)
    sck:send("GET / HTTP/1.1\\r\\nHost: example.com\\r\\nConnection: close\\r\\n\\r\\n")
  end)
  socket:on("receive", function(sck, data)
    bytes = bytes + #data
    print("received " .. #data .. " bytes: " .. data:match("^[^\\r\\n]*"))
  end)
  socket:on("disconnection", function(sck, code)
    print(bytes .. " bytes in all, closed with code " .. code)
  end)

  socket:connect(80, "example.com")
end

wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, fetch)
`,
      ),
    ],
    { view: "sequence" },
  ),
  example(
    "echo",
    "Servers and clients",
    "An echo server for nc",
    "In the PC terminal type nc 192.168.1.100 7, then a few words. Each line you send makes one “receive” and, once it is acknowledged, one “sent”.",
    [
      board(
        "board",
        `net.createServer(120):listen(7, function(connection)
  local port, ip = connection:getpeer()
  print("welcome " .. ip .. ":" .. port)

  connection:on("receive", function(socket, data)
    socket:send("you said: " .. data)
  end)
  connection:on("sent", function()
    print("the answer has arrived")
  end)
  connection:on("disconnection", function(_, code)
    print("goodbye, code " .. code)
  end)
end)

print("on the PC: nc 192.168.1.100 7")
`,
      ),
    ],
    { stage: "pc" },
  ),
  example(
    "udp-discovery",
    "Servers and clients",
    "Find each other by broadcast",
    "Each board calls into the room by UDP broadcast; whoever hears it answers. One frame reaches everyone: see how the arrow splits.",
    ["anna", "ben", "carla"].map((name) =>
      board(
        name,
        `local me = "${name}"
local socket = net.createUDPSocket()

socket:on("receive", function(s, data, port, ip)
  local kind, who = data:match("^(%a+) (%a+)")
  if who == me then return end
  if kind == "call" then
    s:send(port, ip, "here " .. me)
  else
    print("I found " .. who .. " at " .. ip)
  end
end)

wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  socket:listen(5353)
  tmr.create():alarm(4000 + node.random(1000), tmr.ALARM_AUTO, function()
    socket:send(5353, "255.255.255.255", "call " .. me)
  end)
end)
`,
      ),
    ),
  ),
  example(
    "chat",
    "Servers and clients",
    "A chat server",
    "Three boards chat through a fourth. Join in: type nc 192.168.1.100 2000 in the PC terminal. One “receive” on the server makes a send() for everyone else.",
    [
      board(
        "server",
        `-- Passes each line on to everybody else.
local clients = {}

local function tell(text, except)
  for client in pairs(clients) do
    if client ~= except then client:send(text) end
  end
end

net.createServer(600):listen(2000, function(connection)
  local port, ip = connection:getpeer()
  clients[connection] = ip
  print(ip .. " joined")
  tell("* " .. ip .. " joined\\n", connection)

  connection:on("receive", function(socket, line)
    print(ip .. ": " .. line:gsub("%s+$", ""))
    tell(line, socket)
  end)
  connection:on("disconnection", function(socket)
    clients[socket] = nil
    tell("* " .. ip .. " left\\n")
  end)
end)
`,
      ),
      ...["anna", "ben"].map((name, index) =>
        board(
          name,
          `local lines = { "hello, it is ${name}", "is anybody there?", "what a nice network", "see you" }
local next_line = 1

local socket = net.createConnection()
socket:on("receive", function(_, text) print("> " .. text:gsub("%s+$", "")) end)
socket:on("connection", function(sck)
  tmr.create():alarm(${2500 + index * 900}, tmr.ALARM_AUTO, function()
    sck:send("${name}: " .. lines[next_line] .. "\\n")
    next_line = next_line % #lines + 1
  end)
end)

wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  tmr.create():alarm(500, tmr.ALARM_SINGLE, function()
    socket:connect(2000, "192.168.1.100")
  end)
end)
`,
        ),
      ),
    ],
  ),
  example(
    "mqtt",
    "Servers and clients",
    "A thermometer and a display, by way of a broker",
    "The display subscribes, the thermometer publishes; neither knows the other's address. Switch the thermometer off: half a minute later the broker publishes its last will.",
    [
      board(
        "thermometer",
        `local m = mqtt.Client("thermometer", 20)
m:lwt("room/state", "lost", 0, 1)

local function measure(client)
  local degrees = 200 + node.random(0, 20)
  client:publish("room/temperature", degrees / 10, 0, 0, function() print("sent " .. degrees / 10) end)
end

m:connect("test.mosquitto.org", 1883, false, function(client)
  client:publish("room/state", "there", 1, 1)
  tmr.create():alarm(2000, tmr.ALARM_AUTO, function(t)
    if not pcall(measure, client) then t:stop() end
  end)
end, function(client, reason)
  print("no broker: " .. reason)
end)
`,
      ),
      board(
        "display",
        `local m = mqtt.Client("display", 60)

m:on("message", function(client, topic, data)
  print(topic .. ": " .. (data or ""))
end)
m:on("offline", function() print("offline") end)

m:connect("test.mosquitto.org", 1883, false, function(client)
  client:subscribe({ ["room/temperature"] = 0, ["room/state"] = 1 }, function()
    print("waiting for news of the room")
  end)
end, function(client, reason)
  print("no broker: " .. reason)
end)
`,
      ),
    ],
  ),
  example(
    "soft-ap",
    "Servers and clients",
    "A board as access point",
    "The first board opens a network of its own; the second joins it and gets an address in 192.168.4.0/24 from the board, not from the router.",
    [
      {
        name: "point",
        network: null,
        files: {
          "init.lua": `wifi.setmode(wifi.SOFTAP)
wifi.ap.config({ ssid = "point", pwd = "password" })

wifi.eventmon.register(wifi.eventmon.AP_STACONNECTED, function(info)
  print("a station joined: " .. info.MAC)
end)

net.createServer(30):listen(80, function(connection)
  connection:on("receive", function(socket, data)
    print("heard: " .. data)
    socket:send("welcome to my network")
  end)
end)
`,
        },
      },
      {
        name: "guest",
        network: { ssid: "point", password: "password" },
        files: {
          "init.lua": `wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(info)
  print("address " .. info.IP .. " from " .. info.gateway)
  local socket = net.createConnection()
  socket:on("connection", function(sck) sck:send("hello, point") end)
  socket:on("receive", function(_, data) print("answer: " .. data) end)
  socket:connect(80, info.gateway)
end)
`,
        },
      },
    ],
    { view: "network" },
  ),
  example(
    "names",
    "Names and pings",
    "Names, known and unknown",
    "Two names, one of which nobody knows. The second answer takes several seconds, because the firmware keeps asking. Edit the zone in the DNS view.",
    [
      board(
        "board",
        `local function ask(name)
  local started = tmr.now()
  net.dns.resolve(name, function(_, ip)
    local ms = (tmr.now() - started) / 1000
    print(("%s -> %s after %d ms"):format(name, tostring(ip), ms))
  end)
end

wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  ask("www.nodemcu.com")
  tmr.create():alarm(1000, tmr.ALARM_SINGLE, function()
    ask("nobody.invalid")
  end)
end)
`,
      ),
    ],
    { view: "dns" },
  ),
  example(
    "ping-watch",
    "Names and pings",
    "A ping that never sleeps",
    "The link loses one frame in five. Watch the round trips in the ping view, and change the loss while it runs.",
    [
      board(
        "board",
        `local function probe()
  net.ping("8.8.8.8", 5, function(bytes, ip, seq, ms)
    if bytes > 0 then
      print(("echo %d from %s after %d ms"):format(seq, ip, ms))
    else
      print("no answer")
    end
  end, function(ip, total, lost)
    print(("%d of %d lost"):format(lost, total))
    tmr.create():alarm(2000, tmr.ALARM_SINGLE, probe)
  end)
end

wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, probe)
`,
      ),
    ],
    { view: "ping", links: { board: { toHost: { loss: 0.1 }, fromHost: { loss: 0.1 } } } },
  ),
  example(
    "lossy",
    "What goes wrong",
    "A bad link",
    "One frame in four is lost, yet every byte arrives in order: TCP sends again what nobody confirmed. Lost frames end in a cross; find the ones that repeat them.",
    [
      board(
        "server",
        `net.createServer(60):listen(9000, function(connection)
  local bytes = 0
  connection:on("receive", function(_, data)
    bytes = bytes + #data
    print(bytes .. " bytes so far")
  end)
end)
`,
      ),
      board(
        "client",
        `local socket = net.createConnection()
local started, pieces = 0, 0

local function send(sck)
  pieces = pieces + 1
  if pieces <= 10 then
    sck:send(("%04d"):format(pieces):rep(100))
  else
    print(("done after %.1f s"):format((tmr.now() - started) / 1e6))
    sck:close()
  end
end

socket:on("connection", function(sck) started = tmr.now(); send(sck) end)
socket:on("sent", send)
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  tmr.create():alarm(1500, tmr.ALARM_SINGLE, function() socket:connect(9000, "192.168.1.100") end)
end)
`,
      ),
    ],
    { view: "sequence", links: { client: { toHost: { loss: 0.12 }, fromHost: { loss: 0.12 } } } },
  ),
  example(
    "nothing",
    "What goes wrong",
    "Why nothing happens",
    "Two mistakes that print nothing: a server without a “receive” handler, and a connection to a port where nobody listens. The transcript says at each step why nothing happened.",
    [
      board(
        "server",
        `-- Mistake 1: it listens, but nobody handles "receive".
net.createServer(30):listen(80, function(connection)
  print("a visitor, but I do not listen to what it says")
end)
`,
      ),
      board(
        "client",
        `wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  tmr.create():alarm(1500, tmr.ALARM_SINGLE, function()
    local talker = net.createConnection()
    talker:on("connection", function(sck) sck:send("is anybody listening?") end)
    talker:connect(80, "192.168.1.100")

    -- Mistake 2: nobody listens on port 81.
    local lost = net.createConnection()
    lost:on("connection", function() print("never printed") end)
    lost:connect(81, "192.168.1.100")
  end)
end)
`,
      ),
    ],
    { view: "transcript" },
  ),
  example(
    "busy",
    "What goes wrong",
    "A handler that takes too long",
    "The timer's handler works for a long time, and everything else waits: the hatched part of a bar is the time from when a callback was due until it ran.",
    [
      board(
        "board",
        `tmr.create():alarm(100, tmr.ALARM_AUTO, function()
  print("quick")
end)

tmr.create():alarm(1000, tmr.ALARM_AUTO, function()
  tmr.delay(350000) -- microseconds; nothing else runs meanwhile
  print("that took a while")
end)
`,
      ),
    ],
  ),
  example(
    "five",
    "What goes wrong",
    "The sixth connection",
    "A chip keeps five connections. The sixth visitor's request for a connection is dropped without an answer, again and again.",
    [
      board(
        "server",
        `local count = 0
net.createServer(300):listen(80, function(connection)
  count = count + 1
  print("connection " .. count)
  connection:on("disconnection", function() count = count - 1 end)
end)
`,
      ),
      ...["one", "two"].map((name) =>
        board(
          name,
          `local sockets = {}
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  for number = 1, 3 do
    tmr.create():alarm(1000 * number, tmr.ALARM_SINGLE, function()
      local socket = net.createConnection()
      sockets[number] = socket
      socket:on("connection", function() print("connection " .. number .. " is open") end)
      socket:on("disconnection", function(_, code) print("connection " .. number .. " failed: " .. code) end)
      socket:connect(80, "192.168.1.100")
    end)
  end
end)
`,
        ),
      ),
    ],
  ),
  example(
    "error",
    "What goes wrong",
    "An error in a handler",
    "The error names its line: click it. A timer's error restarts the board after two seconds, so the board boots again and again.",
    [
      board(
        "board",
        `local readings = { 21.5, 22, nil, 23 }
local index = 0

tmr.create():alarm(1000, tmr.ALARM_AUTO, function()
  index = index + 1
  print("reading " .. index .. ": " .. readings[index] * 2)
end)
`,
      ),
    ],
  ),
];
