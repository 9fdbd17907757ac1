net.ping("www.nodemcu.com", function (b, ip, sq, tm) if ip then print(("%d bytes from %s, icmp_seq=%d time=%dms"):format(b, ip, sq, tm)) else print("Invalid IP address") end end)
