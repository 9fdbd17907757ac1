//! `net.ping`: `docs/behaviour.md` §2.10.

mod common;

use common::{Lab, assert_console, check_chip};
use trace::Kind;

// docs/behaviour.md §2.10
#[test]
fn four_requests_a_second_apart_and_a_summary() {
    check_chip(
        "net.ping('192.168.1.1', function(b, ip, sq, tm) print(b, ip, sq, tm >= 0 and tm < 50) end,
           function(ip, tc, toc, tb, tt) print(ip, tc, toc, tb, math.floor(tt / 100)) end)",
        6000,
        "32\t192.168.1.1\t1\ttrue
         32\t192.168.1.1\t2\ttrue
         32\t192.168.1.1\t3\ttrue
         32\t192.168.1.1\t4\ttrue
         192.168.1.1\t4\t0\t128\t40",
    );
}

// docs/behaviour.md §2.10
#[test]
fn a_lost_request_has_no_bytes_no_number_and_time_minus_one() {
    check_chip(
        "net.ping('192.168.1.200', 2, print, print)",
        5000,
        "0\t192.168.1.200\t0\t-1
         0\t192.168.1.200\t0\t-1
         192.168.1.200\t2\t2\t0\t2000",
    );
}

// docs/behaviour.md §2.10
#[test]
fn arguments_are_scanned_as_the_firmware_does() {
    check_chip(
        "local function try(f) print(select(2, pcall(f))) end
         try(function() net.ping() end)
         try(function() net.ping('1.2.3.4') end)
         try(function() net.ping('1.2.3.4', 5) end)
         try(function() net.ping('1.2.3.4', {}, print) end)
         try(function() net.ping('1.2.3.4', 2, print, 7) end)
         try(function() net.ping('1.2.3.4', print, 7) end)
         try(function() net.ping('', print) end)
         print(select('#', net.ping('192.168.1.1', nil, function() end)))",
        100,
        "test.lua:2: bad argument #1 to 'ping' (string expected, got no value)
         test.lua:3: bad argument #-2 to 'ping' (no received callback specified)
         test.lua:4: bad argument #-2 to 'ping' (no received callback specified)
         test.lua:5: bad argument #2 to 'ping' (number expected, got table)
         test.lua:6: bad argument #-1 to 'ping' (invalid sent callback, function expected)
         test.lua:7: bad argument #-1 to 'ping' (invalid sent callback, function expected)
         test.lua:8: lwip error -12
         0",
    );
}

// docs/behaviour.md §2.10
#[test]
fn a_full_resolver_is_error_minus_one() {
    check_chip(
        "for i = 1, 4 do net.dns.resolve('n' .. i .. '.invalid', function() end) end
         print(select(2, pcall(function() net.ping('n5.invalid', print) end)))",
        100,
        "test.lua:2: lwip error -1",
    );
}

// docs/behaviour.md §2.10
#[test]
fn an_unresolved_name_is_reported_once_without_a_summary() {
    check_chip(
        "net.ping('no.such.name.invalid', function(...) print(select('#', ...), ...) end, function() print('summary') end)",
        12000,
        "1\t0",
    );
}

// docs/behaviour.md §2.10
#[test]
fn numbers_keep_counting_across_pings() {
    check_chip(
        "net.ping('192.168.1.1', 1, function(b, ip, sq) print(sq) end, function()
           net.ping('192.168.1.1', 1, function(b, ip, sq) print(sq) end)
         end)",
        4000,
        "1\n2",
    );
}

// docs/behaviour.md §2.10
#[test]
fn the_newest_ping_takes_the_replies() {
    check_chip(
        "local function show(b, ip) print(b, ip) end
         net.ping('192.168.1.1', 2, show)
         net.ping('192.168.1.50', 2, show)",
        4000,
        "32\t192.168.1.50
         0\t192.168.1.1
         32\t192.168.1.50
         0\t192.168.1.1",
    );
}

// docs/behaviour.md §2.10
#[test]
fn a_board_answers_others_but_not_itself() {
    let mut lab = Lab::chip()
        .board("net.ping(wifi.sta.getip(), 1, function(b) print('self', b) end)")
        .board("net.ping('192.168.1.100', 1, function(b) print('other', b) end)");
    lab.run(3000);
    assert_console(&lab, 0, "self\t0");
    assert_console(&lab, 1, "other\t32");
}

// docs/behaviour.md §1.5, §2.10
#[test]
fn ping_callbacks_are_protected() {
    let mut lab = Lab::chip().board(
        "node.setonerror(function(e) print('onerror', (e:match('^[^\\n]*'))) end)
         net.ping('192.168.1.1', 1, function() error('oops') end)",
    );
    lab.run(2000);
    assert_console(&lab, 0, "onerror\ttest.lua:2: oops");
}

// docs/behaviour.md §2.10: count 0 is the default, a negative one wraps to a huge number
#[test]
fn counts_are_unsigned() {
    check_chip(
        "local n = 0
         net.ping('192.168.1.1', 0, function() end, function(_, tc) print('sent', tc) end)
         tmr.create():alarm(6000, tmr.ALARM_SINGLE, function()
           net.ping('192.168.1.1', -1, function() n = n + 1 end, function() print('never') end)
         end)
         tmr.create():alarm(18500, tmr.ALARM_SINGLE, function() print(n) end)",
        19_000,
        "sent\t4\n13",
    );
}

// docs/behaviour.md §2.10: 32 bytes, identifier 0xAFAF, time to live 255, the first at once, then one a second
#[test]
fn requests_on_the_wire() {
    let mut lab = Lab::chip().board("net.ping('192.168.1.1', 3, function() end)");
    lab.run(4000);
    let board = trace::HostId(1);
    let requests: Vec<_> = (lab.records().into_iter())
        .filter(|record| record.host == board)
        .filter_map(|record| match record.kind {
            Kind::FrameSent { bytes, .. } if bytes.len() > 40 && bytes[23] == 1 && bytes[34] == 8 => {
                Some((record.at, bytes))
            }
            _ => None,
        })
        .collect();
    assert_eq!(requests.len(), 3);
    for (index, (_, frame)) in requests.iter().enumerate() {
        assert_eq!(frame[22], 255, "time to live");
        assert_eq!(u16::from_be_bytes([frame[16], frame[17]]), 20 + 8 + 32, "32 bytes of data");
        assert_eq!(frame[38..40], [0xAF, 0xAF]);
        assert_eq!(frame[40..42], [0, index as u8 + 1], "numbers begin with 1");
    }
    let pause = requests[2].0.as_micros() - requests[1].0.as_micros();
    assert!((999_000..=1_001_000).contains(&pause), "{pause}");
}

// docs/behaviour.md §2.10: on a timeout the callback runs just before the next request; late replies are ignored
#[test]
fn a_late_reply_is_ignored() {
    let mut lab = Lab::chip().board(
        "tmr.create():alarm(2000, tmr.ALARM_SINGLE, function()
           net.ping('192.168.1.1', 3, function(b, ip, sq, tm) print(b, sq, tm) end, function(_, n, lost) print(n, lost) end)
         end)",
    );
    lab.run(0);
    lab.set_latency(0, 700);
    lab.run(8000);
    assert_console(&lab, 0, "0\t0\t-1\n0\t0\t-1\n0\t0\t-1\n3\t3");
}
