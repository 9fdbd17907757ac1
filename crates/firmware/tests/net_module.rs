//! Functions of the module `net`: `docs/behaviour.md` §2.

mod common;

use common::{Lab, assert_console, check_chip};
use trace::{HostId, Kind};

// docs/behaviour.md §2.1
#[test]
fn constants_exist_and_cert_does_not() {
    check_chip("print(net.TCP, net.UDP, net.cert)", 100, "1\t2\tnil");
}

// docs/behaviour.md §2.2
#[test]
fn create_connection_ignores_its_arguments() {
    check_chip(
        "for _, a in ipairs{net.TCP, net.UDP, 'x', {}, 1.5} do
           local sk = net.createConnection(a, 1)
           print(type(sk), sk.connect ~= nil)
         end",
        100,
        "userdata\ttrue\nuserdata\ttrue\nuserdata\ttrue\nuserdata\ttrue\nuserdata\ttrue",
    );
}

// docs/behaviour.md §2.3
#[test]
fn create_server_takes_a_number() {
    check_chip(
        "print(select(2, pcall(function() net.createServer('x') end)))
         print(select(2, pcall(function() net.createServer({}) end)))
         print(type(net.createServer()), type(net.createServer(nil)), type(net.createServer('30')), type(net.createServer(-5)))
         local udp = net.createServer(net.UDP)
         print(udp.send, udp.getaddr ~= nil)",
        100,
        "test.lua:1: bad argument #1 to 'createServer' (number expected, got string)
         test.lua:2: bad argument #1 to 'createServer' (number expected, got table)
         userdata\tuserdata\tuserdata\tuserdata
         nil\ttrue",
    );
}

// docs/behaviour.md §2.4
#[test]
fn create_udp_socket_ignores_its_arguments() {
    check_chip("print(type(net.createUDPSocket('x', {})), net.createUDPSocket():getaddr())", 100, "userdata\tnil\tnil");
}

// docs/behaviour.md §2.5
#[test]
fn ifinfo_describes_the_station() {
    check_chip(
        "local i = net.ifinfo()
         print(i.ip, i.netmask, i.gateway, #i.hwaddr, i.hwaddr:byte(1, 6))
         print(i.dhcp.server_ip, i.dhcp.client_ip, i.dhcp.ntp_server)
         print(select('#', net.ifinfo(1)), select('#', net.ifinfo(2)), select('#', net.ifinfo(-1)))
         print(select(2, pcall(function() net.ifinfo('x') end)))",
        100,
        "192.168.1.100\t255.255.255.0\t192.168.1.1\t6\t92\t207\t127\t0\t0\t1
         192.168.1.1\t192.168.1.100\t192.168.1.1
         0\t0\t0
         test.lua:5: bad argument #1 to 'ifinfo' (number expected, got string)",
    );
}

// docs/behaviour.md §2.5
#[test]
fn ifinfo_has_no_dhcp_table_without_a_client() {
    check_chip(
        "wifi.sta.setip{ip = '192.168.1.77', netmask = '255.255.255.0', gateway = '192.168.1.1'}
         local i = net.ifinfo(0)
         print(i.ip, i.netmask, i.gateway, i.dhcp)",
        100,
        "192.168.1.77\t255.255.255.0\t192.168.1.1\tnil",
    );
}

// docs/behaviour.md §2.6
#[test]
fn multicast_checks_its_texts_in_order() {
    check_chip(
        "local function try(...) local a = {...} print(select(2, pcall(function() net.multicastJoin(unpack(a, 1, 2)) end))) end
         try({}, '224.0.0.1')
         try('1.2.3', '224.0.0.1')
         try('any')
         try('', 'short')
         print(select('#', net.multicastJoin('ANY', '224.0.1.1')), select('#', net.multicastLeave('', '224.0.1.1')))
         print(pcall(function() net.multicastLeave('any', '224.0.1.1') net.multicastJoin('any', '10.0.0.1') end))",
        100,
        "test.lua:1: wrong arg type
         test.lua:1: invalid if ip
         test.lua:1: wrong arg type
         test.lua:1: invalid multicast ip
         0\t0
         true",
    );
}

// docs/behaviour.md §2.6
#[test]
fn a_member_of_a_group_hears_it() {
    let mut lab = Lab::chip()
        .board(
            "net.multicastJoin('any', '239.1.2.3')
             local u = net.createUDPSocket() u:listen(5000)
             u:on('receive', function(_, d, port, ip) print(d, ip) end)",
        )
        .board(
            "tmr.create():alarm(200, tmr.ALARM_SINGLE, function() net.createUDPSocket():send(5000, '239.1.2.3', 'to all') end)",
        );
    lab.run(1000);
    assert_console(&lab, 0, "to all\t192.168.1.101");
}

// docs/behaviour.md §2.7
#[test]
fn resolve_answers_later_with_nil_and_the_address() {
    check_chip(
        "net.dns.resolve('www.google.com', function(...) print(select('#', ...), (...), select(2, ...) ~= nil) end)
         print('asked')",
        3000,
        "asked
         2\tnil\ttrue",
    );
}

// docs/behaviour.md §2.7
#[test]
fn resolve_refuses_bad_names_and_a_fifth_lookup() {
    check_chip(
        "local function try(f) print(select(2, pcall(f))) end
         try(function() net.dns.resolve() end)
         try(function() net.dns.resolve('a') end)
         try(function() net.dns.resolve('', print) end)
         try(function() net.dns.resolve(('x'):rep(256), print) end)
         for i = 1, 4 do net.dns.resolve('nobody' .. i .. '.invalid', function() end) end
         try(function() net.dns.resolve('five.invalid', print) end)",
        100,
        "test.lua:2: bad argument #1 to 'resolve' (string expected, got no value)
         test.lua:3: bad argument #2 to 'resolve' (function expected, got no value)
         test.lua:4: illegal argument
         test.lua:5: illegal argument
         test.lua:7: out of memory",
    );
}

// docs/behaviour.md §2.7: NXDOMAIN is ignored
#[test]
fn an_unknown_name_fails_after_six_to_seven_seconds() {
    check_chip(
        "local t = tmr.now()
         net.dns.resolve('no.such.name.invalid', function(sk, ip)
           local s = (tmr.now() - t) / 1e6
           print(sk, ip, s >= 5.9 and s <= 7.1)
         end)",
        15000,
        "nil\tnil\ttrue",
    );
}

// docs/behaviour.md §2.7: a lookup that timed out gives its place free after its callback
#[test]
fn inside_the_callback_of_a_failed_lookup_its_place_is_still_taken() {
    check_chip(
        "local function again(_, ip)
           print(ip, pcall(net.dns.resolve, 'again.invalid', function() end))
         end
         for i = 1, 4 do net.dns.resolve('nobody' .. i .. '.invalid', again) end",
        7_500,
        "nil\tfalse\tout of memory\nnil\ttrue\nnil\ttrue\nnil\ttrue",
    );
}

// docs/behaviour.md §2.7
#[test]
fn a_second_server_doubles_the_patience() {
    check_chip(
        "net.dns.setdnsserver('192.168.1.1', 0)
         net.dns.setdnsserver('192.168.1.50', 1)
         local t = tmr.now()
         net.dns.resolve('no.such.name.invalid', function(sk, ip)
           local s = (tmr.now() - t) / 1e6
           print(ip, s >= 12.9 and s <= 14.1)
         end)",
        20000,
        "nil\ttrue",
    );
}

// docs/behaviour.md §2.7
#[test]
fn of_two_lookups_in_flight_the_later_is_answered_first() {
    check_chip(
        "net.dns.resolve('www.google.com', function() print('first') end)
         net.dns.resolve('www.nodemcu.com', function() print('second') end)",
        3000,
        "second\nfirst",
    );
}

// docs/behaviour.md §2.7
#[test]
fn without_a_network_a_lookup_fails_after_the_same_time() {
    check_chip(
        "wifi.sta.disconnect()
         local t = tmr.now()
         net.dns.resolve('www.google.com', function(sk, ip)
           local s = (tmr.now() - t) / 1e6
           print(ip, s >= 5.9 and s <= 7.1)
         end)",
        10000,
        "nil\ttrue",
    );
}

// docs/behaviour.md §2.8, §2.9
#[test]
fn dns_servers_are_set_and_read() {
    check_chip(
        "local function try(f) print(select(2, pcall(f))) end
         print(net.dns.getdnsserver(), net.dns.getdnsserver(1))
         net.dns.setdnsserver('8.8.8.8') net.dns.setdnsserver('192.168.1.252', 1)
         print(net.dns.getdnsserver(0), net.dns.getdnsserver(1))
         try(function() net.dns.setdnsserver('name') end)
         try(function() net.dns.setdnsserver('0.0.0.0') end)
         try(function() net.dns.setdnsserver('255.255.255.255') end)
         try(function() net.dns.setdnsserver('8.8.8.8          ') end)
         try(function() net.dns.setdnsserver('8.8.8.8', 2) end)
         try(function() net.dns.getdnsserver(2) end)
         print(select('#', net.dns.setdnsserver('1.1.1.1', -1)), net.dns.getdnsserver(-1), net.dns.getdnsserver())
         try(function() net.dns.getdnsserver('x') end)",
        100,
        "192.168.1.1\tnil
         8.8.8.8\t192.168.1.252
         test.lua:5: invalid dns server ip
         test.lua:6: invalid dns server ip
         test.lua:7: invalid dns server ip
         test.lua:8: invalid dns server ip
         test.lua:9: server index out of range [0-1]
         test.lua:10: server index out of range [0-1]
         0\tnil\t8.8.8.8
         test.lua:12: bad argument #1 to 'getdnsserver' (number expected, got string)",
    );
}

// docs/behaviour.md §2.9
#[test]
fn the_default_server_stays_without_a_lease() {
    let mut lab = Lab::chip().board_with(&[("init.lua", "print(net.dns.getdnsserver(0), net.dns.getdnsserver(1))")]);
    lab.run(0);
    assert_console(&lab, 0, "208.67.222.222\tnil");
}

// docs/behaviour.md §2.5: absent while there is none; index 0 does not exist without a station
#[test]
fn ifinfo_leaves_out_what_is_unset() {
    check_chip(
        "wifi.sta.disconnect()
         local i = net.ifinfo()
         print(i.ip, i.netmask, i.gateway, #i.hwaddr)
         wifi.setmode(wifi.SOFTAP)
         print(select('#', net.ifinfo(0)), net.ifinfo(1).ip)",
        500,
        "nil\tnil\tnil\t6\n0\t192.168.4.1",
    );
}

// docs/behaviour.md §2.6: what the stack refuses is silent
#[test]
fn joining_on_an_unknown_interface_is_silent() {
    check_chip(
        "print(pcall(net.multicastJoin, '10.9.8.7', '224.1.1.1'))
         print(pcall(net.multicastJoin, 1234567, '224.1.1.1'))
         print(pcall(net.multicastJoin, '192.168.1.1000', '224.1.1.1'))
         print(pcall(net.multicastJoin, '192.168.1.10001', '224.1.1.1'))",
        100,
        "true\ntrue\ntrue\ntrue",
    );
}

// docs/behaviour.md §2.7: `.local` and `localhost` go to the server like any name
#[test]
fn no_name_is_special() {
    let mut lab = Lab::chip().board(
        "net.dns.resolve('localhost', function(_, ip) print('localhost', ip) end)
         tmr.create():alarm(8000, tmr.ALARM_SINGLE, function()
           net.dns.resolve('board.local', function(_, ip) print('board.local', ip) end)
         end)",
    );
    lab.run(16_000);
    assert_console(&lab, 0, "localhost\tnil\nboard.local\tnil");
    for name in ["localhost", "board.local"] {
        let asked = lab.records().into_iter().filter(|record| {
            record.host == HostId(1) && matches!(&record.kind, Kind::DnsQuestion { name: asked, .. } if asked == name)
        });
        assert_eq!(asked.count(), 4, "{name}: at once and at ticks 1, 2 and 4");
    }
}

// docs/behaviour.md §2.8, §2.9: a lease overwrites the entries; a fixed address leaves the default
#[test]
fn a_lease_brings_its_name_servers() {
    check_chip(
        "net.dns.setdnsserver('8.8.8.8', 0)
         wifi.sta.disconnect() wifi.sta.connect()
         tmr.create():alarm(3000, tmr.ALARM_SINGLE, function() print(wifi.sta.getip() ~= nil, net.dns.getdnsserver(0)) end)",
        4000,
        "true\t192.168.1.1",
    );
    let mut lab = Lab::chip().board_with(&[(
        "init.lua",
        "wifi.sta.setip{ip = '192.168.1.77', netmask = '255.255.255.0', gateway = '192.168.1.1'}
         tmr.create():alarm(3000, tmr.ALARM_SINGLE, function() print((wifi.sta.getip()), net.dns.getdnsserver(0), net.dns.getdnsserver(1)) end)",
    )]);
    lab.run(1000);
    assert_console(&lab, 0, "192.168.1.77\t208.67.222.222\tnil");
}
