print(net.ifinfo(0).dhcp.ntp_server)
