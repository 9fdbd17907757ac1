//! `wifi` and `wifi.sta`: `docs/behaviour.md` §6.2.

mod common;

use common::{Lab, assert_console, check_chip};

// docs/behaviour.md §6.2
#[test]
fn constants_have_the_sdks_values() {
    check_chip(
        "print(wifi.NULLMODE, wifi.STATION, wifi.SOFTAP, wifi.STATIONAP)
         print(wifi.STA_IDLE, wifi.STA_CONNECTING, wifi.STA_WRONGPWD, wifi.STA_APNOTFOUND, wifi.STA_FAIL, wifi.STA_GOTIP)
         print(wifi.OPEN, wifi.WPA_PSK, wifi.WPA2_PSK, wifi.WPA_WPA2_PSK)
         print(wifi.eventmon.STA_GOT_IP, wifi.eventmon.WIFI_MODE_CHANGED, wifi.eventmon.reason.ASSOC_LEAVE,
               wifi.eventmon.reason['4WAY_HANDSHAKE_TIMEOUT'], wifi.eventmon.reason.NO_AP_FOUND)",
        100,
        "0\t1\t2\t3
         0\t1\t2\t3\t4\t5
         0\t2\t3\t4
         3\t8\t8\t15\t201",
    );
}

// docs/behaviour.md §6.2
#[test]
fn a_board_joins_the_stored_network_at_boot() {
    check_chip(
        "print(wifi.getmode(), wifi.sta.status(), wifi.sta.getip())
         print(wifi.sta.getmac(), wifi.sta.gethostname(), wifi.sta.getbroadcast())
         print(wifi.sta.getrssi() < 0, wifi.getchannel(), wifi.sta.getconfig())",
        100,
        "1\t5\t192.168.1.100\t255.255.255.0\t192.168.1.1
         5c:cf:7f:00:00:01\tNODE-000001\t192.168.1.255
         true\t6\tplayground\t\t0\t00:00:00:00:00:00",
    );
}

// docs/behaviour.md §6.2
#[test]
fn on_a_chip_the_program_starts_before_the_network() {
    let mut lab = Lab::chip().board_with(&[(
        "init.lua",
        "print(wifi.sta.getip(), wifi.sta.status(), wifi.sta.getrssi())
         wifi.eventmon.register(wifi.eventmon.STA_CONNECTED, function(t) print('connected', t.SSID, t.channel, #t.BSSID) end)
         wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(t) print('ip', t.IP, t.netmask, t.gateway) end)",
    )]);
    lab.run(0);
    assert_console(
        &lab,
        0,
        "nil\t1\tnil
         connected\tplayground\t6\t17
         ip\t192.168.1.100\t255.255.255.0\t192.168.1.1",
    );
}

// The manual's programs assume a network: there the program waits for it, and still hears of it.
#[test]
fn by_the_manual_the_program_starts_with_a_network_and_hears_of_it() {
    let mut lab = Lab::manual().board_with(&[(
        "init.lua",
        "print((wifi.sta.getip()))
         wifi.eventmon.register(wifi.eventmon.STA_CONNECTED, function(t) print('connected', t.SSID) end)
         wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(t) print('ip', t.IP) end)",
    )]);
    lab.run(0);
    assert_console(&lab, 0, "192.168.1.100\nconnected\tplayground\nip\t192.168.1.100");
}

// docs/behaviour.md §6.2
#[test]
fn setmode_checks_and_reports() {
    check_chip(
        "wifi.eventmon.register(wifi.eventmon.WIFI_MODE_CHANGED, function(t) print('mode', t.old_mode, t.new_mode, t.old_auth_mode) end)
         print(pcall(function() wifi.setmode(4) end))
         print(pcall(function() wifi.setmode('x') end))
         print(pcall(function() wifi.setmode(1, 5) end))
         print(wifi.setmode(wifi.NULLMODE, false), wifi.getmode(), wifi.getdefaultmode(), wifi.sta.getip())",
        500,
        "false\ttest.lua:2: bad argument #1 to 'setmode' (Invalid mode)
         false\ttest.lua:3: bad argument #1 to 'setmode' (number expected, got string)
         false\ttest.lua:4: bad argument #2 to 'setmode' (boolean expected, got number)
         0\t0\t1\tnil
         mode\t1\t0\tnil",
    );
}

// docs/behaviour.md §6.2
#[test]
fn config_says_what_is_wrong_with_its_table() {
    check_chip(
        "local function try(t) print(select(2, pcall(function() wifi.sta.config(t) end))) end
         try() try('ssid') try({}) try({ssid = {}}) try({ssid = ('x'):rep(33)}) try({ssid = 'x', pwd = {}})
         try({ssid = 'x', pwd = ('x'):rep(65)}) try({ssid = 'x', bssid = {}}) try({ssid = 'x', auto = 1})
         try({ssid = 'x', save = 1}) try({ssid = 'x', connect_cb = 1}) try({ssid = 'x', got_ip_cb = 1})",
        100,
        "test.lua:1: bad argument #1 to 'config' (config table not found!)
         test.lua:1: bad argument #1 to 'config' (config table not found!)
         test.lua:1: bad argument #1 to 'config' (ssid required)
         test.lua:1: bad argument #1 to 'config' (ssid:not string)
         test.lua:1: bad argument #1 to 'config' (ssid: length:0-32)
         test.lua:1: bad argument #1 to 'config' (pwd:not string)
         test.lua:1: bad argument #1 to 'config' (pwd: length:0-64)
         test.lua:1: bad argument #1 to 'config' (bssid:not string)
         test.lua:1: bad argument #1 to 'config' (auto:not boolean)
         test.lua:1: bad argument #1 to 'config' (save:not boolean)
         test.lua:1: bad argument #1 to 'config' (connect_cb:not function)
         test.lua:1: bad argument #1 to 'config' (gotip_cb:not function)",
    );
}

// docs/behaviour.md §6.2
#[test]
fn config_leaves_and_joins_with_events_in_order() {
    check_chip(
        "print(wifi.sta.config{ssid = 'playground', pwd = 'anything',
           disconnect_cb = function(t) print('disconnected', t.SSID, t.reason) end,
           connect_cb = function(t) print('connected', t.SSID) end,
           got_ip_cb = function(t) print('ip', t.IP) end})",
        3000,
        "true
         disconnected\tplayground\t8
         connected\tplayground
         ip\t192.168.1.100",
    );
}

// docs/behaviour.md §6.2: failed joins produce repeated STA_DISCONNECTED
#[test]
fn an_unknown_network_is_tried_again_and_again() {
    let mut lab = Lab::chip().board(
        "wifi.eventmon.register(wifi.eventmon.STA_DISCONNECTED, function(t) print(t.SSID, t.reason, wifi.sta.status()) end)
         wifi.sta.config{ssid = 'nowhere', pwd = '12345678'}",
    );
    lab.run(6000);
    let console = lab.console(0);
    assert_eq!(console[0], "playground\t8\t1");
    assert!(console.len() >= 3, "{console:?}");
    assert!(console[1..].iter().all(|line| line == "nowhere\t201\t3"), "{console:?}");
}

// docs/behaviour.md §6.2, §4.9
#[test]
fn a_lost_access_point_takes_the_address_away_until_it_is_back() {
    let mut lab = Lab::chip().board(
        "wifi.eventmon.register(wifi.eventmon.STA_DISCONNECTED, function(t) print('disconnected', t.reason, wifi.sta.getip()) end)
         wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(t) print('ip', t.IP) end)",
    );
    lab.run(100);
    lab.disassociate(0);
    lab.run(5000);
    assert_console(&lab, 0, "disconnected\t200\tnil\nip\t192.168.1.100");
}

// docs/behaviour.md §6.2
#[test]
fn connect_and_disconnect_fill_the_event_slots() {
    check_chip(
        "wifi.sta.disconnect(function(t)
           print('disconnected', t.reason, wifi.sta.status())
           wifi.sta.connect(function(t) print('connected', t.SSID) end)
         end)",
        2000,
        "disconnected\t8\t0\nconnected\tplayground",
    );
}

// docs/behaviour.md §6.2
#[test]
fn a_fixed_address_stops_the_dhcp_client() {
    check_chip(
        "print(pcall(function() wifi.sta.setip('1.2.3.4') end))
         wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(t) print('ip', t.IP) end)
         print(wifi.sta.setip{ip = '192.168.1.77', netmask = '255.255.255.0', gateway = '192.168.1.1'})
         print(wifi.sta.getip())
         tmr.create():alarm(200, tmr.ALARM_SINGLE, function() wifi.sta.disconnect() wifi.sta.connect() end)",
        2000,
        "false\ttest.lua:1: wrong arg type
         true
         192.168.1.77\t255.255.255.0\t192.168.1.1
         ip\t192.168.1.77
         ip\t192.168.1.77",
    );
}

// docs/behaviour.md §6.2
#[test]
fn hostnames_are_checked() {
    check_chip(
        "for _, n in ipairs{'', '-a', 'a-', 'a_b', ('a'):rep(33)} do
           print(select(2, pcall(function() wifi.sta.sethostname(n) end)))
         end
         print(wifi.sta.sethostname('my-node'), wifi.sta.gethostname())",
        100,
        "test.lua:2: bad argument #1 to 'sethostname' (Invalid hostname)
         test.lua:2: bad argument #1 to 'sethostname' (Invalid hostname)
         test.lua:2: bad argument #1 to 'sethostname' (Invalid hostname)
         test.lua:2: bad argument #1 to 'sethostname' (Invalid hostname)
         test.lua:2: bad argument #1 to 'sethostname' (Invalid hostname)
         true\tmy-node",
    );
}

// docs/behaviour.md §6.2
#[test]
fn getap_lists_networks_in_both_formats() {
    check_chip(
        "wifi.sta.getap(function(t)
           for ssid, v in pairs(t) do print(ssid, (v:gsub('%x%x:%x%x:%x%x:%x%x:%x%x:%x%x', 'BSSID'))) end
           wifi.sta.getap(1, function(t)
             for bssid, v in pairs(t) do print(#bssid, v) end
             wifi.sta.getap({ssid = 'other'}, function(t) print(next(t)) end)
           end)
         end)
         print(pcall(function() wifi.sta.getap('x') end))",
        8000,
        "false\ttest.lua:8: wrong arg type
         playground\t3,-48,BSSID,6
         17\tplayground,-48,3,6
         nil",
    );
}

// docs/behaviour.md §6.2
#[test]
fn eventmon_refuses_unknown_events_and_unregisters() {
    check_chip(
        "print(select(2, pcall(function() wifi.eventmon.register(11, print) end)))
         wifi.eventmon.register(wifi.eventmon.STA_DISCONNECTED, function() print('never') end)
         wifi.eventmon.unregister(wifi.eventmon.STA_DISCONNECTED)
         wifi.sta.disconnect()",
        1000,
        "test.lua:1: valid wifi events:0-10",
    );
}

// docs/behaviour.md §6.2, §6.7
#[test]
fn eventmon_callbacks_are_protected() {
    let mut lab = Lab::chip().board(
        "node.setonerror(function(e) print('onerror', (e:match('^[^\\n]*'))) end)
         wifi.sta.disconnect(function() error('oops') end)",
    );
    lab.run(500);
    assert_console(&lab, 0, "onerror\ttest.lua:2: oops");
}

// docs/behaviour.md §8: wifi.md's connected_cb and disconnected_cb
#[test]
fn the_manuals_names_of_handlers_work_in_its_profile() {
    let mut lab = Lab::manual().board(
        "wifi.sta.config{ssid = 'playground', connected_cb = function(t) print('connected') end,
           disconnected_cb = function(t) print('disconnected') end}",
    );
    lab.run(2000);
    assert_console(&lab, 0, "disconnected\nconnected");
    assert!(lab.hints().iter().any(|hint| hint.contains("connect_cb")), "{:?}", lab.hints());
}

// docs/behaviour.md §6.2: the positional form is gone, and welcome where both generations are
#[test]
fn the_positional_form_works_with_a_hint() {
    let mut lab = Lab::manual().board("print(wifi.sta.config('playground', 'secret'))");
    lab.run(2000);
    assert_console(&lab, 0, "true");
    assert!(lab.hints().iter().any(|hint| hint.contains("wifi.sta.config(ssid, pwd)")), "{:?}", lab.hints());
}

// docs/behaviour.md §6.2
#[test]
fn what_is_saved_survives_a_restart() {
    let mut lab = Lab::chip().board(
        "if not file.exists('once') then
           file.putcontents('once', '')
           wifi.sta.config{ssid = 'kept', auto = false}
           wifi.setmode(wifi.STATIONAP)
           node.restart()
         else
           print((wifi.sta.getdefaultconfig()), (wifi.sta.getconfig()), wifi.getmode(), wifi.sta.status())
         end",
    );
    lab.run(6000);
    let console = lab.raw_console(0);
    assert!(console.contains("kept\tkept\t3\t0"), "{console}");
}
