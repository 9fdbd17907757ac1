//! Servers: `docs/behaviour.md` §3.

mod common;

use common::{Lab, assert_console, check_chip};
use trace::{Silence, SocketState};

/// A server that greets nobody.
const SERVER: &str = "srv = net.createServer() srv:listen(80, function(c) end)";

// docs/behaviour.md §3.1
#[test]
fn listen_checks_in_order() {
    check_chip(
        "local function try(f) print(select(2, pcall(f))) end
         local s = net.createServer()
         try(function() s:listen(80) end)
         try(function() s:listen(80, nil, print) end)
         try(function() s:listen(80, 'name', print) end)
         try(function() s:listen(80, '', print) end)
         try(function() s:listen() end)
         s:listen(80, '192.168.1.100', print)
         try(function() s:listen('bad', 'args') end)
         print(s:getaddr())",
        100,
        "test.lua:3: need callback
         test.lua:4: need callback
         test.lua:5: invalid IP address
         test.lua:6: invalid IP address
         test.lua:7: need callback
         test.lua:9: already listening
         80\t192.168.1.100",
    );
}

// docs/behaviour.md §3.1
#[test]
fn the_port_is_cut_to_sixteen_bits_and_may_be_left_out() {
    check_chip(
        "local a = net.createServer() a:listen(70000, print) print(a:getaddr())
         local b = net.createServer() b:listen('8080', print) print(b:getaddr())
         local c = net.createServer() c:listen(print)
         local port, ip = c:getaddr() print(port >= 1024 and port <= 32766, ip)
         local d = net.createServer() d:listen(0, print) print(d:getaddr() ~= nil)",
        100,
        "4464\t0.0.0.0
         8080\t0.0.0.0
         true\t0.0.0.0
         true",
    );
}

// docs/behaviour.md §3.1
#[test]
fn a_second_listener_on_a_port_is_out_of_memory() {
    check_chip(
        "local a = net.createServer() a:listen(80, print)
         local b = net.createServer()
         print(pcall(function() b:listen(80, print) end))
         print(pcall(function() b:listen(80, '192.168.1.100', print) end))
         print(b:getaddr())",
        100,
        "false\ttest.lua:3: out of memory
         true
         80\t192.168.1.100",
    );
}

// docs/behaviour.md §3.1
#[test]
fn the_specific_listener_wins() {
    let mut lab = Lab::chip()
        .board(
            "net.createServer():listen(80, function() print('any') end)
             net.createServer():listen(80, '192.168.1.100', function() print('own') end)",
        )
        .board("net.createConnection():connect(80, '192.168.1.100')");
    lab.run(500);
    assert_console(&lab, 0, "own");
}

// docs/behaviour.md §3.1
#[test]
fn the_listen_callback_comes_before_the_sockets_own_connection_handler() {
    let mut lab = Lab::chip()
        .board(
            "net.createServer():listen(80, function(c)
               print('listen', (c:getpeer()) ~= nil, select(2, c:getpeer()), c:getaddr())
               c:on('connection', function(s) print('connection', s == c) end)
               print('listen ends')
             end)",
        )
        .board("net.createConnection():connect(80, '192.168.1.100')");
    lab.run(500);
    assert_console(
        &lab,
        0,
        "listen\ttrue\t192.168.1.101\t80\t192.168.1.100
         listen ends
         connection\ttrue",
    );
}

// docs/behaviour.md §3.1
#[test]
fn the_listen_callback_may_send_2919_bytes() {
    let mut lab = Lab::chip()
        .board(
            "net.createServer():listen(80, function(c)
               print(pcall(function() c:send(('x'):rep(2920)) end))
               print(pcall(function() c:send(('x'):rep(2919)) end))
               c:on('sent', function(s) s:on('sent', nil) print(pcall(function() s:send(('x'):rep(1)) end)) end)
             end)",
        )
        .board("local n = 0 local sk = net.createConnection() sk:on('receive', function(_, d) n = n + #d if n == 2920 then print(n) end end) sk:connect(80, '192.168.1.100')");
    lab.run(2000);
    assert_console(&lab, 0, "false\ttest.lua:2: out of memory\ntrue\ntrue");
    assert_console(&lab, 1, "2920");
}

// docs/behaviour.md §3.1
#[test]
fn send_and_close_in_the_listen_callback_deliver() {
    let mut lab = Lab::chip().board("net.createServer():listen(80, function(c) c:send('bye') c:close() end)").board(
        "local sk = net.createConnection()
             sk:on('receive', function(_, d) print(d) end)
             sk:on('disconnection', function(_, e) print('end', e) end)
             sk:connect(80, '192.168.1.100')",
    );
    lab.run(1000);
    assert_console(&lab, 1, "bye\nend\t0");
}

// docs/behaviour.md §3.1
#[test]
fn an_error_in_the_listen_callback_is_a_panic() {
    let mut lab = Lab::chip()
        .board("net.createServer():listen(80, function(c) error('no') end)")
        .board("net.createConnection():connect(80, '192.168.1.100')");
    lab.run(500);
    assert_console(&lab, 0, "PANIC: unprotected error in call to Lua API (test.lua:1: no)");
}

// docs/behaviour.md §3.2
#[test]
fn close_needs_a_listening_server_and_leaves_clients_alone() {
    let mut lab = Lab::chip()
        .board(
            "local srv = net.createServer()
             print(pcall(function() srv:close() end))
             srv:listen(80, function(c)
               c:on('receive', function(_, d) print(d) end)
               srv:close()
               print(srv:getaddr())
               print(pcall(function() srv:close() end))
               srv:listen(80, print)
               print(srv:getaddr())
             end)",
        )
        .board(
            "local sk = net.createConnection()
             sk:connect(80, '192.168.1.100')
             tmr.create():alarm(500, tmr.ALARM_SINGLE, function() sk:send('still here') end)",
        );
    lab.run(1500);
    assert_console(
        &lab,
        0,
        "false\ttest.lua:2: not connected
         nil\tnil
         false\ttest.lua:7: not connected
         80\t0.0.0.0
         still here",
    );
}

// docs/behaviour.md §3.3
#[test]
fn getaddr_is_port_then_address() {
    check_chip(
        "local s = net.createServer()
         print(s:getaddr())
         s:listen(80, print) print(s:getaddr())
         s:close() print(s:getaddr())",
        100,
        "nil\tnil\n80\t0.0.0.0\nnil\tnil",
    );
}

// docs/behaviour.md §3.4
#[test]
fn a_live_idle_client_stays() {
    let mut lab = Lab::chip()
        .board(
            "net.createServer(1):listen(80, function(c)
               c:on('disconnection', function(_, e) print('gone', e) end)
               c:on('receive', function(_, d) print(d) end)
             end)",
        )
        .board(
            "local sk = net.createConnection()
             sk:connect(80, '192.168.1.100')
             tmr.create():alarm(60000, tmr.ALARM_SINGLE, function() sk:send('hello') end)",
        );
    lab.run(61_000);
    assert_console(&lab, 0, "hello");
}

// docs/behaviour.md §3.4
#[test]
fn a_dead_client_is_given_up_ten_seconds_after_the_probe() {
    let mut lab = Lab::chip()
        .board(
            "net.createServer(3):listen(80, function(c)
               local t = tmr.now()
               c:on('disconnection', function(_, e)
                 local s = (tmr.now() - t) / 1e6
                 print('gone', e, s > 12.9 and s < 13.9)
               end)
             end)",
        )
        .board("net.createConnection():connect(80, '192.168.1.100')");
    lab.run(500);
    lab.power_off(1);
    lab.run(18_000);
    assert_console(&lab, 0, "gone\t-8\ttrue");
}

// docs/behaviour.md §3.4
#[test]
fn a_rebooted_client_answers_the_probe_with_a_reset() {
    let mut lab = Lab::chip()
        .board(
            "net.createServer(5):listen(80, function(c)
               c:on('disconnection', function(_, e) print('gone', e) end)
             end)",
        )
        .board("if not file.exists('once') then file.putcontents('once', '') net.createConnection():connect(80, '192.168.1.100') end");
    lab.run(500);
    lab.power_off(1);
    lab.run(600);
    lab.power_on(1);
    lab.run(9_000);
    assert_console(&lab, 0, "gone\t-9");
}

// docs/behaviour.md §3.5
#[test]
fn the_sixth_client_is_ignored_without_a_reset() {
    let mut lab = Lab::chip()
        .board("local n = 0 net.createServer():listen(80, function() n = n + 1 print('client', n) end)")
        .board(
            "clients = {}
             local function more(i)
               if i > 6 then return end
               local sk = net.createConnection()
               clients[i] = sk
               sk:on('connection', function() print('connected', i) end)
               sk:on('disconnection', function(_, e) print('failed', i, e) end)
               sk:connect(80, '192.168.1.100')
               tmr.create():alarm(200, tmr.ALARM_SINGLE, function() more(i + 1) end)
             end
             more(1)",
        );
    lab.run(10_000);
    assert_console(&lab, 0, "client\t1\nclient\t2\nclient\t3\nclient\t4\nclient\t5");
    assert_console(&lab, 1, "connected\t1\nconnected\t2\nconnected\t3\nconnected\t4\nconnected\t5\nfailed\t6\t-8");
    let silences = lab.silences(0);
    assert!(silences.iter().any(|(reason, _)| *reason == Silence::ConnectionLimit), "{silences:?}");
}

// docs/behaviour.md §2.3
#[test]
fn any_number_of_servers_may_listen() {
    check_chip("for port = 1, 8 do net.createServer():listen(port, print) end print('ok')", 100, "ok");
}

// docs/behaviour.md §4.10: a segment for a port nobody listens on is reset
#[test]
fn a_port_without_a_listener_refuses() {
    let mut lab = Lab::chip().board(SERVER).board(
        "local sk = net.createConnection()
         sk:on('disconnection', function(_, e) print(e) end)
         sk:connect(81, '192.168.1.100')",
    );
    lab.run(500);
    assert_console(&lab, 1, "-9");
}

// docs/behaviour.md §3.1: even if an earlier listen had supplied one
#[test]
fn each_listen_needs_a_callback() {
    check_chip(
        "local s = net.createServer()
         s:listen(80, print) s:close()
         print(pcall(function() s:listen(80) end))
         print(s:getaddr())",
        100,
        "false\ttest.lua:3: need callback\nnil\tnil",
    );
}

// docs/behaviour.md §3.1: "address in use" is for the port of an outgoing connection only
#[test]
fn the_port_of_an_outgoing_connection_is_in_use() {
    let mut lab = Lab::chip().board(SERVER).board(
        "local sk = net.createConnection()
         sk:connect(80, '192.168.1.100')
         local port = (sk:getaddr())
         print(pcall(function() net.createServer():listen(port, print) end))",
    );
    lab.run(500);
    assert_console(&lab, 1, "false\ttest.lua:4: address in use");
}

// docs/behaviour.md §3.1: TIME_WAIT does not keep anybody from listening again
#[test]
fn a_port_in_time_wait_can_be_listened_on() {
    let mut lab = Lab::chip()
        .board(
            "srv = net.createServer()
             srv:listen(80, function(c) c:close() srv:close() end)
             tmr.create():alarm(3000, tmr.ALARM_SINGLE, function()
               print(pcall(function() net.createServer():listen(80, function() end) end))
             end)",
        )
        .board("net.createConnection():connect(80, '192.168.1.100')");
    lab.run(900);
    let states: Vec<_> = lab.sockets(0).into_iter().map(|socket| socket.state).collect();
    assert_eq!(states, [SocketState::TimeWait]);
    lab.run(3500);
    assert_console(&lab, 0, "true");
}

// docs/behaviour.md §3.4: any segment of the peer resets the clock; timeout 1 as createServer(net.TCP, 30) means on a chip (§8)
#[test]
fn on_a_chip_the_type_is_a_timeout_of_one_second() {
    let mut lab = Lab::chip()
        .board(
            "net.createServer(net.TCP, 30):listen(80, function(c)
               local t = tmr.now()
               c:on('receive', function() t = tmr.now() end)
               c:on('disconnection', function(_, e)
                 local s = (tmr.now() - t) / 1e6
                 print('gone', e, s > 10.9 and s < 11.6)
               end)
             end)",
        )
        .board(
            "local sk = net.createConnection()
             sk:connect(80, '192.168.1.100')
             tmr.create():alarm(800, tmr.ALARM_AUTO, function() sk:send('x') end)",
        );
    lab.run(5000);
    assert_console(&lab, 0, "");
    lab.power_off(1);
    lab.run(17_000);
    assert_console(&lab, 0, "gone\t-8\ttrue");
}

// docs/behaviour.md §3.4: the client side has no keep-alive
#[test]
fn a_vanished_server_is_never_noticed() {
    let mut lab = Lab::chip().board(SERVER).board(
        "local sk = net.createConnection()
         sk:on('disconnection', function(_, e) print('disconnection', e) end)
         sk:connect(80, '192.168.1.100')",
    );
    lab.run(500);
    lab.power_off(0);
    lab.run(7_200_000);
    assert_console(&lab, 1, "");
    assert_eq!(lab.sockets(1).iter().filter(|socket| socket.state == SocketState::Established).count(), 1);
}

// docs/behaviour.md §3.5: both directions count, outgoing ones are not limited
#[test]
fn outgoing_connections_fill_the_limit_and_pass_it() {
    let mut lab = Lab::chip()
        .board("net.createServer():listen(80, function(c) print('client') end)")
        .board(
            "net.createServer():listen(81, function(c) print('client') end)
             local n = 0
             for i = 1, 5 do
               local sk = net.createConnection()
               sk:on('connection', function() n = n + 1 end)
               sk:connect(9, '198.51.100.10')
             end
             tmr.create():alarm(4500, tmr.ALARM_SINGLE, function()
               local sk = net.createConnection()
               sk:on('connection', function() n = n + 1 print(n) end)
               sk:connect(80, '192.168.1.100')
             end)",
        )
        .board("tmr.create():alarm(1500, tmr.ALARM_SINGLE, function() net.createConnection():connect(81, '192.168.1.101') end)");
    lab.run(2500);
    // Five are established: the SYN of board 3 is ignored until the sixth makes them six.
    assert_console(&lab, 1, "");
    let silences = lab.silences(1);
    assert!(silences.iter().any(|(reason, _)| *reason == Silence::ConnectionLimit), "{silences:?}");
    lab.run(9000);
    assert_console(&lab, 0, "client");
    assert_console(&lab, 1, "6\nclient");
}
