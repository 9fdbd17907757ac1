net.createServer(30) -- 30s timeout
