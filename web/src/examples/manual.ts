/**
 * Every example of the manual's chapter on `net`, word for word: the programs are those of the test cases in `tests/cases/manual`. The
 * board's `init.lua` runs them as soon as the board has its address, as a person would who types them at the console of a board that
 * is already on the network.
 */

import type { BoardLab, Lab } from "../engine/lab.ts";
import type { Example } from "./example.ts";

/** The cases' Lua files by their path. */
const caseFiles = import.meta.glob<string>("../../../tests/cases/manual/**/*.lua", { query: "?raw", import: "default", eager: true });

/** Runs `program` once the board is on the network. */
function starter(program: string): string {
  return `-- Waits for an address, then runs the manual's example.
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(info)
  print("address " .. info.IP)
  dofile("${program}")
end)
`;
}

/** A board that runs its `example.lua`, or what prepares it. */
function board(files: { readonly [name: string]: string }): BoardLab {
  return { name: "board", files: { "init.lua": starter("prepare.lua" in files ? "prepare.lua" : "example.lua"), ...files } };
}

/**
 * The board of a case. An example that continues another one, or wants variables, is a file in the case's board of its own, and the
 * case's program prepares it.
 */
function boardOfCase(name: string): BoardLab {
  const folder = `../../../tests/cases/manual/${name}/`;
  const program = caseFiles[`${folder}board.lua`] ?? "";
  const further = Object.entries(caseFiles).filter(([path]) => path.startsWith(`${folder}board/`));
  if (further.length === 0) return board({ "example.lua": program });
  return board({ ...Object.fromEntries(further.map(([path, text]) => [path.slice(`${folder}board/`.length), text])), "prepare.lua": program });
}

function manual(id: string, section: string, title: string, watch: string, first: BoardLab, more: Partial<Example> & { readonly others?: readonly BoardLab[] } = {}): Example {
  const { others = [], ...rest } = more;
  const lab: Lab = { version: 1, title, description: watch, boards: [first, ...others], views: { open: { board: "example.lua" } } };
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

/** The note on `receive` has a handler alone; this is the program around it, with an answer that is long enough to come in pieces. */
const collecting = `srv = net.createConnection(net.TCP, 0)
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
`;

export const manualExamples: readonly Example[] = [
  manual(
    "create-server",
    "net.createServer()",
    "Create a server",
    "A server that does not listen yet: nothing appears on the network. Type print(net.createServer(30)) at the console.",
    boardOfCase("create_server"),
  ),
  manual(
    "ifinfo",
    "net.ifinfo()",
    "Ask an interface",
    "The line that is printed came with the lease: look for the DHCP acknowledgment among the packets and find the same address in its options.",
    boardOfCase("ifinfo"),
    { view: "packets" },
  ),
  manual(
    "server-close",
    "net.server:close()",
    "Close a server",
    "Closing a server that never listened. In the board's profile choose “As on a chip” and run again: there it raises an error.",
    boardOfCase("server_close"),
  ),
  manual(
    "server-listen",
    "net.server:listen()",
    "Listen, greet, close",
    "The server greets each visitor and closes when it hears something. As on a chip, close() inside “receive” resets the connection: compare the last frames.",
    boardOfCase("server_listen"),
    { others: [visitor], view: "sequence" },
  ),
  manual(
    "socket-dns",
    "net.socket:dns()",
    "Resolve a name with a socket",
    "One question to the name server, one answer, one callback. The chain of causes of the callback leads back to the call of dns().",
    boardOfCase("socket_dns"),
    { view: "dns" },
  ),
  manual(
    "socket-on",
    "net.socket:on()",
    "Fetch a page",
    "Name, connection, request, answer: four exchanges before the first “receive”. Count the callbacks in the timeline.",
    boardOfCase("socket_on"),
  ),
  manual(
    "receive-buffer",
    "net.socket:on(), note",
    "Collect what arrives in pieces",
    "3000 bytes cannot come in one frame: “receive” runs once for each segment. Compare the lengths in the packet list with the bars.",
    board({ "example.lua": collecting }),
  ),
  manual(
    "send-table",
    "net.socket:send()",
    "Send piece by piece",
    "Each “sent” callback sends the next piece: a chain of bars, one frame between each. Follow the causes of the last one back to the first.",
    boardOfCase("socket_send"),
    { others: [visitor], view: "sequence" },
  ),
  manual(
    "send-callbacks",
    "net.socket:send(), callbacks",
    "Send with a callback for each piece",
    "The same chain as explicit callbacks: each send() waits inside the callback of the one before.",
    boardOfCase("socket_send_explicit"),
    { others: [visitor], view: "sequence" },
  ),
  manual(
    "ttl",
    "net.socket:ttl()",
    "Stay inside the subnet",
    "Select a frame of the connection and look for “time to live” in its IPv4 header: it is 1, so no router would pass it on.",
    boardOfCase("socket_ttl"),
    { view: "packets" },
  ),
  manual(
    "udp-echo",
    "net.udpsocket:send()",
    "A UDP echo server",
    "In the PC terminal type nc -u 192.168.1.100 5000, then a word: one datagram in, one out, no connection at all.",
    boardOfCase("udpsocket_send"),
    { stage: "pc" },
  ),
  manual(
    "dns-servers",
    "net.dns.getdnsserver()",
    "Choose the name servers",
    "The board first has the server that its lease named; afterwards its questions go to 8.8.8.8.",
    boardOfCase("dns_getdnsserver"),
  ),
  manual(
    "dns-resolve",
    "net.dns.resolve()",
    "Resolve a name",
    "In the DNS view set www.google.com to “unknown” and run again: how long does the board wait before it gives up?",
    boardOfCase("dns_resolve"),
    { view: "dns" },
  ),
  manual(
    "ping",
    "net.ping()",
    "Ping a host",
    "Each echo travels to the host and back. Raise the loss of the board's link in the network view and count the ones that do not return.",
    boardOfCase("ping"),
    { view: "ping" },
  ),
  manual(
    "ping-ten",
    "net.ping(), count",
    "Ping ten times",
    "Ten echoes, one a second. Pause, then step frame by frame.",
    boardOfCase("ping_count"),
    { view: "ping" },
  ),
  manual(
    "ping-summary",
    "net.ping(), summary",
    "Ping with a summary",
    "The second callback comes once, at the end, with the totals.",
    boardOfCase("ping_statistics"),
    { view: "ping" },
  ),
  manual(
    "ping-overlap",
    "net.ping(), overlap",
    "Two pings at once",
    "The second ping starts one second after the first, and the first stops hearing answers: its echoes return, but nobody is told.",
    boardOfCase("ping_overlapping"),
    { view: "ping" },
  ),
];
