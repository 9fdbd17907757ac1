-- The note continues the example before it: `srv` is its socket.
dofile("previous.lua")
dofile("example.lua")
