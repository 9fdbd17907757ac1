//! `wifi.ap` and boards that join it: `docs/behaviour.md` §6.2.

mod common;

use common::{Lab, assert_console, check_chip};

/// Opens an access point.
const ACCESS_POINT: &str = "wifi.setmode(wifi.STATIONAP) wifi.ap.config{ssid = 'mine', pwd = 'password'}\n";
/// Joins it.
const JOIN: &str = "tmr.create():alarm(500, tmr.ALARM_SINGLE, function()
    wifi.sta.config{ssid = 'mine', pwd = 'password', got_ip_cb = function(t) print(t.IP, t.gateway) joined() end}
end)\n";

// docs/behaviour.md §6.2
#[test]
fn config_says_what_is_wrong_with_its_table() {
    check_chip(
        "local function try(t) print(select(2, pcall(function() wifi.ap.config(t) end))) end
         try('x') try({}) try({ssid = ''}) try({ssid = 'x', pwd = 'short'}) try({ssid = 'x', auth = 5})
         try({ssid = 'x', channel = 14}) try({ssid = 'x', hidden = 2}) try({ssid = 'x', max = 5})
         try({ssid = 'x', beacon = 99}) try({ssid = 'x', staconnected_cb = 1})",
        100,
        "test.lua:1: bad argument #1 to 'config' (table expected, got string)
         test.lua:1: bad argument #1 to 'config' (ssid: required)
         test.lua:1: bad argument #1 to 'config' (ssid: length:1-32)
         test.lua:1: bad argument #1 to 'config' (pwd: length:0 or 8-64)
         test.lua:1: bad argument #1 to 'config' (auth: Range:0-4)
         test.lua:1: bad argument #1 to 'config' (channel: Range:1-13)
         test.lua:1: bad argument #1 to 'config' (hidden: 0 or 1)
         test.lua:1: bad argument #1 to 'config' (max: 1-4)
         test.lua:1: bad argument #1 to 'config' (beacon: 100-60000)
         test.lua:1: bad argument #1 to 'config' (staconnected_cb:not function)",
    );
}

// docs/behaviour.md §6.2
#[test]
fn an_access_point_has_its_own_subnet() {
    check_chip(
        &format!(
            "{ACCESS_POINT}
             print(wifi.ap.getip()) print(wifi.ap.getmac(), wifi.ap.getbroadcast()) print(wifi.ap.getconfig())
             local i = net.ifinfo(1) print(i.ip, i.netmask, i.gateway, i.dhcp)
             print(wifi.ap.dhcp.config{{start = '192.168.4.10'}})
             print(next(wifi.ap.getclient()))"
        ),
        100,
        "192.168.4.1\t255.255.255.0\t192.168.4.1
         5e:cf:7f:00:00:01\t192.168.4.255
         mine\tpassword
         192.168.4.1\t255.255.255.0\t192.168.4.1\tnil
         192.168.4.10\t192.168.4.13
         nil",
    );
}

// docs/behaviour.md §6.2
#[test]
fn a_station_joins_gets_a_lease_and_talks() {
    let mut lab = Lab::chip()
        .board(&format!(
            "{ACCESS_POINT}
             wifi.eventmon.register(wifi.eventmon.AP_STACONNECTED, function(t) print('joined', t.MAC, t.AID) end)
             net.createServer():listen(80, function(c)
               c:on('receive', function(s, d)
                 print(d)
                 for mac, ip in pairs(wifi.ap.getclient()) do print(mac, ip) end
                 s:send('welcome')
               end)
             end)"
        ))
        .board(&format!(
            "function joined()
               local sk = net.createConnection()
               sk:on('connection', function(s) s:send('hello') end)
               sk:on('receive', function(_, d) print(d) end)
               sk:connect(80, '192.168.4.1')
             end
             {JOIN}"
        ));
    lab.run(5000);
    assert_console(
        &lab,
        0,
        "joined\t5c:cf:7f:00:00:02\t1
         hello
         5c:cf:7f:00:00:02\t192.168.4.2",
    );
    assert_console(&lab, 1, "192.168.4.2\t192.168.4.1\nwelcome");
}

// docs/behaviour.md §6.2
#[test]
fn a_wrong_password_is_reason_fifteen() {
    let mut lab = Lab::chip().board(ACCESS_POINT).board(
        "tmr.create():alarm(500, tmr.ALARM_SINGLE, function()
           wifi.sta.config{ssid = 'mine', pwd = 'passw0rd', disconnect_cb = function(t) print(t.SSID, t.reason, wifi.sta.status()) end}
         end)",
    );
    lab.run(2000);
    assert_console(&lab, 1, "playground\t8\t1\nmine\t15\t2");
}

// docs/behaviour.md §6.2
#[test]
fn clients_leave_when_the_access_point_goes() {
    let mut lab = Lab::chip()
        .board(&format!(
            "{ACCESS_POINT}
             wifi.eventmon.register(wifi.eventmon.AP_STADISCONNECTED, function(t) print('left', t.MAC, t.AID) end)"
        ))
        .board(&format!(
            "function joined() wifi.sta.disconnect() end
             {JOIN}"
        ));
    lab.run(5000);
    assert_console(&lab, 0, "left\t5c:cf:7f:00:00:02\t1");
}

// docs/behaviour.md §6.2
#[test]
fn client_lists_need_an_access_point_and_scans_a_station() {
    check_chip(
        "print(select(2, pcall(function() wifi.ap.getclient() end)))
         wifi.setmode(wifi.SOFTAP)
         print(select(2, pcall(function() wifi.sta.getap(print) end)))
         print(select('#', net.ifinfo(0)), type(net.ifinfo(1)))",
        100,
        "test.lua:1: Can't list clients in STATION mode
         test.lua:3: Can't list ap in SOFTAP mode
         0\ttable",
    );
}

// docs/behaviour.md §8: the manual's channel 14
#[test]
fn the_manual_allows_channel_14() {
    let mut lab = Lab::manual().board("wifi.setmode(wifi.STATIONAP) print(wifi.ap.config{ssid = 'x', channel = 14})");
    lab.run(100);
    assert_console(&lab, 0, "true");
    assert!(lab.hints().iter().any(|hint| hint.contains("1 to 13")), "{:?}", lab.hints());
}
