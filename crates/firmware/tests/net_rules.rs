//! Rules that hold for every object of `net`: `docs/behaviour.md` §1.

mod common;

use common::{Lab, assert_console, check_chip, check_manual};
use firmware::{Behaviour, Release};
use lua::Dialect;
use trace::Silence;

// docs/behaviour.md §1.1
#[test]
fn each_kind_of_object_has_its_methods_and_no_others() {
    check_chip(
        "local function list(o, ...)
           local t = {}
           for _, n in ipairs{...} do if o[n] then t[#t + 1] = n end end
           print(table.concat(t, ' '))
         end
         local all = {'listen', 'getaddr', 'close', 'connect', 'on', 'send', 'hold', 'unhold', 'dns', 'ttl', 'getpeer'}
         list(net.createServer(), unpack(all))
         list(net.createConnection(), unpack(all))
         list(net.createUDPSocket(), unpack(all))",
        100,
        "listen getaddr close
         getaddr close connect on send hold unhold dns ttl getpeer
         listen getaddr close on send dns ttl",
    );
}

// docs/behaviour.md §1.1
#[test]
fn a_missing_method_is_nil() {
    check_chip(
        "print(select(2, pcall(function() srv = net.createServer() srv:on('receive', print) end)))",
        100,
        "test.lua:1: attempt to call method 'on' (a nil value)",
    );
}

// docs/behaviour.md §1.1
#[test]
fn the_module_is_read_only() {
    check_chip("print(select(2, pcall(function() net.TCP = 5 end)))", 100, "test.lua:1: invalid write to ROM variable");
}

// docs/behaviour.md §1.1
#[test]
fn methods_return_no_values() {
    check_chip(
        "local sk = net.createConnection()
         local srv = net.createServer()
         local udp = net.createUDPSocket()
         print(select('#', sk:on('receive', print)), select('#', srv:listen(80, print)), select('#', udp:listen(5000)))
         print(select('#', sk:hold()), select('#', sk:unhold()), select('#', srv:close()), select('#', udp:close()))
         print(select('#', net.dns.setdnsserver('8.8.8.8')), select('#', sk:connect(80, '192.168.1.1')))",
        100,
        "0\t0\t0
         0\t0\t0\t0
         0\t0",
    );
}

// docs/behaviour.md §1.1: nothing exists in the stack before connect, listen or a first UDP send
#[test]
fn making_an_object_does_not_touch_the_stack() {
    let mut lab = Lab::chip().board("all = {net.createServer(), net.createConnection(), net.createUDPSocket()}");
    lab.run(100);
    let sockets = lab.sockets(0);
    assert!(sockets.is_empty(), "{sockets:?}");
}

// docs/behaviour.md §1.1
#[test]
fn sending_returns_no_value_either() {
    let mut lab = Lab::chip().board("net.createServer():listen(80, function(c) end)").board(
        "local sk = net.createConnection()
         sk:on('connection', function(s)
           print(s:send('x'))
           print(select('#', s:send('y', print)), select('#', s:dns('1.2.3.4', print)), select('#', s:close()))
         end)
         sk:connect(80, '192.168.1.100')
         local udp = net.createUDPSocket()
         print(select('#', udp:send(9, '192.168.1.1', 'x')), select('#', net.dns.resolve('1.2.3.4', function() end)))
         print(select('#', net.multicastJoin('any', '224.1.1.1')))",
    );
    lab.run(500);
    let text = lab.raw_console(1);
    assert!(text.contains("0\t0\n0\n\n"), "an empty line: {text:?}");
    assert!(text.contains("\n0\t0\t0\n"), "{text:?}");
}

// docs/behaviour.md §1.2
#[test]
fn self_must_be_an_object_of_the_function() {
    check_chip(
        "local sk, srv, udp = net.createConnection(), net.createServer(), net.createUDPSocket()
         local function try(f) print(select(2, pcall(f))) end
         try(function() sk.send('x') end)
         try(function() sk.getaddr() end)
         try(function() sk.close({}) end)
         try(function() sk.connect(srv, 80, '1.2.3.4') end)
         try(function() sk.connect(udp, 80, '1.2.3.4') end)
         try(function() srv.listen(sk, 80, print) end)
         try(function() sk.send(srv, 'x') end)
         try(function() sk.hold(udp) end)
         try(function() sk.getpeer(udp) end)
         try(function() sk.ttl(srv) end)
         try(function() sk.dns(srv, 'a', print) end)
         try(function() sk.on(srv, 'receive', print) end)
         local timer = tmr.create() timer:register(1000, 0, print)
         try(function() sk.close(timer) end)
         try(function() sk.close(tmr.create()) end)
         local f = file.open('test.lua')
         try(function() sk.getaddr(f) end)
         f:close()
         try(function() sk.getaddr(f) end)",
        100,
        "test.lua:3: invalid user data
         test.lua:4: invalid user data
         test.lua:5: invalid user data
         test.lua:6: invalid user data
         test.lua:7: invalid user data
         test.lua:8: invalid user data
         test.lua:9: invalid user data
         test.lua:10: invalid user data
         test.lua:11: invalid user data
         test.lua:12: invalid user data
         test.lua:13: invalid user data
         test.lua:14: invalid user data
         test.lua:16: invalid user data
         test.lua:17: bad argument #1 to 'close' (net.tcpserver expected, got userdata)
         test.lua:19: invalid user data
         test.lua:21: bad argument #1 to 'getaddr' (net.tcpserver expected, got userdata)",
    );
}

// docs/behaviour.md §1.3
#[test]
fn argument_errors_count_without_self_in_method_calls() {
    check_chip(
        "local sk = net.createConnection()
         local function try(f) print(select(2, pcall(f))) end
         try(function() sk:send() end)
         try(function() sk.send(sk) end)
         try(function() sk:send(nil) end)
         try(function() sk:send({}) end)
         try(function() sk:connect('x', 'y') end)
         try(function() net.dns.resolve('x', nil) end)
         local resolve = net.dns.resolve
         try(function() resolve('x') end)",
        100,
        "test.lua:3: bad argument #1 to 'send' (string expected, got no value)
         test.lua:4: bad argument #2 to 'send' (string expected, got no value)
         test.lua:5: bad argument #1 to 'send' (string expected, got nil)
         test.lua:6: bad argument #1 to 'send' (string expected, got table)
         test.lua:7: bad argument #1 to 'connect' (number expected, got string)
         test.lua:8: bad argument #2 to 'resolve' (function expected, got nil)
         test.lua:10: bad argument #2 to '?' (function expected, got no value)",
    );
}

// docs/behaviour.md §1.3
#[test]
fn only_lua_has_a_position() {
    check_chip(
        "local sk = net.createConnection()
         print(select(2, pcall(function() sk:send('x') end)))
         print(select(2, pcall(function() return sk:send('x') end)))
         print(select(2, pcall(sk.send, sk, 'x')))",
        100,
        "test.lua:2: not connected
         test.lua:3: not connected
         not connected",
    );
}

// docs/behaviour.md §1.4: codes are integers, never strings
#[test]
fn codes_are_integers() {
    for dialect in [Dialect::Lua51, Dialect::Lua53] {
        let mut lab =
            Lab::chip().dialect(dialect).board("net.createServer():listen(80, function(c) c:close() end)").board(
                "local function client(port)
               local sk = net.createConnection()
               sk:on('disconnection', function(_, e) print(type(e), math.type and math.type(e), e) end)
               sk:connect(port, port == 82 and '192.168.1.222' or '192.168.1.100')
             end
             client(80) client(81) client(82)",
            );
        lab.run(8000);
        let kind = if dialect == Dialect::Lua53 { "integer" } else { "nil" };
        // The refusal takes one round trip, the greeting and its end three halves, and silence six seconds.
        let expected = [-9, 0, -8].map(|code| format!("number\t{kind}\t{code}")).join("\n");
        assert_console(&lab, 1, &expected);
    }
}

// docs/behaviour.md §1.3
#[test]
fn numbers_pass_for_strings_and_numeric_strings_for_numbers() {
    let mut lab = Lab::chip()
        .board("net.createServer():listen('80', function(c) c:on('receive', function(_, d) print(d) end) end)")
        .board("local sk = net.createConnection() sk:connect('80', '192.168.1.100') sk:on('connection', function() sk:send(42) end)");
    lab.run(500);
    assert_console(&lab, 0, "42");
}

// docs/behaviour.md §1.3
#[test]
fn fractions_are_cut_in_5_1_and_refused_in_5_3() {
    let program = "local sk = net.createConnection()
                   print(pcall(function() sk:connect(80.7, '192.168.1.1') end))";
    check_chip(program, 100, "true");
    let mut lab = Lab::chip().dialect(Dialect::Lua53).board(program);
    lab.run(100);
    assert_console(&lab, 0, "false\ttest.lua:2: bad argument #1 to 'connect' (number has no integer representation)");
}

// docs/behaviour.md §1.5
#[test]
fn an_error_in_a_handler_is_a_panic_and_node_setonerror_is_not_asked() {
    let mut lab = Lab::chip().board_with(&[
        ("init.lua", "tmr.create():alarm(4000, tmr.ALARM_SINGLE, function() dofile('test.lua') end)"),
        (
            "test.lua",
            "node.setonerror(function(e) print('onerror', e) end)
             net.dns.resolve('www.google.com', function() error('oops') end)",
        ),
    ]);
    lab.run(3000);
    let console = lab.raw_console(0);
    assert!(console.contains("PANIC: unprotected error in call to Lua API (test.lua:2: oops)\n"), "{console}");
    assert!(!console.contains("onerror"), "{console}");
    assert!(!console.contains("traceback"), "{console}");
    lab.run(9000);
    assert_eq!(lab.raw_console(0).matches("powered by").count(), 2, "the watchdog resets the board");
}

// docs/behaviour.md §1.5: on UART0 only
#[test]
fn a_panic_goes_past_node_output() {
    let mut lab = Lab::chip().board(
        "node.output(function(pipe) local text = pipe:read(1000) if text and text:find('PANIC') then file.putcontents('seen', text) end return false end, 0)
         net.dns.resolve('www.google.com', function() error('oops') end)",
    );
    lab.run(1000);
    assert!(lab.raw_console(0).contains("PANIC: unprotected error"), "{}", lab.raw_console(0));
    assert!(!lab.has_file(0, "seen"));
}

// docs/behaviour.md §1.5, §6.6: one callback at a time, never within running Lua
#[test]
fn events_wait_for_the_running_function() {
    let mut lab = Lab::chip().board("net.createServer():listen(80, function(c) c:send('one') end)").board(
        "local busy = false
             local sk = net.createConnection()
             sk:on('receive', function(_, d) print('receive', d, busy) end)
             sk:on('connection', function() busy = true tmr.delay(300000) busy = false print('connection ends') end)
             sk:connect(80, '192.168.1.100')",
    );
    lab.run(1000);
    assert_console(&lab, 1, "connection ends\nreceive\tone\tfalse");
}

// docs/behaviour.md §1.5, §8: the manual protects every callback
#[test]
fn by_the_manual_an_error_in_a_handler_goes_to_onerror() {
    let mut lab = Lab::manual().board(
        "node.setonerror(function(e) print('onerror', (e:match('^[^\\n]*'))) end)
         net.dns.resolve('8.8.8.8', print)
         net.dns.resolve('www.google.com', function() error('oops') end)",
    );
    lab.run(3000);
    assert!(lab.raw_console(0).contains("onerror\ttest.lua:3: oops"), "{}", lab.raw_console(0));
    assert!(!lab.raw_console(0).contains("PANIC"), "{}", lab.raw_console(0));
    assert!(lab.hints().iter().any(|hint| hint.contains("PANIC")), "{:?}", lab.hints());
}

// docs/behaviour.md §1.6
#[test]
fn literals_are_answered_before_the_call_returns() {
    check_chip(
        "local sk = net.createConnection()
         sk:on('dns', function(s, ip) print('dns', s == sk, ip) end)
         print('before connect') sk:connect(80, '192.168.1.1') print('after connect')
         sk:dns('10.1', function(s, ip) print('dns', ip) end) print('after dns')
         net.dns.resolve('0x7f.1', function(s, ip) print('resolve', s, ip) end) print('after resolve')
         local udp = net.createUDPSocket()
         udp:send(9, '192.168.1.1', 'x', function(s) print('sent', s == udp) end) print('after send')",
        100,
        "before connect
         dns\ttrue\t192.168.1.1
         after connect
         dns\t10.0.0.1
         after dns
         resolve\tnil\t127.0.0.1
         after resolve
         sent\ttrue
         after send",
    );
}

// docs/behaviour.md §1.6
#[test]
fn an_error_in_a_synchronous_callback_is_the_callers() {
    check_chip(
        "local sk = net.createConnection()
         sk:on('dns', function() error('in dns') end)
         print(pcall(function() sk:connect(80, '192.168.1.1') end))
         print(pcall(function() sk:connect(80, '192.168.1.1') end))
         local udp = net.createUDPSocket()
         print(pcall(function() udp:send(9, '192.168.1.1', 'x', function() error('in sent') end) end))",
        100,
        "false\ttest.lua:2: in dns
         false\ttest.lua:4: already connected
         false\ttest.lua:6: in sent",
    );
}

// docs/behaviour.md §1.7
#[test]
fn a_function_given_to_send_connect_or_dns_fills_the_slot_of_on() {
    let mut lab = Lab::chip()
        .board("net.createServer():listen(80, function(c) c:on('receive', function() c:send('y') end) end)")
        .board(
            "local n = 0
             local sk = net.createConnection()
             sk:connect(80, '192.168.1.100', function(s) print('connection') s:send('a', function() print('sent', n) end) end)
             sk:on('receive', function(s) n = n + 1 if n < 3 then s:send('b') end end)",
        );
    lab.run(2000);
    assert_console(&lab, 1, "connection\nsent\t0\nsent\t1\nsent\t2");
}

// docs/behaviour.md §1.7
#[test]
fn slots_survive_close_and_reconnect() {
    let mut lab = Lab::chip().board("net.createServer():listen(80, function(c) end)").board(
        "local sk = net.createConnection()
             sk:on('connection', function() print('connection') end)
             sk:connect(80, '192.168.1.100')
             tmr.create():alarm(500, tmr.ALARM_SINGLE, function() sk:close() sk:connect(80, '192.168.1.100') end)",
    );
    lab.run(1500);
    assert_console(&lab, 1, "connection\nconnection");
}

// docs/behaviour.md §1.8
#[test]
fn a_listening_server_and_a_connecting_socket_need_no_variable() {
    let mut lab = Lab::chip()
        .board("net.createServer():listen(80, function(c) c:on('receive', function(_, d) print(d) end) end) collectgarbage()")
        .board(
            "do local sk = net.createConnection()
               sk:on('connection', function(s) s:send('hello') end)
               sk:connect(80, '192.168.1.100')
             end
             collectgarbage()",
        );
    lab.run(1000);
    assert_console(&lab, 0, "hello");
}

// docs/behaviour.md §1.8
#[test]
fn udp_sockets_need_no_variable_once_they_are_bound() {
    let mut lab = Lab::chip()
        .board(
            "do local u = net.createUDPSocket() u:listen(5000) u:on('receive', function(s, d, port, ip) s:send(port, ip, d) end) end
             tmr.create():alarm(200, tmr.ALARM_AUTO, function() collectgarbage() end)",
        )
        .board(
            "do
               local u = net.createUDPSocket()
               u:on('receive', function(_, d) print(d) end)
               u:send(5000, '192.168.1.100', 'early')
               local timer = tmr.create()
               timer:alarm(1000, tmr.ALARM_SINGLE, function() net.createUDPSocket():send(5000, '192.168.1.100', 'late') end)
             end
             tmr.create():alarm(200, tmr.ALARM_AUTO, function() collectgarbage() end)",
        );
    lab.run(2000);
    // The second socket has no handler.
    assert_console(&lab, 1, "early");
    assert_eq!(lab.sockets(1).len(), 2, "both stay bound");
}

// docs/behaviour.md §1.8
#[test]
fn a_lookup_keeps_its_socket_until_the_answer() {
    let mut lab = Lab::chip().board("net.createServer():listen(80, function(c) print('client') end)").board(
        "do
           local a = net.createConnection()
           a:dns('www.nodemcu.com', function(s, ip) print('dns', type(s), ip ~= nil) end)
           local b = net.createConnection()
           b:on('connection', function(s) print('connection', type(s)) end)
           b:connect(80, 'www.nodemcu.com')
           local u = net.createUDPSocket()
           u:dns('www.nodemcu.com', function(s, ip) print('udp', type(s), ip ~= nil) end)
         end
         collectgarbage()",
    );
    lab.run(4000);
    let mut lines = lab.console(1);
    lines.sort();
    assert_eq!(lines, ["connection\tuserdata", "dns\tuserdata\ttrue", "udp\tuserdata\ttrue"]);
}

// docs/behaviour.md §1.8
#[test]
fn a_collected_socket_resets_its_connection() {
    // A zombie (§4.1) is the one open socket that nothing anchors.
    let mut lab = Lab::chip()
        .board(
            "net.createServer():listen(80, function(c)
               print('client')
               c:on('disconnection', function(_, e) print('gone', e) end)
             end)",
        )
        .board(
            "do
               local sk = net.createConnection()
               sk:on('disconnection', function(s, e) print('refused', e) s:connect(80, '192.168.1.100') end)
               sk:connect(81, '192.168.1.100')
             end",
        );
    lab.run(3000);
    assert_console(&lab, 1, "refused\t-9");
    assert_console(&lab, 0, "client\ngone\t-9");
    let silences = lab.silences(1);
    assert!(silences.iter().any(|(reason, _)| *reason == Silence::Collected), "{silences:?}");
}

// docs/behaviour.md §1.7: the slots are strong references, so this zombie is never collected
#[test]
fn a_handler_that_holds_its_own_socket_keeps_it_for_ever() {
    let mut lab = Lab::chip()
        .board(
            "net.createServer():listen(80, function(c)
               print('client')
               c:on('disconnection', function(_, e) print('gone', e) end)
             end)",
        )
        .board(
            "do
               local sk = net.createConnection()
               sk:on('disconnection', function(s, e) print('refused', e) sk:connect(80, '192.168.1.100') end)
               sk:connect(81, '192.168.1.100')
             end
             tmr.create():alarm(1000, tmr.ALARM_AUTO, function() collectgarbage() end)",
        );
    lab.run(5000);
    assert_console(&lab, 1, "refused\t-9");
    assert_console(&lab, 0, "client");
}

// docs/behaviour.md §1.7: "visible only in node.heap()"
#[test]
fn sockets_that_hold_themselves_fill_the_heap() {
    let mut lab = Lab::chip().board(
        "local function make(n, holds)
           for i = 1, n do
             local sk = net.createConnection()
             local other = holds and sk or nil
             sk:on('receive', function() return other end)
           end
         end
         local function later(ms, f) tmr.create():alarm(ms, tmr.ALARM_SINGLE, f) end
         local before
         later(500, function() before = node.heap() make(60, false) end)
         later(1000, function() print('collected', before - node.heap() < 500) before = node.heap() make(60, true) end)
         later(1500, function() print('kept', before - node.heap() > 60 * 60) end)",
    );
    lab.run(3000);
    assert_console(&lab, 0, "collected\ttrue\nkept\ttrue");
}

// docs/behaviour.md §1.8
#[test]
fn a_collected_server_stops_listening() {
    // After close() nothing anchors the server; an unreferenced one that never listened is simply gone.
    let mut lab = Lab::chip().board(
        "do local srv = net.createServer() srv:listen(80, print) srv:close() end
         collectgarbage()
         local again = net.createServer()
         print(pcall(again.listen, again, 80, print))",
    );
    lab.run(500);
    assert_console(&lab, 0, "true");
}

// docs/behaviour.md §1.9
#[test]
fn addresses_are_read_as_lwip_reads_them() {
    check_chip(
        "local function show(text) net.dns.resolve(text, function(_, ip) print(ip) end) end
         show('1.2.3.4 x') show('7') show('10.1.2') show('010.0.0.1') show('0xC0.0xA8.1.1')
         local udp = net.createUDPSocket()
         print(pcall(function() udp:send(9, '255.255.255.255', 'x') end))
         print(pcall(function() net.dns.setdnsserver('255.255.255.255') end))
         local bound = net.createUDPSocket() bound:listen(5000, '255.255.255.255') print(bound:getaddr())
         net.dns.resolve('255.255.255.255', function(_, ip) print('resolved', ip) end) print('no literal')",
        8000,
        "1.2.3.4
         0.0.0.7
         10.1.0.2
         8.0.0.1
         192.168.1.1
         true
         false\ttest.lua:5: invalid dns server ip
         5000\t255.255.255.255
         no literal
         resolved\tnil",
    );
}

// docs/behaviour.md §1.4, §1.5: a hint says what a chip does, once per line
#[test]
fn hints_come_once_per_line() {
    let mut lab = Lab::new(Behaviour::Manual, Release::Any).board("for i = 1, 3 do net.createServer():close() end");
    lab.run(100);
    assert_eq!(lab.hints().len(), 1, "{:?}", lab.hints());
    check_manual("for i = 1, 3 do net.createServer():close() end print('quiet')", 100, "quiet");
}
