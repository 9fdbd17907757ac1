/**
 * Every example of the manual's chapter on `net`, word for word, in `example.lua`. The board's `init.lua` runs it as soon as the
 * board has its address, as a person would who types it at the console of a board that is already on the network.
 */

import type { BoardLab, Lab } from "../engine/lab.ts";
import type { Example } from "./example.ts";

const starter = `-- Waits for an address, then runs the manual's example.
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(info)
  print("address " .. info.IP)
  dofile("example.lua")
end)
`;

/** A board that runs `program` once it is on the network. */
function board(name: string, program: string): BoardLab {
  return { name, files: { "init.lua": starter, "example.lua": program } };
}

function manual(id: string, section: string, title: string, watch: string, program: string, more: Partial<Example> & { readonly others?: readonly BoardLab[] } = {}): Example {
  const { others = [], ...rest } = more;
  const lab: Lab = { version: 1, title, description: watch, boards: [board("board", program), ...others], views: { open: { board: "example.lua" } } };
  return { id: `manual-${id}`, group: "From the manual", section, lab, ...rest };
}

/** A board that connects to the first board's port 80, says something and prints the answers. */
const visitor: BoardLab = {
  name: "visitor",
  files: {
    "init.lua": `-- Connects to the other board, says hello and prints what comes back.
local function visit()
  local socket = net.createConnection()
  socket:on("connection", function(sck) sck:send("hello from the visitor") end)
  socket:on("receive", function(_, data) print("received: " .. data) end)
  socket:on("disconnection", function(_, code) print("disconnected, code " .. code) end)
  socket:connect(80, "192.168.1.100")
end

wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  tmr.create():alarm(2000, tmr.ALARM_AUTO, visit)
end)
`,
  },
};

export const manualExamples: readonly Example[] = [
  manual(
    "create-server",
    "net.createServer()",
    "Create a server",
    "A server that does not listen yet: nothing appears on the network. Type print(net.createServer(30)) at the console.",
    `net.createServer(30) -- 30s timeout
`,
  ),
  manual(
    "ifinfo",
    "net.ifinfo()",
    "Ask an interface",
    "The line that is printed came with the lease: look for the DHCP acknowledgment among the packets and find the same address in its options.",
    `print(net.ifinfo(0).dhcp.ntp_server)
`,
    { view: "packets" },
  ),
  manual(
    "server-close",
    "net.server:close()",
    "Close a server",
    "Closing a server that never listened. In the board's profile choose “As on a chip” and run again: there it raises an error.",
    `-- creates a server
sv = net.createServer(net.TCP, 30)
-- closes the server
sv:close()
`,
  ),
  manual(
    "server-listen",
    "net.server:listen()",
    "Listen, greet, close",
    "The server greets each visitor and closes when it hears something. As on a chip, close() inside “receive” resets the connection: compare the last frames.",
    `-- server listens on 80, if data received, print data to console and send "hello world" back to caller
-- 30s time out for a inactive client
sv = net.createServer(net.TCP, 30)

function receiver(sck, data)
  print(data)
  sck:close()
end

if sv then
  sv:listen(80, function(conn)
    conn:on("receive", receiver)
    conn:send("hello world")
  end)
end
`,
    { others: [visitor], view: "sequence" },
  ),
  manual(
    "socket-dns",
    "net.socket:dns()",
    "Resolve a name with a socket",
    "One question to the name server, one answer, one callback. The chain of causes of the callback leads back to the call of dns().",
    `sk = net.createConnection(net.TCP, 0)
sk:dns("www.nodemcu.com", function(conn, ip) print(ip) end)
sk = nil
`,
    { view: "dns" },
  ),
  manual(
    "socket-on",
    "net.socket:on()",
    "Fetch a page",
    "Name, connection, request, answer: four exchanges before the first “receive”. Count the callbacks in the timeline.",
    `srv = net.createConnection(net.TCP, 0)
srv:on("receive", function(sck, c) print(c) end)
-- Wait for connection before sending.
srv:on("connection", function(sck, c)
  -- 'Connection: close' rather than 'Connection: keep-alive' to have server
  -- initiate a close of the connection after final response (frees memory
  -- earlier here), https://tools.ietf.org/html/rfc7230#section-6.6
  sck:send("GET /get HTTP/1.1\\r\\nHost: httpbin.org\\r\\nConnection: close\\r\\nAccept: */*\\r\\n\\r\\n")
end)
srv:connect(80,"httpbin.org")
`,
  ),
  manual(
    "receive-buffer",
    "net.socket:on(), note",
    "Collect what arrives in pieces",
    "3000 bytes cannot come in one frame: “receive” runs once for each segment. Compare the lengths in the packet list with the bars.",
    `srv = net.createConnection(net.TCP, 0)
local buffer = nil
srv:on("receive", function(sck, c)
  if buffer == nil then
    buffer = c
  else
    buffer = buffer .. c
  end
  print(#c .. " bytes, " .. #buffer .. " in all")
end)
-- throttling could be implemented using socket:hold()
-- example: https://github.com/nodemcu/nodemcu-firmware/blob/master/lua_examples/pcm/play_network.lua#L83
srv:on("connection", function(sck)
  sck:send("GET /bytes/3000 HTTP/1.1\\r\\nHost: httpbin.org\\r\\nConnection: close\\r\\n\\r\\n")
end)
srv:connect(80, "httpbin.org")
`,
  ),
  manual(
    "send-table",
    "net.socket:send()",
    "Send piece by piece",
    "Each “sent” callback sends the next piece: a chain of bars, one frame between each. Follow the causes of the last one back to the first.",
    `srv = net.createServer(net.TCP)

function receiver(sck, data)
  local response = {}

  -- if you're sending back HTML over HTTP you'll want something like this instead
  -- local response = {"HTTP/1.0 200 OK\\r\\nServer: NodeMCU on ESP8266\\r\\nContent-Type: text/html\\r\\n\\r\\n"}

  response[#response + 1] = "lots of data"
  response[#response + 1] = "even more data"
  response[#response + 1] = "e.g. content read from a file"

  -- sends and removes the first element from the 'response' table
  local function send(localSocket)
    if #response > 0 then
      localSocket:send(table.remove(response, 1))
    else
      localSocket:close()
      response = nil
    end
  end

  -- triggers the send() function again once the first chunk of data was sent
  sck:on("sent", send)

  send(sck)
end

srv:listen(80, function(conn)
  conn:on("receive", receiver)
end)
`,
    { others: [visitor], view: "sequence" },
  ),
  manual(
    "send-callbacks",
    "net.socket:send(), callbacks",
    "Send with a callback for each piece",
    "The same chain as explicit callbacks: each send() waits inside the callback of the one before.",
    `srv = net.createServer(net.TCP)
local header = "HTTP/1.0 200 OK\\r\\n\\r\\n"

srv:listen(80, function(conn)
  conn:on("receive", function(sck)
    sck:send(header, function()
      local data1 = "some large chunk of dynamically loaded data"
      sck:send(data1, function()
        local data2 = "even more dynamically loaded data"
        sck:send(data2, function(sk)
          sk:close()
        end)
      end)
    end)
  end)
end)
`,
    { others: [visitor], view: "sequence" },
  ),
  manual(
    "ttl",
    "net.socket:ttl()",
    "Stay inside the subnet",
    "Select a frame of the connection and look for “time to live” in its IPv4 header: it is 1, so no router would pass it on.",
    `sk = net.createConnection(net.TCP, 0)
sk:connect(80, '192.168.1.1')
sk:ttl(1) -- restrict frames to single subnet
`,
    { view: "packets" },
  ),
  manual(
    "udp-echo",
    "net.udpsocket:send()",
    "A UDP echo server",
    "In the PC terminal type nc -u 192.168.1.100 5000, then a word: one datagram in, one out, no connection at all.",
    `udpSocket = net.createUDPSocket()
udpSocket:listen(5000)
udpSocket:on("receive", function(s, data, port, ip)
    print(string.format("received '%s' from %s:%d", data, ip, port))
    s:send(port, ip, "echo: " .. data)
end)
port, ip = udpSocket:getaddr()
print(string.format("local UDP socket address / port: %s:%d", ip, port))
`,
    { stage: "pc" },
  ),
  manual(
    "dns-servers",
    "net.dns.getdnsserver()",
    "Choose the name servers",
    "The board first has the server that its lease named; afterwards its questions go to 8.8.8.8.",
    `print(net.dns.getdnsserver(0)) -- 208.67.222.222
print(net.dns.getdnsserver(1)) -- nil
net.dns.setdnsserver("8.8.8.8", 0)
net.dns.setdnsserver("192.168.1.252", 1)
print(net.dns.getdnsserver(0)) -- 8.8.8.8
print(net.dns.getdnsserver(1)) -- 192.168.1.252
`,
  ),
  manual(
    "dns-resolve",
    "net.dns.resolve()",
    "Resolve a name",
    "In the DNS view set www.google.com to “unknown” and run again: how long does the board wait before it gives up?",
    `net.dns.resolve("www.google.com", function(sk, ip)
  if (ip == nil) then print("DNS fail!") else print(ip) end
end)
`,
    { view: "dns" },
  ),
  manual(
    "ping",
    "net.ping()",
    "Ping a host",
    "Each echo travels to the host and back. Raise the loss of the board's link in the network view and count the ones that do not return.",
    `net.ping("www.nodemcu.com", function (b, ip, sq, tm)
    if ip then print(("%d bytes from %s, icmp_seq=%d time=%dms"):format(b, ip, sq, tm)) else print("Invalid IP address") end
end)
`,
    { view: "ping" },
  ),
  manual(
    "ping-ten",
    "net.ping(), count",
    "Ping ten times",
    "Ten echoes, one a second. Pause, then step frame by frame.",
    `net.ping("www.nodemcu.com", 10, function (b, ip, sq, tm)
    if ip then print(("%d bytes from %s, icmp_seq=%d time=%dms"):format(b, ip, sq, tm)) else print("Invalid IP address") end
end)
`,
    { view: "ping" },
  ),
  manual(
    "ping-summary",
    "net.ping(), summary",
    "Ping with a summary",
    "The second callback comes once, at the end, with the totals.",
    `net.ping("www.nodemcu.com", function (b, ip, sq, tm)
    if ip then print(("%d bytes from %s, icmp_seq=%d time=%dms"):format(b, ip, sq, tm)) else print("Invalid IP address") end
end,
function (ip, tc, toc, tb, tt)
    print(("--- %s ping statistics ---\\n%d packets transmitted, %d received, %d%% packet loss, time %dms"):format(ip, tc, tc-toc, toc/tc*100, tt))
end)
`,
    { view: "ping" },
  ),
  manual(
    "ping-overlap",
    "net.ping(), overlap",
    "Two pings at once",
    "The second ping starts one second after the first, and the first stops hearing answers: its echoes return, but nobody is told.",
    `function ping_resp(b, ip, sq, tm)
  print(string.format("%d bytes from %s, icmp_seq=%d time=%dms", b, ip, sq, tm))
end

net.ping("8.8.8.8", 4, ping_resp)
tmr.create():alarm(1000, tmr.ALARM_SINGLE, function() net.ping("8.8.4.4", 4, ping_resp) end)
`,
    { view: "ping" },
  ),
];
