-- A program as people write it for a board: an HTTP request from chunks.
local function new_parser(on_request)
  local buffer, request = "", nil
  return function(chunk)
    buffer = buffer .. chunk
    while true do
      if not request then
        local head_end, body_start = buffer:find("\r\n\r\n", 1, true)
        if not head_end then return end
        local head = buffer:sub(1, head_end - 1)
        buffer = buffer:sub(body_start + 1)
        local method, target = head:match("^(%u+) (%S+) HTTP/1%.[01]")
        request = { method = method, headers = {} }
        request.path, request.query = target:match("^([^?]*)%??(.*)$")
        for name, value in head:gmatch("\r\n([^:]+):%s*([^\r]*)") do request.headers[name:lower()] = value end
      end
      local length = tonumber(request.headers["content-length"] or 0)
      if #buffer < length then return end
      request.body, buffer = buffer:sub(1, length), buffer:sub(length + 1)
      on_request(request)
      request = nil
    end
  end
end
local text = "GET /led?state=on&n=1 HTTP/1.1\r\nHost: 192.168.4.1\r\nAccept: */*\r\n\r\n"
  .. "POST /form HTTP/1.1\r\nContent-Length: 11\r\nContent-Type: text/plain\r\n\r\nhello=world"
for size = 1, #text, 7 do
  local requests = {}
  local feed = new_parser(function(r) requests[#requests + 1] = r end)
  for at = 1, #text, size do feed(text:sub(at, at + size - 1)) end
  assert(#requests == 2, size)
  assert(requests[1].method == "GET" and requests[1].path == "/led" and requests[1].query == "state=on&n=1")
  assert(requests[1].headers.host == "192.168.4.1" and requests[1].body == "")
  assert(requests[2].method == "POST" and requests[2].body == "hello=world" and requests[2].query == "")
end
local query = {}
for k, v in ("state=on&name=a%20b+c"):gmatch("([^&=]+)=([^&]*)") do
  query[k] = v:gsub("+", " "):gsub("%%(%x%x)", function(h) return string.char(tonumber(h, 16)) end)
end
assert(query.state == "on" and query.name == "a b c")
