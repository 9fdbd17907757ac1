-- string.gmatch, string.find and string.match over a query string and over words.
local query = "ssid=home&key=secret&ip=192.168.1.7&mask=255.255.255.0&gateway=192.168.1.1&on=1"
local text = ("the quick brown fox jumps over the lazy dog "):rep(8)
local total = 0
for i = 1, 300 do
  for key, value in query:gmatch("([^&=]+)=([^&]*)") do
    total = total + #key + #value
  end
  for word in text:gmatch("%a+") do total = total + #word end
  local a, b, c, d = ("10.0." .. i % 250 .. ".1"):match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  total = total + a + b + c + d
  total = total + text:find("lazy", 1, true) + text:find("%s%w+y%s")
end
return total
