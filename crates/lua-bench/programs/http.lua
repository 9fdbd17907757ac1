-- Parses HTTP requests that arrive in chunks, as a server's "receive" callback gets them.
local requests = {
  "GET /index.html?a=1&b=two HTTP/1.1\r\nHost: 192.168.4.1\r\nUser-Agent: curl/8.0\r\nAccept: */*\r\n\r\n",
  "POST /led HTTP/1.1\r\nHost: esp\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 16\r\n\r\npin=4&state=high",
  "GET /status HTTP/1.1\r\nHost: esp\r\nConnection: keep-alive\r\nAccept-Language: de, en;q=0.7\r\n\r\n",
}

local function parser(done)
  local buffer = ""
  local request
  return function(chunk)
    buffer = buffer .. chunk
    while true do
      if not request then
        local head, rest = buffer:match("^(.-)\r\n\r\n(.*)$")
        if not head then return end
        local method, path, query = head:match("^(%u+) ([^ ?]+)%??([^ ]*) HTTP/1%.[01]")
        request = { method = method, path = path, headers = {}, query = {} }
        for name, value in head:gmatch("\r\n([^:]+):%s*([^\r]*)") do
          request.headers[name:lower()] = value
        end
        for key, value in query:gmatch("([^&=]+)=([^&]*)") do request.query[key] = value end
        buffer = rest
      end
      local length = tonumber(request.headers["content-length"] or "0")
      if #buffer < length then return end
      request.body = buffer:sub(1, length)
      buffer = buffer:sub(length + 1)
      done(request)
      request = nil
    end
  end
end

local served, bytes = 0, 0
local receive = parser(function(request)
  served = served + 1
  local size = 0
  for name, value in pairs(request.headers) do size = size + #name + #value end
  for key, value in pairs(request.query) do size = size + #key * #value end
  bytes = bytes + size + #request.body + #request.method + #request.path
end)
for round = 1, 70 do
  local stream = requests[1] .. requests[2] .. requests[3]
  local at, size = 1, 20 + round % 60
  while at <= #stream do
    receive(stream:sub(at, at + size - 1))
    at = at + size
  end
end
return served * 100000 + bytes
