net.ping("www.nodemcu.com", 10, function (b, ip, sq, tm) if ip then print(("%d bytes from %s, icmp_seq=%d time=%dms"):format(b, ip, sq, tm)) else print("Invalid IP address") end end)
