-- The example wants a connected socket and a header.
net.createServer():listen(80, function(conn)
  sck, header = conn, "header\n"
  dofile("example.lua")
end)
