/** The example of a first visit, and the way to the others, which are loaded when they are asked for. */

import type { Example } from "./example.ts";

export const firstExample: Example = {
  id: "web-server",
  group: "First steps",
  view: "timeline",
  stage: "console",
  lab: {
    version: 1,
    title: "A web server on a board",
    description:
      "In the timeline, follow an arrow from send() on one board to “receive” on the other. Then open the page yourself in the PC browser.",
    boards: [
      {
        name: "server",
        files: {
          "init.lua": `-- A web server in twenty lines.
local visits = 0

local server = net.createServer(30)
server:listen(80, function(connection)
  connection:on("receive", function(socket, request)
    local path = request:match("^%u+ (%S+)")
    visits = visits + 1
    print("request " .. visits .. " for " .. tostring(path))
    socket:send("HTTP/1.0 200 OK\\r\\nContent-Type: text/html\\r\\n\\r\\n"
      .. "<h1>Hello from a board</h1>"
      .. "<p>You are visitor number <b>" .. visits .. "</b>.</p>"
      .. "<p><a href='/again'>Come again</a></p>")
  end)
  connection:on("sent", function(socket)
    socket:close()
  end)
end)

wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(info)
  print("my page: http://" .. info.IP .. "/")
end)
`,
        },
      },
      {
        name: "client",
        files: {
          "init.lua": `-- Fetches the server's page every two seconds.
local function fetch()
  local socket = net.createConnection()
  socket:on("connection", function(sck)
    sck:send("GET /status HTTP/1.0\\r\\nHost: server\\r\\n\\r\\n")
  end)
  socket:on("receive", function(sck, data)
    print(data:match("number <b>(%d+)") .. " visits so far")
  end)
  socket:connect(80, "192.168.1.100")
end

wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  tmr.create():alarm(2000, tmr.ALARM_AUTO, fetch)
end)
`,
        },
      },
    ],
  },
};

/** The example called `id`, or `null`. */
export async function findExample(id: string): Promise<Example | null> {
  if (id === firstExample.id) return firstExample;
  const { examples } = await import("./all.ts");
  return examples.find((example) => example.id === id) ?? null;
}
