//! TCP sockets: `docs/behaviour.md` §4.

mod common;

use common::{Lab, assert_console, check_chip};
use trace::{Silence, SocketState};

/// Prints whatever happens to clients.
const ECHO: &str = "net.createServer():listen(80, function(c)
    c:on('receive', function(s, d) s:send('echo ' .. d) end)
end)";

/// A server that listens and does nothing.
const QUIET: &str = "net.createServer():listen(80, function(c) end)";

/// Registers a printing handler for every event of `sk`.
const ALL_EVENTS: &str = "
    function watch(sk)
      for _, ev in ipairs{'connection', 'reconnection', 'disconnection', 'receive', 'sent', 'dns'} do
        sk:on(ev, function(s, x) print(ev, x) end)
      end
      return sk
    end\n";

fn with_watch(program: &str) -> String {
    format!("{ALL_EVENTS}{program}")
}

// ---- §4.1 connect ----

// docs/behaviour.md §4.1
#[test]
fn connect_checks_in_order() {
    check_chip(
        "local function try(f) print(select(2, pcall(f))) end
         local sk = net.createConnection()
         try(function() sk:connect() end)
         try(function() sk:connect({}) end)
         try(function() sk:connect(0, '1.2.3.4') end)
         try(function() sk:connect(65536, '1.2.3.4') end)
         try(function() sk:connect(80, '1.2.3.4', nil) end)
         try(function() sk:connect(80, '1.2.3.4', 5) end)
         try(function() sk:connect(80, '') end)
         try(function() sk:connect(80, ('x'):rep(256)) end)
         for i = 1, 4 do net.dns.resolve('n' .. i .. '.invalid', function() end) end
         try(function() sk:connect(80, 'n5.invalid') end)
         print(sk:getpeer())
         sk:connect(80, '192.168.1.1')
         try(function() sk:connect('x') end)",
        100,
        "test.lua:3: bad argument #1 to 'connect' (number expected, got no value)
         test.lua:4: bad argument #1 to 'connect' (number expected, got table)
         test.lua:5: specify port
         test.lua:6: specify port
         test.lua:7: bad argument #3 to 'connect' (not a function)
         test.lua:8: bad argument #3 to 'connect' (not a function)
         test.lua:9: illegal argument
         test.lua:10: illegal argument
         test.lua:12: out of memory
         nil\tnil
         test.lua:15: already connected",
    );
}

// docs/behaviour.md §4.1
#[test]
fn a_host_that_is_no_text_is_127_0_0_1() {
    check_chip(
        "for _, host in ipairs{{}, true} do
           local sk = net.createConnection()
           sk:connect(80, host)
           print(sk:getpeer())
         end
         local sk = net.createConnection() sk:connect(80) print(sk:getpeer())",
        100,
        "80\t127.0.0.1\n80\t127.0.0.1\n80\t127.0.0.1",
    );
}

// docs/behaviour.md §4.1, §4.9
#[test]
fn a_client_by_literal_gets_dns_then_connection() {
    let mut lab = Lab::chip()
        .board(ECHO)
        .board(&with_watch("local sk = watch(net.createConnection()) sk:connect(80, '192.168.1.100') print('called')"));
    lab.run(500);
    assert_console(&lab, 1, "dns\t192.168.1.100\ncalled\nconnection\tnil");
}

// docs/behaviour.md §4.1, §4.9
#[test]
fn a_client_by_name_gets_dns_then_connection() {
    let mut lab = Lab::chip().board(&with_watch(
        "local sk = watch(net.createConnection())
         sk:on('dns', function(s, ip) print('dns', ip ~= nil, s:getpeer()) end)
         sk:connect(80, 'www.nodemcu.com') print('called', sk:getpeer())
         print(pcall(function() sk:send('x') end))
         print(sk:getaddr())",
    ));
    lab.run(3000);
    assert_console(
        &lab,
        0,
        "called\t80\t0.0.0.0
         false\ttest.lua:11: not connected
         nil\tnil
         dns\ttrue\t80\t0.0.0.0
         connection\tnil",
    );
}

// docs/behaviour.md §4.1
#[test]
fn without_a_route_connect_is_silent_for_ever() {
    let mut lab = Lab::chip().board(&with_watch(
        "wifi.sta.disconnect()
         local sk = watch(net.createConnection())
         sk:connect(80, '192.168.1.1')
         print(sk:getpeer()) print(sk:getaddr())
         print(pcall(function() sk:connect(80, '192.168.1.1') end))
         tmr.create():alarm(20000, tmr.ALARM_SINGLE, function()
           print(pcall(function() sk:connect(80, '192.168.1.1') end))
           print(pcall(function() sk:close() end))
         end)",
    ));
    lab.run(21_000);
    assert_console(
        &lab,
        0,
        "dns\t192.168.1.1
         80\t192.168.1.1
         nil\tnil
         false\ttest.lua:12: already connected
         false\ttest.lua:14: already connected
         true",
    );
    let silences = lab.silences(0);
    assert!(silences.iter().any(|(reason, _)| *reason == Silence::NoRoute), "{silences:?}");
}

// docs/behaviour.md §4.1, §4.9
#[test]
fn an_unresolvable_name_ends_in_an_attempt_at_the_broadcast_address() {
    let mut lab = Lab::chip().board(
        "local t = tmr.now()
         local function s() return (tmr.now() - t) / 1e6 end
         local sk = net.createConnection()
         sk:on('dns', function(_, ip) print('dns', ip, s() > 5.9 and s() < 7.1) t = tmr.now() end)
         sk:on('disconnection', function(_, e) print('end', e, s() > 5.5 and s() < 6.8) end)
         sk:on('connection', function() print('connection') end)
         sk:connect(80, 'no.such.name.invalid')",
    );
    lab.run(20_000);
    assert_console(&lab, 0, "dns\tnil\ttrue\nend\t-8\ttrue");
}

// docs/behaviour.md §4.1
#[test]
fn nobody_answers_for_six_seconds() {
    check_chip(
        "local t = tmr.now()
         local sk = net.createConnection()
         sk:on('reconnection', function(_, e)
           local s = (tmr.now() - t) / 1e6
           print('reconnection', e, s > 5.5 and s < 6.8)
         end)
         sk:on('disconnection', function(_, e) print('disconnection', e) end)
         sk:on('connection', function() print('connection') end)
         sk:connect(80, '192.168.1.222')",
        10_000,
        "reconnection\t-8\ttrue",
    );
}

// docs/behaviour.md §4.1
#[test]
fn there_is_no_loopback() {
    check_chip(
        "net.createServer():listen(80, function() print('accepted') end)
         for _, ip in ipairs{'127.0.0.1', (wifi.sta.getip())} do
           local t = tmr.now()
           local sk = net.createConnection()
           sk:on('disconnection', function(_, e)
             local s = (tmr.now() - t) / 1e6
             print(e, s > 5.5 and s < 6.8)
           end)
           sk:connect(80, ip)
         end",
        10_000,
        "-8\ttrue\n-8\ttrue",
    );
}

// docs/behaviour.md §4.1, §4.9
#[test]
fn a_refused_client_gets_minus_nine() {
    let mut lab = Lab::chip().board(QUIET).board(&with_watch(
        "local sk = watch(net.createConnection()) sk:connect(81, '192.168.1.100')
         local other = net.createConnection()
         other:on('disconnection', function(_, e) print('only disconnection', e) end)
         other:connect(82, '192.168.1.100')",
    ));
    lab.run(500);
    assert_console(&lab, 1, "dns\t192.168.1.100\nreconnection\t-9\nonly disconnection\t-9");
}

// docs/behaviour.md §4.1
#[test]
fn send_right_after_connect_with_a_literal_works() {
    let mut lab = Lab::chip().board(ECHO).board(
        "local sk = net.createConnection()
         sk:on('receive', function(_, d) print(d) end)
         sk:connect(80, '192.168.1.100')
         print(pcall(function() sk:send(('x'):rep(2920)) end))
         sk:send('early')",
    );
    lab.run(500);
    assert_console(&lab, 1, "false\ttest.lua:4: out of memory\necho early");
}

// docs/behaviour.md §4.1
#[test]
fn reconnecting_by_literal_in_the_own_disconnection_handler_makes_a_zombie() {
    let mut lab = Lab::chip().board(QUIET).board(
        "sk = net.createConnection()
         local first = true
         sk:on('connection', function() print('connection') end)
         sk:on('disconnection', function(s, e)
           print('disconnection', e)
           if first then first = false s:connect(80, '192.168.1.100') end
         end)
         sk:connect(81, '192.168.1.100')
         tmr.create():alarm(1000, tmr.ALARM_SINGLE, function()
           print(pcall(function() sk:send('x') end))
           print(pcall(function() sk:connect(80, '192.168.1.100') end))
           print(pcall(function() sk:close() end))
           sk:connect(80, '192.168.1.100')
         end)",
    );
    lab.run(3000);
    assert_console(
        &lab,
        1,
        "disconnection\t-9
         false\ttest.lua:10: not connected
         false\ttest.lua:11: already connected
         true
         connection",
    );
    let silences = lab.silences(1);
    assert!(silences.iter().any(|(reason, _)| *reason == Silence::Zombie), "{silences:?}");
}

// docs/behaviour.md §4.1
#[test]
fn reconnecting_by_name_or_from_a_task_works() {
    let mut lab = Lab::chip().board(QUIET).board(
        "local function client(again)
           local sk = net.createConnection()
           local first = true
           sk:on('connection', function() print('connection') end)
           sk:on('disconnection', function(s, e)
             print('disconnection', e)
             if first then first = false again(s) end
           end)
           sk:connect(81, '192.168.1.100')
         end
         client(function(s) s:connect(80, 'www.nodemcu.com') end)
         tmr.create():alarm(2000, tmr.ALARM_SINGLE, function()
           client(function(s) node.task.post(function() s:connect(80, '192.168.1.100') end) end)
         end)",
    );
    lab.run(4000);
    assert_console(&lab, 1, "disconnection\t-9\nconnection\ndisconnection\t-9\nconnection");
}

// docs/behaviour.md §4.1
#[test]
fn a_second_lookup_hijacks_a_connecting_socket() {
    let mut lab = Lab::chip().board(QUIET).board(
        "local sk = net.createConnection()
         sk:on('connection', function(s) print('connected', select(2, s:getpeer())) end)
         sk:connect(80, 'no.such.name.invalid')
         sk:dns('192.168.1.100', function(_, ip) print('dns', ip) end)",
    );
    lab.run(2000);
    assert_console(&lab, 1, "dns\t192.168.1.100\nconnected\t192.168.1.100");
}

// ---- §4.2 close ----

// docs/behaviour.md §4.2
#[test]
fn close_without_a_connection_raises() {
    let mut lab = Lab::chip().board("net.createServer():listen(80, function(c) c:close() end)").board(
        "local sk = net.createConnection()
         print(pcall(function() sk:close() end))
         sk:on('disconnection', function(s, e)
           print('disconnection', e)
           print(pcall(function() s:close() end))
         end)
         sk:connect(80, '192.168.1.100')
         tmr.create():alarm(500, tmr.ALARM_SINGLE, function() print(pcall(function() sk:close() end)) end)",
    );
    lab.run(1000);
    assert_console(
        &lab,
        1,
        "false\ttest.lua:2: not connected
         disconnection\t0
         false\ttest.lua:5: not connected
         false\ttest.lua:8: not connected",
    );
}

// docs/behaviour.md §4.2
#[test]
fn own_close_has_no_event_and_sends_what_is_pending() {
    let mut lab = Lab::chip()
        .board(&with_watch("net.createServer():listen(80, function(c) watch(c) end)"))
        .board(&with_watch(
            "local sk = watch(net.createConnection())
             sk:connect(80, '192.168.1.100')
             tmr.create():alarm(500, tmr.ALARM_SINGLE, function() sk:send('last words') sk:close() print('closed') end)",
        ));
    lab.run(3000);
    assert_console(&lab, 0, "connection\tnil\nreceive\tlast words\ndisconnection\t0");
    assert_console(&lab, 1, "dns\t192.168.1.100\nconnection\tnil\nclosed");
}

// docs/behaviour.md §4.2
#[test]
fn close_inside_receive_resets_and_drops_the_reply() {
    let mut lab = Lab::chip()
        .board(
            "net.createServer():listen(80, function(c) c:on('receive', function(s) s:send('reply') s:close() end) end)",
        )
        .board(&with_watch(
            "local sk = watch(net.createConnection())
             sk:on('sent', nil)
             sk:on('connection', function(s) s:send('request') end)
             sk:connect(80, '192.168.1.100')",
        ));
    lab.run(1000);
    assert_console(&lab, 1, "dns\t192.168.1.100\nreconnection\t-9");
}

// docs/behaviour.md §4.2
#[test]
fn close_inside_sent_is_graceful() {
    let mut lab = Lab::chip()
        .board(
            "net.createServer():listen(80, function(c)
               c:on('receive', function(s) s:send('reply', function(t) t:close() end) end)
             end)",
        )
        .board(&with_watch(
            "local sk = watch(net.createConnection())
             sk:on('sent', nil)
             sk:on('connection', function(s) s:send('request') end)
             sk:connect(80, '192.168.1.100')",
        ));
    lab.run(1000);
    assert_console(&lab, 1, "dns\t192.168.1.100\nreceive\treply\ndisconnection\t0");
}

// docs/behaviour.md §4.2
#[test]
fn close_while_held_with_data_resets() {
    let mut lab = Lab::chip()
        .board(
            "net.createServer():listen(80, function(c)
               c:hold()
               c:on('receive', function(s, d) print(d) end)
               tmr.create():alarm(500, tmr.ALARM_SINGLE, function() c:close() end)
             end)",
        )
        .board(
            "local sk = net.createConnection()
             sk:on('connection', function(s) s:send('data') end)
             sk:on('disconnection', function(_, e) print(e) end)
             sk:connect(80, '192.168.1.100')",
        );
    lab.run(1500);
    assert_console(&lab, 0, "data");
    assert_console(&lab, 1, "-9");
}

// docs/behaviour.md §4.2
#[test]
fn close_while_connecting_is_silent() {
    check_chip(
        "local sk = net.createConnection()
         sk:on('disconnection', function(_, e) print('disconnection', e) end)
         sk:connect(80, '192.168.1.222')
         sk:close()
         print(sk:getpeer())",
        8000,
        "nil\tnil",
    );
}

// docs/behaviour.md §4.2, §4.11
#[test]
fn after_close_a_pending_lookup_may_still_report() {
    check_chip(
        "local sk = net.createConnection()
         sk:on('dns', function(_, ip) print('dns', ip ~= nil) end)
         sk:on('connection', function() print('connection') end)
         sk:connect(80, 'www.nodemcu.com')
         sk:close() print('closed')",
        4000,
        "closed\ndns\ttrue",
    );
}

// ---- §4.3 on ----

// docs/behaviour.md §4.3
#[test]
fn on_checks_name_and_handler() {
    check_chip(
        "local sk = net.createConnection()
         local function try(f) print(select(2, pcall(f))) end
         try(function() sk:on() end)
         try(function() sk:on('nothing', print) end)
         try(function() sk:on('sent') end)
         try(function() sk:on('sent', 5) end)
         sk:on('sent', nil) sk:on('sent', print)
         print('ok')",
        100,
        "test.lua:3: bad argument #1 to 'on' (string expected, got no value)
         test.lua:4: invalid callback name
         test.lua:5: invalid callback function
         test.lua:6: invalid callback function
         ok",
    );
}

// docs/behaviour.md §4.3
#[test]
fn receive_is_per_segment() {
    let mut lab = Lab::chip()
        .board("net.createServer():listen(80, function(c) c:send(('a'):rep(1460)) c:send(('b'):rep(540)) end)")
        .board(
            "local sk = net.createConnection()
             sk:on('receive', function(_, d) print(#d) end)
             sk:connect(80, '192.168.1.100')",
        );
    lab.run(1000);
    assert_console(&lab, 1, "1460\n540");
}

// docs/behaviour.md §4.3, §4.4
#[test]
fn coalesced_sends_are_one_segment_and_one_sent() {
    let mut lab = Lab::chip()
        .board("net.createServer():listen(80, function(c) c:on('receive', function(_, d) print(d) end) end)")
        .board(
            "local sk = net.createConnection()
             sk:on('sent', function() print('sent') end)
             sk:on('connection', function(s) s:send('one ') s:send('two ') s:send('three') end)
             sk:connect(80, '192.168.1.100')",
        );
    lab.run(1000);
    assert_console(&lab, 0, "one two three");
    assert_console(&lab, 1, "sent");
}

// docs/behaviour.md §4.3
#[test]
fn data_without_a_receive_handler_is_gone() {
    let mut lab = Lab::chip()
        .board("net.createServer():listen(80, function(c) c:send('early') tmr.create():alarm(500, tmr.ALARM_SINGLE, function() c:send('late') end) end)")
        .board(
            "local sk = net.createConnection()
             sk:connect(80, '192.168.1.100')
             sk:on('connection', function(s) tmr.create():alarm(1, tmr.ALARM_SINGLE, function() end) end)
             tmr.create():alarm(100, tmr.ALARM_SINGLE, function() sk:on('receive', function(_, d) print(d) end) end)",
        );
    lab.run(1000);
    assert_console(&lab, 1, "late");
    let silences = lab.silences(1);
    assert!(silences.iter().any(|(reason, _)| *reason == Silence::NoReceiveHandler), "{silences:?}");
}

// docs/behaviour.md §4.3
#[test]
fn one_segment_can_be_sent_receive_and_disconnection() {
    // The answer acknowledges the request, carries data and ends the connection.
    let mut lab = Lab::chip()
        .board(
            "net.createServer():listen(80, function(c)
               c:on('receive', function(s) node.task.post(function() s:send('answer') s:close() end) end)
             end)",
        )
        .board(&with_watch(
            "local sk = watch(net.createConnection())
             sk:on('connection', function(s) s:send('request') end)
             sk:connect(80, '192.168.1.100')",
        ));
    lab.run(1000);
    let console = lab.console(1);
    assert_eq!(console[1..], ["sent\tnil", "receive\tanswer", "disconnection\t0"], "{console:?}");
}

// docs/behaviour.md §4.3
#[test]
fn in_disconnection_the_connection_is_gone() {
    let mut lab = Lab::chip().board("net.createServer():listen(80, function(c) c:close() end)").board(
        "local sk = net.createConnection()
         sk:on('disconnection', function(s, e)
           print(s:getpeer()) print(s:getaddr())
           print(pcall(function() s:send('x') end))
           print(pcall(function() s:ttl() end))
           s:hold() s:unhold()
         end)
         sk:connect(80, '192.168.1.100')",
    );
    lab.run(1000);
    assert_console(
        &lab,
        1,
        "nil\tnil
         nil\tnil
         false\ttest.lua:4: not connected
         false\ttest.lua:5: socket is not open/bound yet",
    );
}

// docs/behaviour.md §4.3
#[test]
fn after_the_peers_fin_queued_data_is_still_sent() {
    let mut lab = Lab::chip()
        .board(
            "net.createServer():listen(80, function(c)
               c:on('receive', function(_, d) print(d) end)
             end)",
        )
        .board(
            "local sk = net.createConnection()
             sk:on('disconnection', function(_, e) print(e) end)
             sk:connect(80, '192.168.1.100')
             sk:on('connection', function(s) s:send('first') end)
             sk:on('sent', function(s) s:on('sent', nil) s:send('second') s:close() end)",
        );
    lab.run(2000);
    assert_console(&lab, 0, "first\nsecond");
    assert_console(&lab, 1, "");
}

// ---- §4.4 send ----

// docs/behaviour.md §4.4
#[test]
fn send_checks_in_order() {
    check_chip(
        "local sk = net.createConnection()
         local function try(f) print(select(2, pcall(f))) end
         try(function() sk:send() end)
         try(function() sk:send('') end)
         try(function() sk:send('x') end)",
        100,
        "test.lua:3: bad argument #1 to 'send' (string expected, got no value)
         test.lua:4: no data to send
         test.lua:5: not connected",
    );
}

// docs/behaviour.md §4.4
#[test]
fn a_send_that_does_not_fit_queues_nothing() {
    let mut lab = Lab::chip()
        .board("local n = 0 net.createServer():listen(80, function(c) c:on('receive', function(_, d) n = n + #d print(n) end) end)")
        .board(
            "local sk = net.createConnection()
             sk:connect(80, '192.168.1.100')
             tmr.create():alarm(500, tmr.ALARM_SINGLE, function()
               print(pcall(function() sk:send(('x'):rep(2921)) end))
               print(pcall(function() sk:send(('x'):rep(2000)) end))
               print(pcall(function() sk:send(('x'):rep(921)) end))
               print(pcall(function() sk:send(('x'):rep(920)) end))
               print(pcall(function() sk:send('x') end))
             end)",
        );
    lab.run(2000);
    assert_console(
        &lab,
        1,
        "false\ttest.lua:4: out of memory
         true
         false\ttest.lua:6: out of memory
         true
         false\ttest.lua:8: out of memory",
    );
    assert_console(&lab, 0, "1460\n2920");
}

// docs/behaviour.md §4.4
#[test]
fn outside_its_callbacks_a_send_waits_for_the_slow_tick() {
    let mut lab = Lab::chip().board(ECHO).board(
        "local sk = net.createConnection()
         local t, worst, best = 0, 0, 1e9
         sk:connect(80, '192.168.1.100')
         sk:on('receive', function() local d = (tmr.now() - t) / 1000 worst = math.max(worst, d) best = math.min(best, d) end)
         local n = 0
         local timer = tmr.create()
         timer:alarm(337, tmr.ALARM_AUTO, function()
           n = n + 1
           if n > 20 then timer:unregister() print(worst > 150 and worst < 300, best < 100) return end
           t = tmr.now() sk:send('x')
         end)",
    );
    lab.run(9000);
    assert_console(&lab, 1, "true\ttrue");
}

// docs/behaviour.md §4.4
#[test]
fn inside_its_callbacks_a_send_leaves_at_once() {
    let mut lab = Lab::chip().board(ECHO).board(
        "local sk = net.createConnection()
         local t
         sk:on('connection', function(s) t = tmr.now() s:send('x') end)
         sk:on('receive', function() print((tmr.now() - t) / 1000 < 40) end)
         sk:connect(80, '192.168.1.100')",
    );
    lab.run(1000);
    assert_console(&lab, 1, "true");
}

// docs/behaviour.md §4.4
#[test]
fn close_flushes_at_once() {
    let mut lab = Lab::chip()
        .board("net.createServer():listen(80, function(c) c:on('receive', function() print(tmr.now()) end) end)")
        .board(
            "local sk = net.createConnection()
             sk:connect(80, '192.168.1.100')
             tmr.create():alarm(500, tmr.ALARM_SINGLE, function() sk:send('x') sk:close() print(tmr.now()) end)",
        );
    lab.run(1500);
    let time = |board: usize| lab.console(board)[0].parse::<f64>().unwrap();
    assert!((time(0) - time(1)).abs() < 40_000.0, "{} {}", time(0), time(1));
}

// docs/behaviour.md §4.4
#[test]
fn the_length_has_sixteen_bits() {
    let mut lab = Lab::chip()
        .heap_bytes(400_000)
        .board("net.createServer():listen(80, function(c) c:on('receive', function(_, d) print(d) end) end)")
        .board(
            "local sk = net.createConnection()
             sk:on('connection', function(s) print(select('#', s:send('abc' .. ('x'):rep(65536)))) end)
             sk:connect(80, '192.168.1.100')",
        );
    lab.run(500);
    assert_console(&lab, 1, "0");
    assert_console(&lab, 0, "abc");
    let silences = lab.silences(1);
    assert!(silences.iter().any(|(reason, _)| *reason == Silence::SendRefused), "{silences:?}");
}

// ---- §4.5 hold ----

// docs/behaviour.md §4.5
#[test]
fn hold_lets_a_window_through_and_unhold_the_rest() {
    let mut lab = Lab::chip()
        .board(
            "local total = 10000
             net.createServer():listen(80, function(c)
               local function more(s)
                 if total > 0 then local n = math.min(1460, total) total = total - n s:send(('x'):rep(n)) end
               end
               c:on('sent', more) more(c)
             end)",
        )
        .board(
            "local n = 0
             local sk = net.createConnection()
             sk:on('receive', function(_, d) n = n + #d end)
             sk:on('connection', function(s) s:hold() end)
             sk:connect(80, '192.168.1.100')
             tmr.create():alarm(3000, tmr.ALARM_SINGLE, function() print(n) sk:unhold() end)
             tmr.create():alarm(6000, tmr.ALARM_SINGLE, function() print(n) end)",
        );
    lab.run(8000);
    assert_console(&lab, 1, "5840\n10000");
}

// docs/behaviour.md §4.5
#[test]
fn hold_sticks_to_the_object() {
    let mut lab = Lab::chip()
        .board(
            "net.createServer():listen(80, function(c)
               local total = 8760
               local function more(s) if total > 0 then total = total - 1460 s:send(('x'):rep(1460)) end end
               c:on('sent', more) more(c)
             end)",
        )
        .board(
            "local n = 0
             local sk = net.createConnection()
             sk:on('receive', function(_, d) n = n + #d end)
             sk:connect(80, '192.168.1.100')
             sk:hold()
             sk:close()
             sk:connect(80, '192.168.1.100')
             tmr.create():alarm(3000, tmr.ALARM_SINGLE, function() print(n) end)",
        );
    lab.run(4000);
    assert_console(&lab, 1, "5840");
}

// ---- §4.6 dns ----

// docs/behaviour.md §4.6
#[test]
fn dns_needs_a_handler_from_somewhere() {
    check_chip(
        "local sk = net.createConnection()
         print(pcall(function() sk:dns('www.nodemcu.com') end))
         print(pcall(function() sk:dns() end))
         print(pcall(function() sk:dns('', print) end))
         sk:on('dns', function(s, ip) print('slot', s == sk, ip ~= nil) end)
         sk:dns('www.nodemcu.com')
         sk:dns('www.google.com', function(s, ip) print('later', ip ~= nil) end)",
        5_000,
        "false\ttest.lua:2: no callback specified
         false\ttest.lua:3: bad argument #1 to 'dns' (string expected, got no value)
         false\ttest.lua:4: illegal argument
         later\ttrue
         later\ttrue",
    );
}

// ---- §4.7 ttl ----

// docs/behaviour.md §4.7
#[test]
fn ttl_returns_its_argument_and_keeps_eight_bits() {
    check_chip(
        "local sk = net.createConnection()
         local function try(f) print(select(2, pcall(f))) end
         try(function() sk:ttl() end)
         sk:connect(80, '192.168.1.1')
         print(sk:ttl(), sk:ttl(nil), sk:ttl(-1), sk:ttl(64), sk:ttl(), sk:ttl(300), sk:ttl())
         try(function() sk:ttl('x') end)
         sk:close() sk:connect(80, '192.168.1.1') print(sk:ttl())",
        100,
        "test.lua:3: socket is not open/bound yet
         255\t255\t255\t64\t64\t300\t44
         test.lua:6: bad argument #1 to 'ttl' (number expected, got string)
         255",
    );
}

// ---- §4.8 getpeer, getaddr ----

// docs/behaviour.md §4.8
#[test]
fn the_ends_are_port_then_address() {
    let mut lab = Lab::chip().board(QUIET).board(
        "local sk = net.createConnection()
         print(sk:getpeer()) print(sk:getaddr())
         sk:connect(80, '192.168.1.100')
         print(sk:getpeer())
         local port, ip = sk:getaddr()
         print(port >= 1024 and port <= 32766, ip)
         sk:on('connection', function(s) print(s:getpeer()) print(s:getaddr() == port) end)",
    );
    lab.run(500);
    assert_console(
        &lab,
        1,
        "nil\tnil
         nil\tnil
         80\t192.168.1.100
         true\t192.168.1.101
         80\t192.168.1.100
         true",
    );
}

// ---- §4.9 sequences ----

// docs/behaviour.md §4.9
#[test]
fn a_servers_events_come_in_order() {
    let mut lab = Lab::chip()
        .board(&with_watch("net.createServer():listen(80, function(c) print('listen') watch(c) end)"))
        .board(
            "local sk = net.createConnection()
             sk:on('connection', function(s) s:send('data', function(t) t:close() end) end)
             sk:connect(80, '192.168.1.100')",
        );
    lab.run(1000);
    assert_console(&lab, 0, "listen\nconnection\tnil\nreceive\tdata\ndisconnection\t0");
}

// docs/behaviour.md §4.9
#[test]
fn losing_the_address_ends_connections_and_keeps_listeners() {
    let mut lab = Lab::chip()
        .board(
            "srv = net.createServer()
             srv:listen(80, function(c) c:on('disconnection', function(_, e) print('disconnection', e) print(srv:getaddr()) end) end)
             tmr.create():alarm(1000, tmr.ALARM_SINGLE, function() wifi.sta.disconnect() end)",
        )
        .board("net.createConnection():connect(80, '192.168.1.100')");
    lab.run(2000);
    assert_console(&lab, 0, "disconnection\t-8\n80\t0.0.0.0");
}

// docs/behaviour.md §4.9
#[test]
fn a_restart_tells_nobody() {
    let mut lab = Lab::chip()
        .board("net.createServer():listen(80, function(c) c:on('disconnection', function(_, e) print(e) end) end) tmr.create():alarm(500, tmr.ALARM_SINGLE, function() node.restart() end)")
        .board(
            "local sk = net.createConnection()
             sk:on('disconnection', function(_, e) print('disconnection', e) end)
             sk:connect(80, '192.168.1.100')
             tmr.create():alarm(8000, tmr.ALARM_SINGLE, function() print('still') sk:send('x') end)",
        );
    lab.run(10_000);
    assert_console(&lab, 1, "still\ndisconnection\t-9");
}

// ---- §4.10 ----

// docs/behaviour.md §4.10
#[test]
fn a_lone_small_segment_is_acknowledged_within_125_ms() {
    let mut lab =
        Lab::chip().board("net.createServer():listen(80, function(c) c:on('receive', function() end) end)").board(
            "local sk = net.createConnection()
         local t
         sk:on('connection', function(s) t = tmr.now() s:send('x') end)
         sk:on('sent', function() local ms = (tmr.now() - t) / 1000 print(ms > 1 and ms < 160) end)
         sk:connect(80, '192.168.1.100')",
        );
    lab.run(1000);
    assert_console(&lab, 1, "true");
}

// ---- the rest of §4, fact by fact ----

// docs/behaviour.md §4.2: inside `sent`, when the same segment also carried data
#[test]
fn close_inside_sent_resets_when_the_segment_carried_data() {
    let mut lab = Lab::chip()
        .board("net.createServer():listen(80, function(c) c:on('receive', function(s) s:send('answer') end) end)")
        .board(
            "local sk = net.createConnection()
             sk:on('connection', function(s) s:send('request', function(t) t:close() print('closed') end) end)
             sk:on('receive', function(_, d) print(d) end)
             sk:connect(80, '192.168.1.100')",
        );
    lab.run(1000);
    assert_console(&lab, 1, "closed");
    assert!(lab.sockets(1).is_empty(), "no TIME_WAIT after a reset: {:?}", lab.sockets(1));
}

// docs/behaviour.md §4.2: 2920 bytes in flight leave no room for FIN
#[test]
fn close_with_a_full_buffer_in_flight_resets() {
    let mut lab = Lab::chip()
        .board("net.createServer():listen(80, function(c) c:on('disconnection', function(_, e) print(e) end) end)")
        .board(
            "local sk = net.createConnection()
         sk:on('connection', function(s)
           tmr.create():alarm(2000, tmr.ALARM_SINGLE, function() s:send(('x'):rep(2920)) end)
           tmr.create():alarm(2300, tmr.ALARM_SINGLE, function() s:close() end)
         end)
         sk:connect(80, '192.168.1.100')",
        );
    lab.run(450);
    lab.set_latency(0, 400);
    lab.run(4000);
    assert_console(&lab, 0, "-9");
}

// docs/behaviour.md §4.2: what arrives after our FIN is answered with a reset
#[test]
fn a_peer_that_goes_on_after_our_fin_is_reset() {
    let mut lab = Lab::chip()
        .board("net.createServer():listen(80, function(c) c:on('receive', function(_, d) print(d) end) c:close() end)")
        .board(
            "local sk = net.createConnection()
             sk:on('connection', function(s) s:send('too late') end)
             sk:on('disconnection', function(_, e) print('disconnection', e) end)
             sk:connect(80, '192.168.1.100')",
        );
    lab.run(1000);
    assert_console(&lab, 0, "");
    assert_eq!(lab.console(1).len(), 1, "{:?}", lab.console(1));
    assert!(lab.sockets(0).iter().all(|socket| socket.state == SocketState::Listen), "{:?}", lab.sockets(0));
}

// docs/behaviour.md §4.3: registered on a connected socket it never fires
#[test]
fn a_late_connection_handler_never_fires() {
    let mut lab = Lab::chip()
        .board(
            "net.createServer():listen(80, function(c)
               tmr.create():alarm(100, tmr.ALARM_SINGLE, function() c:on('connection', function() print('never') end) end)
             end)",
        )
        .board(
            "local sk = net.createConnection()
             sk:connect(80, '192.168.1.100')
             tmr.create():alarm(200, tmr.ALARM_SINGLE, function() sk:on('connection', function() print('never') end) end)",
        );
    lab.run(1000);
    assert_console(&lab, 0, "");
    assert_console(&lab, 1, "");
}

// docs/behaviour.md §4.3: 2920 bytes are one or two events, as the peer acknowledges
#[test]
fn sent_counts_acknowledgements() {
    let mut lab =
        Lab::chip().board("net.createServer():listen(80, function(c) c:on('receive', function() end) end)").board(
            "local n, sends = 0, 0
         local sk = net.createConnection()
         sk:on('sent', function() n = n + 1 end)
         sk:connect(80, '192.168.1.100')
         tmr.create():alarm(300, tmr.ALARM_SINGLE, function() sk:send(('x'):rep(2920)) end)
         tmr.create():alarm(1000, tmr.ALARM_SINGLE, function() print(n) end)",
        );
    lab.run(1500);
    // A board acknowledges each full segment at once (§4.10).
    assert_console(&lab, 1, "2");
}

// docs/behaviour.md §4.3, §4.5: hold does not keep the end away; held data outstanding, our answer to the FIN is a reset
#[test]
fn the_end_comes_though_held() {
    for (data, left_at_the_peer) in [("", "FIN"), ("c:send('data')", "RST")] {
        let server = format!(
            "net.createServer():listen(80, function(c)
               {data}
               tmr.create():alarm(500, tmr.ALARM_SINGLE, function() c:close() end)
             end)"
        );
        let mut lab = Lab::chip().board(&server).board(
            "local sk = net.createConnection()
             sk:on('connection', function(s) s:hold() end)
             sk:on('receive', function(_, d) print(d) end)
             sk:on('disconnection', function(_, e) print('disconnection', e) end)
             sk:connect(80, '192.168.1.100')",
        );
        lab.run(1500);
        let expected = if data.is_empty() { "disconnection\t0" } else { "data\ndisconnection\t0" };
        assert_console(&lab, 1, expected);
        let waits = lab.sockets(0).iter().any(|socket| socket.state == SocketState::TimeWait);
        assert_eq!(waits, left_at_the_peer == "FIN", "{:?}", lab.sockets(0));
    }
}

// docs/behaviour.md §4.4: the handler is stored even if the next check fails, not if the data is missing
#[test]
fn a_refused_send_keeps_its_handler() {
    let mut lab = Lab::chip().board(ECHO).board(
        "local sk = net.createConnection()
         print(pcall(function() sk:send('x', function() print('first') end) end))
         sk:on('connection', function(s) s:send('y') end)
         sk:connect(80, '192.168.1.100')
         tmr.create():alarm(500, tmr.ALARM_SINGLE, function()
           print(pcall(function() sk:send('', function() print('second') end) end))
           sk:send('z')
         end)",
    );
    lab.run(1500);
    assert_console(
        &lab,
        1,
        "false\ttest.lua:2: not connected
         first
         false\ttest.lua:6: no data to send
         first",
    );
}

// docs/behaviour.md §4.4: another socket's callback is "anywhere else"; queued there, the data waits for the slow tick
#[test]
fn a_send_in_another_sockets_callback_waits() {
    let mut lab = Lab::chip().board(ECHO).board(
        "local a, b, t = net.createConnection(), net.createConnection(), 0
         local worst = 0
         b:connect(80, '192.168.1.100')
         b:on('receive', function() worst = math.max(worst, tmr.now() - t) end)
         a:connect(80, '192.168.1.100')
         a:on('receive', function() t = tmr.now() b:send('x') end)
         tmr.create():alarm(313, tmr.ALARM_AUTO, function() a:send('y') end)
         tmr.create():alarm(9000, tmr.ALARM_SINGLE, function() print(worst > 150000 and worst < 300000) end)",
    );
    lab.run(9500);
    assert_console(&lab, 1, "true");
}

// docs/behaviour.md §4.5: without a connection hold does nothing; no arguments are looked at
#[test]
fn hold_without_a_connection_does_nothing() {
    let mut lab = Lab::chip()
        .board(
            "net.createServer():listen(80, function(c)
               local total = 8760
               local function more(s) if total > 0 then total = total - 1460 s:send(('x'):rep(1460)) end end
               c:on('sent', more) more(c)
             end)",
        )
        .board(
            "local n = 0
             local sk = net.createConnection()
             print(select('#', sk:hold('x', {})), select('#', sk:unhold(1)))
             sk:hold()
             sk:on('receive', function(_, d) n = n + #d end)
             sk:connect(80, '192.168.1.100')
             tmr.create():alarm(3000, tmr.ALARM_SINGLE, function() print(n) end)",
        );
    lab.run(4000);
    assert_console(&lab, 1, "0\t0\n8760");
}

// docs/behaviour.md §4.9: no route, name
#[test]
fn without_a_route_a_name_ends_in_silence() {
    let mut lab = Lab::chip().board(&with_watch(
        "wifi.sta.disconnect()
         local t = tmr.now()
         local sk = watch(net.createConnection())
         sk:on('dns', function(_, ip) local s = (tmr.now() - t) / 1e6 print('dns', ip, s > 5.9 and s < 7.1) end)
         sk:connect(80, 'www.nodemcu.com')
         tmr.create():alarm(40000, tmr.ALARM_SINGLE, function() print(sk:getpeer()) end)",
    ));
    lab.run(41_000);
    assert_console(&lab, 0, "dns\tnil\ttrue\n80\t255.255.255.255");
}

// docs/behaviour.md §4.9: a reset is one event and nothing else
#[test]
fn a_reset_by_the_peer_is_minus_nine_alone() {
    let mut lab = Lab::chip()
        .board("net.createServer():listen(80, function(c) c:on('receive', function(s) s:close() end) end)")
        .board(&with_watch(
            "local sk = watch(net.createConnection())
             sk:on('sent', nil)
             sk:on('connection', function(s) s:send('x') end)
             sk:connect(80, '192.168.1.100')",
        ));
    lab.run(20_000);
    assert_console(&lab, 1, "dns\t192.168.1.100\nreconnection\t-9");
}

// docs/behaviour.md §4.9: another own address ends every connection at once; listeners survive
#[test]
fn a_new_address_ends_connections() {
    let mut lab = Lab::chip()
        .board(
            "srv = net.createServer()
             srv:listen(80, function(c) c:on('disconnection', function(_, e) print('disconnection', e) end) end)
             tmr.create():alarm(1000, tmr.ALARM_SINGLE, function()
               wifi.sta.setip{ip = '192.168.1.77', netmask = '255.255.255.0', gateway = '192.168.1.1'}
               print(srv:getaddr())
             end)",
        )
        .board("net.createConnection():connect(80, '192.168.1.100')");
    lab.run(2000);
    let mut lines = lab.console(0);
    lines.sort();
    assert_eq!(lines, ["80\t0.0.0.0", "disconnection\t-8"]);
}

// docs/behaviour.md §4.9: a crash and deep sleep tell nobody either
#[test]
fn a_crash_and_deep_sleep_tell_nobody() {
    for ending in ["node.dsleep(2000000)", "net.dns.resolve('www.google.com', function() error('crash') end)"] {
        let server = format!(
            "if not file.exists('once') then
               file.putcontents('once', '')
               net.createServer():listen(80, function() tmr.create():alarm(1000, tmr.ALARM_SINGLE, function() {ending} end) end)
             end"
        );
        let mut lab = Lab::chip().board(&server).board(
            "local sk = net.createConnection()
             sk:on('disconnection', function(_, e) print('disconnection', e) end)
             sk:connect(80, '192.168.1.100')
             tmr.create():alarm(12000, tmr.ALARM_SINGLE, function() print('still') sk:send('y') end)",
        );
        lab.run(25_000);
        assert_console(&lab, 1, "still\ndisconnection\t-9");
    }
}

// docs/behaviour.md §4.11
#[test]
fn every_call_in_every_state() {
    let mut lab = Lab::chip().board("net.createServer():listen(80, function(c) client = c end)").board(
        "local function show(sk, state)
           local line = {state}
           local function try(name, ...)
             local args = {...}
             local answer = {pcall(function() return sk[name](sk, unpack(args)) end)}
             line[#line + 1] = answer[1] and tostring(answer[2]) or answer[2]:match(': (.*)')
           end
           try('getpeer') try('getaddr') try('ttl') try('hold') try('unhold')
           line[3] = line[3]:gsub('^%d+$', 'PORT')
           print(table.concat(line, ', '))
         end
         local function close(sk, state) print(state, select(2, pcall(function() sk:close() end))) end
         local new = net.createConnection()
         show(new, 'new') close(new, 'new')
         local resolving = net.createConnection()
         resolving:connect(80, 'no.such.name.invalid') show(resolving, 'resolving')
         print(pcall(function() resolving:connect(80, '1.2.3.4') end)) close(resolving, 'resolving')
         local opening = net.createConnection()
         opening:connect(80, '192.168.1.222') show(opening, 'opening')
         opening:send('x')
         print(pcall(function() opening:connect(80, '1.2.3.4') end)) close(opening, 'opening')
         local sk = net.createConnection()
         sk:on('connection', function(s)
           show(s, 'connected')
           print(pcall(function() s:connect(80, '1.2.3.4') end)) s:send('x') close(s, 'connected')
           show(s, 'closed') close(s, 'closed')
           print(pcall(function() s:send('x') end))
           s:dns('1.2.3.4', function(_, ip) print('dns', ip) end)
         end)
         sk:connect(80, '192.168.1.100')",
    );
    lab.run(1000);
    assert_console(
        &lab,
        1,
        "new, nil, nil, socket is not open/bound yet, nil, nil
         new\ttest.lua:12: not connected
         resolving, 80, nil, 255, nil, nil
         false\ttest.lua:17: already connected
         resolving
         opening, 80, PORT, 255, nil, nil
         false\ttest.lua:21: already connected
         opening
         connected, 80, PORT, 255, nil, nil
         false\ttest.lua:25: already connected
         connected
         closed, nil, nil, socket is not open/bound yet, nil, nil
         closed\ttest.lua:12: not connected
         false\ttest.lua:27: not connected
         dns\t1.2.3.4",
    );
}
