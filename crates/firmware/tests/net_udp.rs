//! UDP sockets: `docs/behaviour.md` §5.

mod common;

use common::{Lab, assert_console, check_chip};
use trace::Silence;

// docs/behaviour.md §5.1
#[test]
fn listen_scans_port_and_address() {
    check_chip(
        "local function try(f) print(select(2, pcall(f))) end
         local a = net.createUDPSocket() a:listen(5000) print(a:getaddr())
         try(function() a:listen(5001) end)
         local b = net.createUDPSocket() b:listen() print(b:getaddr())
         local c = net.createUDPSocket() c:listen(0, '192.168.1.100', print) print(c:getaddr())
         local d = net.createUDPSocket()
         try(function() d:listen(5000) end)
         try(function() d:listen(5002, 'name') end)
         try(function() d:listen(5002, '') end)
         print(d:getaddr())
         d:listen('5003') print(d:getaddr())",
        100,
        "5000\t0.0.0.0
         test.lua:3: already listening
         4096\t0.0.0.0
         4097\t192.168.1.100
         test.lua:7: address in use
         test.lua:8: invalid IP address
         test.lua:9: invalid IP address
         nil\tnil
         5003\t0.0.0.0",
    );
}

// docs/behaviour.md §5.1
#[test]
fn a_foreign_address_binds_but_does_not_send() {
    check_chip(
        "local u = net.createUDPSocket()
         u:listen(5000, '10.9.8.7')
         print(pcall(function() u:send(9, '192.168.1.1', 'x') end))",
        100,
        "false\ttest.lua:3: illegal value",
    );
}

// docs/behaviour.md §5.2
#[test]
fn send_checks_in_order() {
    check_chip(
        "local u = net.createUDPSocket()
         local function try(f) print(select(2, pcall(f))) end
         try(function() u:send() end)
         try(function() u:send('x', '1.2.3.4', 'd') end)
         try(function() u:send(65536, '1.2.3.4', 'd') end)
         try(function() u:send(9) end)
         try(function() u:send(9, 'www.google.com', 'd') end)
         try(function() u:send(9, '1.2.3.4') end)
         try(function() u:send(9, '1.2.3.4', '') end)
         print(u:getaddr())",
        100,
        "test.lua:3: bad argument #1 to 'send' (number expected, got no value)
         test.lua:4: bad argument #1 to 'send' (number expected, got string)
         test.lua:5: need port
         test.lua:6: bad argument #2 to 'send' (string expected, got no value)
         test.lua:7: invalid IP address
         test.lua:8: bad argument #3 to 'send' (string expected, got no value)
         test.lua:9: no data to send
         nil\tnil",
    );
}

// docs/behaviour.md §3.1, §4.1, §5.1, §5.2: without memory for what the stack keeps of a socket, or for a datagram
#[test]
fn a_full_heap_has_no_room_for_sockets_and_datagrams() {
    check_chip(
        "function try(f) print(select(2, pcall(f))) end
         function accept() end
         -- The last three take what the function itself gives back when it returns.
         function fill()
           while node.heap() > 0 do kept[#kept + 1] = ('x'):rep(100) .. #kept end
           for i = 1, 3 do kept[#kept + 1] = ('y'):rep(100) .. i end
         end
         function tcp()
           try(function() s:listen(80, accept) end)
           try(function() c:connect(80, '192.168.1.1') end)
           try(function() u:listen(5000) end)
           print(s:getaddr()) print(c:getpeer()) print(u:getaddr())
         end
         function udp()
           try(function() u:send(9, '192.168.1.1', kept[1]) end)
           print(u:getaddr())
         end
         kept, s, c, u = {}, net.createServer(), net.createConnection(), net.createUDPSocket()
         kept[1] = ('x'):rep(1400)
         function later(ms, f) tmr.create():alarm(ms, tmr.ALARM_SINGLE, f) end
         later(100, fill)
         later(200, tcp)
         later(300, function() kept[2], kept[3], kept[4] = nil end)
         later(400, udp)",
        1000,
        "test.lua:9: cannot allocate PCB
         test.lua:10: cannot allocate PCB
         test.lua:11: cannot allocate PCB
         nil\tnil
         nil\tnil
         nil\tnil
         test.lua:15: cannot allocate message buffer
         4096\t0.0.0.0",
    );
}

// docs/behaviour.md §5.2
#[test]
fn send_binds_to_the_first_free_port_and_so_does_send_after_close() {
    check_chip(
        "local u = net.createUDPSocket()
         u:send(9, '192.168.1.1', 'x') print(u:getaddr())
         print(pcall(function() u:listen(5000) end))
         u:close() print(u:getaddr())
         u:listen(5000) u:close()
         u:send(9, '192.168.1.1', 'x') print(u:getaddr())",
        100,
        "4096\t0.0.0.0
         false\ttest.lua:3: already listening
         nil\tnil
         4096\t0.0.0.0",
    );
}

// docs/behaviour.md §5.2
#[test]
fn without_a_network_send_raises_after_sent() {
    check_chip(
        "wifi.sta.disconnect()
         local u = net.createUDPSocket()
         u:on('sent', function() print('sent') end)
         print(pcall(function() u:send(9, '192.168.1.1', 'x') end))",
        100,
        "sent
         false\ttest.lua:4: routing problem",
    );
}

// docs/behaviour.md §5.3
#[test]
fn datagrams_arrive_one_by_one_with_port_and_address() {
    let mut lab = Lab::chip()
        .board(
            "local u = net.createUDPSocket() u:listen(5000)
             u:on('receive', function(s, data, port, ip) print(s == u, data, port, ip) s:send(port, ip, 'echo ' .. data) end)",
        )
        .board(
            "local u = net.createUDPSocket()
             u:on('receive', function(s, data, port, ip) print(data, port, ip) end)
             u:send(5000, '192.168.1.100', 'one')
             u:send(5000, '192.168.1.100', 'two')",
        );
    lab.run(1000);
    assert_console(&lab, 0, "true\tone\t4096\t192.168.1.101\ntrue\ttwo\t4096\t192.168.1.101");
    assert_console(&lab, 1, "echo one\t5000\t192.168.1.100\necho two\t5000\t192.168.1.100");
}

// docs/behaviour.md §5.3
#[test]
fn events_of_tcp_alone_are_refused() {
    check_chip(
        "local u = net.createUDPSocket()
         local function try(f) print(select(2, pcall(f))) end
         try(function() u:on('connection', print) end)
         try(function() u:on('disconnection', print) end)
         try(function() u:on('reconnection', print) end)
         u:on('dns', print) u:on('receive', print) u:on('sent', print)
         print('ok')",
        100,
        "test.lua:3: invalid callback name
         test.lua:4: invalid callback name
         test.lua:5: invalid callback name
         ok",
    );
}

// docs/behaviour.md §5.3
#[test]
fn a_datagram_without_a_handler_is_dropped() {
    let mut lab = Lab::chip()
        .board("u = net.createUDPSocket() u:listen(5000)")
        .board("net.createUDPSocket():send(5000, '192.168.1.100', 'x')");
    lab.run(500);
    let silences = lab.silences(0);
    assert!(silences.iter().any(|(reason, _)| *reason == Silence::NoReceiveHandler), "{silences:?}");
}

// docs/behaviour.md §5.2, §5.3
#[test]
fn broadcasts_reach_sockets_bound_to_any_and_to_an_own_address() {
    let mut lab = Lab::chip()
        .board("local u = net.createUDPSocket() u:listen(5000) u:on('receive', function(_, d) print(d) end)")
        .board("local u = net.createUDPSocket() u:listen(5000, '192.168.1.101') u:on('receive', function(_, d) print(d) end)")
        .board(
            "local u = net.createUDPSocket()
             u:send(5000, '255.255.255.255', 'limited')
             u:send(5000, '192.168.1.255', 'directed')",
        );
    lab.run(1000);
    assert_console(&lab, 0, "limited\ndirected");
    assert_console(&lab, 1, "limited\ndirected");
    assert_console(&lab, 2, "");
}

// docs/behaviour.md §5.2
#[test]
fn a_datagram_that_needs_fragments_is_lost() {
    let mut lab = Lab::chip()
        .board("local u = net.createUDPSocket() u:listen(5000) u:on('receive', function(_, d) print(#d) end)")
        .board(
            "local u = net.createUDPSocket()
             print(pcall(function() u:send(5000, '192.168.1.100', ('x'):rep(1473)) end))
             u:send(5000, '192.168.1.100', ('x'):rep(1472))",
        );
    lab.run(1000);
    assert_console(&lab, 1, "true");
    assert_console(&lab, 0, "1472");
}

// docs/behaviour.md §5.2
#[test]
fn a_closed_port_is_no_error() {
    check_chip(
        "local u = net.createUDPSocket()
         u:send(9999, '192.168.1.1', 'x') u:send(9999, '192.168.1.222', 'x')
         print('ok')",
        2000,
        "ok",
    );
}

// docs/behaviour.md §5.4
#[test]
fn close_ttl_and_getaddr_need_a_port_first() {
    check_chip(
        "local u = net.createUDPSocket()
         local function try(f) print(select(2, pcall(f))) end
         try(function() u:close() end)
         try(function() u:ttl() end)
         print(u:getaddr())
         u:listen(5000)
         print(u:ttl(), u:ttl(10), u:ttl(), u:ttl(300), u:ttl())
         u:close()
         try(function() u:close() end)",
        100,
        "test.lua:3: not connected
         test.lua:4: socket is not open/bound yet
         nil\tnil
         255\t10\t10\t300\t44
         test.lua:9: not connected",
    );
}

// docs/behaviour.md §5.4
#[test]
fn dns_works_on_udp_sockets() {
    check_chip(
        "local u = net.createUDPSocket()
         u:dns('www.nodemcu.com', function(s, ip) print(s == u, ip ~= nil) end)
         print(pcall(function() net.createUDPSocket():dns('x.invalid') end))",
        3000,
        "false\ttest.lua:3: no callback specified
         true\ttrue",
    );
}

// docs/behaviour.md §5.1: port 0 and a trailing function; any address and one's own exclude each other
#[test]
fn a_port_is_taken_on_the_same_and_on_any_address() {
    check_chip(
        "local a, b, c = net.createUDPSocket(), net.createUDPSocket(), net.createUDPSocket()
         a:listen(5000, '192.168.1.100')
         print(pcall(function() b:listen(5000, '192.168.1.100') end))
         print(pcall(function() b:listen(5000) end))
         print(pcall(function() b:listen(5000, '10.9.8.7') end))
         c:listen(70000) print(c:getaddr())",
        100,
        "false\ttest.lua:3: address in use
         false\ttest.lua:4: address in use
         true
         4464\t0.0.0.0",
    );
}

// docs/behaviour.md §5.2: nobody hears his own broadcasts and groups
#[test]
fn own_broadcasts_do_not_come_back() {
    check_chip(
        "net.multicastJoin('any', '239.1.2.3')
         local u = net.createUDPSocket() u:listen(5000)
         u:on('receive', function(_, d) print('heard', d) end)
         u:send(5000, '255.255.255.255', 'all') u:send(5000, '192.168.1.255', 'subnet') u:send(5000, '239.1.2.3', 'group')
         print('sent')",
        1000,
        "sent",
    );
}

// docs/behaviour.md §5.2: in a callback what send raises is a PANIC
#[test]
fn a_send_without_a_network_panics_in_a_handler() {
    let mut lab = Lab::chip().board(
        "wifi.sta.disconnect()
         net.dns.resolve('www.google.com', function() net.createUDPSocket():send(9, '192.168.1.1', 'x') end)",
    );
    lab.run(8000);
    assert!(
        lab.raw_console(0).contains("PANIC: unprotected error in call to Lua API (test.lua:2: routing problem)"),
        "{}",
        lab.raw_console(0)
    );
}

// docs/behaviour.md §5.2: send's own handler is stored before the socket is bound, and its error is the caller's (§1.6)
#[test]
fn a_handler_given_to_send_stays() {
    check_chip(
        "local u = net.createUDPSocket()
         u:send(9, '192.168.1.1', 'x', function(s) print('sent', s == u) end)
         u:send(9, '192.168.1.1', 'y')
         u:on('sent', nil)
         u:send(9, '192.168.1.1', 'z')",
        100,
        "sent\ttrue\nsent\ttrue",
    );
}

// docs/behaviour.md §5.3: one socket gets a datagram, the one bound last first
#[test]
fn only_one_socket_gets_a_broadcast() {
    let mut lab = Lab::chip()
        .board(
            "local function open(ip)
               local u = net.createUDPSocket() u:listen(5000, ip)
               u:on('receive', function(_, d) print(ip, d) end)
             end
             open('192.168.1.100') open('10.9.8.7')",
        )
        .board(
            "local u = net.createUDPSocket()
             u:send(5000, '192.168.1.255', 'broadcast') u:send(5000, '192.168.1.100', 'unicast')",
        );
    lab.run(1000);
    assert_console(&lab, 0, "10.9.8.7\tbroadcast\n192.168.1.100\tunicast");
}

// docs/behaviour.md §5.3: a group's datagram is for its members alone
#[test]
fn a_group_is_heard_by_members_alone() {
    let listen = "local u = net.createUDPSocket() u:listen(5000) u:on('receive', function(_, d) print(d) end)";
    let mut lab = Lab::chip()
        .board(listen)
        .board(&format!("net.multicastJoin('any', '239.1.2.3') {listen}"))
        .board("net.createUDPSocket():send(5000, '239.1.2.3', 'to members')");
    lab.run(1000);
    assert_console(&lab, 0, "");
    assert_console(&lab, 1, "to members");
}

// docs/behaviour.md §5.4: TTL and name lookups as TCP has them, before and after close
#[test]
fn after_close_everything_begins_anew() {
    check_chip(
        "local u = net.createUDPSocket()
         u:listen(5000) u:ttl(7) u:close()
         print(u:getaddr()) print(select(2, pcall(function() u:ttl() end)))
         u:send(9, '192.168.1.1', 'x') print(u:getaddr()) print(u:ttl())
         u:dns('1.2.3.4', function(s, ip) print(s == u, ip) end)",
        100,
        "nil\tnil
         test.lua:3: socket is not open/bound yet
         4096\t0.0.0.0
         255
         true\t1.2.3.4",
    );
}
