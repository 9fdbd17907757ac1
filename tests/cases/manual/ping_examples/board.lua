net.ping("www.nodemcu.com", function (b, ip, sq, tm) if ip then print(("%d bytes from %s, icmp_seq=%d time=%dms"):format(b, ip, sq, tm)) else print("Invalid IP address") end end)

net.ping("www.nodemcu.com", 10, function (b, ip, sq, tm) if ip then print(("%d bytes from %s, icmp_seq=%d time=%dms"):format(b, ip, sq, tm)) else print("Invalid IP address") end end)

net.ping("www.nodemcu.com", function (b, ip, sq, tm)
  if ip then
    print(("%d bytes from %s, icmp_seq=%d time=%dms"):format(b, ip, sq, tm))
  else
    print("Invalid IP address")
  end
end,
function (ip, tc, toc, tb, tt)
  print(("--- %s ping statistics ---\n%d packets transmitted, %d received, %d%% packet loss, time %dms"):format(ip, tc, tc-toc, toc/tc*100, tt))
end)
