//! The manual's profile where chip and manual disagree, row by row of `docs/behaviour.md` §8, and the forms of the
//! releases before 3.0.

mod common;

use common::{Lab, assert_console, check_manual};
use firmware::{Behaviour, Release};

#[track_caller]
fn assert_hint(lab: &Lab, part: &str) {
    let hints = lab.hints();
    assert!(hints.iter().any(|hint| hint.contains(part)), "no hint with {part:?} in {hints:?}");
}

// docs/behaviour.md §8: createServer(net.TCP, 30); manual, net.createServer()
#[test]
fn the_second_number_is_the_timeout_after_a_type() {
    let mut lab = Lab::manual()
        .board(
            "net.createServer(net.TCP, 3):listen(80, function(c)
               local t = tmr.now()
               c:on('disconnection', function(_, e) print(e, math.floor((tmr.now() - t) / 1e6 + 0.5)) end)
             end)",
        )
        .board(
            "local sk = net.createConnection()
             sk:on('disconnection', function(_, e) print('closed', e) end)
             sk:connect(80, '192.168.1.100')",
        );
    lab.run(6000);
    assert_console(&lab, 0, "0\t3");
    assert_console(&lab, 1, "closed\t0");
    assert_hint(&lab, "net.TCP is 1");
    assert_hint(&lab, "keep-alive");
}

// manual, net.createServer(): an inactive client is disconnected after 30 s by default
#[test]
fn an_inactive_client_is_disconnected_after_the_timeout() {
    let mut lab = Lab::manual()
        .board(
            "net.createServer():listen(80, function(c)
               local t = tmr.now()
               c:on('receive', function() t = tmr.now() end)
               c:on('disconnection', function(_, e) print(e, math.floor((tmr.now() - t) / 1e6 + 0.5)) end)
             end)",
        )
        .board(
            "local sk = net.createConnection()
             sk:connect(80, '192.168.1.100')
             tmr.create():alarm(20000, tmr.ALARM_SINGLE, function() sk:send('busy') end)",
        );
    lab.run(49_000);
    assert_console(&lab, 0, "");
    lab.run(52_000);
    assert_console(&lab, 0, "0\t30");
}

// manual, net.createServer(): 1 to 28,800 seconds
#[test]
fn the_timeouts_range_is_the_manuals() {
    let mut lab = Lab::manual().board("net.createServer(0) net.createServer(28800) print('ok')");
    lab.run(100);
    assert_console(&lab, 0, "ok");
    assert_hint(&lab, "not checked");
}

// docs/behaviour.md §8: server:close() right after creation
#[test]
fn closing_a_server_that_never_listened_is_quiet() {
    let mut lab = Lab::manual().board("sv = net.createServer(net.TCP, 30) sv:close() sv:close() print('ok')");
    lab.run(100);
    assert_console(&lab, 0, "ok");
    assert_hint(&lab, "not connected");
}

// docs/behaviour.md §8: close-in-receive
#[test]
fn close_inside_receive_delivers_the_reply() {
    let mut lab = Lab::manual()
        .board(
            "net.createServer():listen(80, function(c) c:on('receive', function(s) s:send('reply') s:close() end) end)",
        )
        .board(
            "local sk = net.createConnection()
             sk:on('receive', function(_, d) print(d) end)
             sk:on('disconnection', function(_, e) print('end', e) end)
             sk:on('connection', function(s) s:send('request') end)
             sk:connect(80, '192.168.1.100')",
        );
    lab.run(1000);
    assert_console(&lab, 1, "reply\nend\t0");
    assert_hint(&lab, "resets the connection");
}

// docs/behaviour.md §8: getpeer, getaddr "nil if not connected"
#[test]
fn the_ends_are_nil_until_connected() {
    let mut lab = Lab::manual().board("net.createServer():listen(80, function() end)").board(
        "local sk = net.createConnection()
         sk:connect(80, '192.168.1.100')
         print(sk:getpeer()) print(sk:getaddr())
         sk:on('connection', function(s) print(s:getpeer()) print(select(2, s:getaddr())) end)",
    );
    lab.run(1000);
    assert_console(&lab, 1, "nil\tnil\nnil\tnil\n80\t192.168.1.100\n192.168.1.101");
    assert_hint(&lab, "already known");
}

// docs/behaviour.md §8: ifinfo of a bad index
#[test]
fn ifinfo_of_a_missing_interface_is_nil() {
    let mut lab = Lab::manual().board("print(select('#', net.ifinfo(7)), net.ifinfo(7))");
    lab.run(100);
    assert_console(&lab, 0, "1\tnil");
    assert_hint(&lab, "no value at all");
}

// docs/behaviour.md §8: ping loss
#[test]
fn a_lost_ping_takes_no_time() {
    let mut lab = Lab::manual().board("net.ping('192.168.1.222', 1, print)");
    lab.run(2000);
    assert_console(&lab, 0, "0\t192.168.1.222\t0\t0");
    assert_hint(&lab, "-1");
}

// docs/behaviour.md §8: sent per send
#[test]
fn sent_fires_once_for_each_send() {
    let mut lab =
        Lab::manual().board("net.createServer():listen(80, function(c) c:on('receive', function() end) end)").board(
            "local sk = net.createConnection()
         sk:on('sent', function() print('sent') end)
         sk:on('connection', function(s) s:send('one') s:send('two') s:send('three') end)
         sk:connect(80, '192.168.1.100')
         tmr.create():alarm(1000, tmr.ALARM_SINGLE, function() print('big') sk:send(('x'):rep(2920)) end)",
        );
    lab.run(3000);
    assert_console(&lab, 1, "sent\nsent\nsent\nbig\nsent");
    assert_hint(&lab, "once for several sends");
}

// docs/behaviour.md §8: net.dns:getdnsserver
#[test]
fn dns_functions_may_be_called_with_a_colon() {
    let mut lab = Lab::manual().board(
        "print(net.dns:getdnsserver(0), net.dns:getdnsserver())
         net.dns:setdnsserver('8.8.8.8', 1) print(net.dns.getdnsserver(1))
         net.dns:resolve('1.2.3.4', print)",
    );
    lab.run(100);
    assert_console(&lab, 0, "192.168.1.1\t192.168.1.1\n8.8.8.8\nnil\t1.2.3.4");
    assert_hint(&lab, "with a dot");
}

// docs/behaviour.md §8: pipe.md's sk:on('sent')
#[test]
fn on_without_a_handler_clears_it() {
    let mut lab = Lab::manual().board(
        "local sk = net.createConnection()
         sk:on('dns', print) sk:on('dns')
         print(pcall(function() sk:dns('1.2.3.4') end))
         print(pcall(function() sk:on('sent', 5) end))",
    );
    lab.run(100);
    assert_console(
        &lab,
        0,
        "false\ttest.lua:3: no callback specified
         false\ttest.lua:4: invalid callback function",
    );
    assert_hint(&lab, "without a second argument");
}

// docs/behaviour.md §8: multiple sends work up to 2920 bytes and then raise, in both profiles
#[test]
fn a_send_that_does_not_fit_raises_by_the_manual_too() {
    check_manual(
        "local sk = net.createConnection()
         print(pcall(function() sk:send('x') end))",
        100,
        "false\ttest.lua:2: not connected",
    );
}

// ---- before 3.0: docs/behaviour.md §8, History ----

// docs/behaviour.md §8, History
#[test]
fn udp_types_make_udp_sockets_with_a_hint() {
    let mut lab = Lab::manual().board(
        "local a = net.createConnection(net.UDP, 0) a:listen(5000) print(a:getaddr())
         local b = net.createServer(net.UDP) b:listen(5001) print(b:getaddr())
         local c = net.createServer(net.UDP, 10) c:on('receive', print) c:send(9, '192.168.1.1', 'x')
         print(type(net.createConnection(net.TCP, 1).connect))",
    );
    lab.run(100);
    assert_console(&lab, 0, "5000\t0.0.0.0\n5001\t0.0.0.0\nfunction");
    assert_hint(&lab, "net.createUDPSocket()");
    assert_hint(&lab, "not encrypted");
}

// docs/behaviour.md §8, History
#[test]
fn release_2_reads_type_and_timeout() {
    let mut lab = Lab::new(Behaviour::Chip, Release::V2).board(
        "local function try(f) print(select(2, pcall(f))) end
         try(function() net.createConnection(7) end)
         try(function() net.createServer(7) end)
         try(function() net.createConnection(net.TCP, 1) end)
         try(function() net.createServer(net.TCP, 'x') end)
         print(type(net.createServer(net.TCP, 60)), type(net.createConnection(net.TCP, 0)))
         print(net.createConnection(net.UDP, 0).connect)",
    );
    lab.run(100);
    assert_console(
        &lab,
        0,
        "test.lua:2: invalid type
         test.lua:3: invalid type
         test.lua:4: secure connections not enabled
         test.lua:5: bad argument #2 to 'createServer' (number expected, got string)
         userdata\tuserdata
         Warning, deprecated API! net.createConnection with net.UDP type. It will be removed in the next version. See documentation for details.
         nil",
    );
    assert!(lab.hints().is_empty(), "{:?}", lab.hints());
}

// docs/behaviour.md §2.2: release 3.0 ignores them
#[test]
fn release_3_ignores_types() {
    let mut lab = Lab::new(Behaviour::Manual, Release::V3)
        .board("print(net.createConnection(net.UDP).connect ~= nil, net.createServer(net.UDP).listen ~= nil)");
    lab.run(100);
    assert_console(&lab, 0, "true\ttrue");
}
