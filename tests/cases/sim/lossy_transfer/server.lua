-- Whatever the link does, TCP delivers every byte once and in order, and the end after the last (RFC 9293 section 3.4;
-- docs/behaviour.md §4.3: segments that came early are delivered when the gap fills).
net.createServer(300):listen(7000, function(sk)
  local got, good = 0, true
  sk:on("receive", function(_, data)
    for i = 1, #data do
      good = good and data:byte(i) == 33 + (got + i - 1) % 89
    end
    got = got + #data
    sk:send("got " .. got .. "\n")
  end)
  sk:on("disconnection", function(_, code)
    print(got .. " bytes " .. (good and "in order" or "out of order") .. ", then " .. code)
  end)
end)
