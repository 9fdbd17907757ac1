//! `mqtt` against the broker of the built-in internet (mqtt manual).

mod common;

use common::{Lab, assert_console, check_chip, check_manual};
use trace::Kind;

#[test]
fn a_message_comes_back_to_its_subscriber() {
    // The manual's example, with the broker's name.
    let program = r#"
        m = mqtt.Client("clientid", 120)
        m:on("connect", function(client) print("connected", client == m) end)
        m:on("message", function(client, topic, data) print(topic .. ":", data) end)
        m:connect("test.mosquitto.org", 1883, false, function(client)
          print("accepted")
          print(client:subscribe("/topic", 0, function(client) print("subscribe success") end))
          print(client:publish("/topic", "hello", 0, 0, function(client) print("sent") end))
        end, function(client, reason) print("failed reason: " .. reason) end)
    "#;
    check_manual(program, 3000, "accepted\ntrue\ntrue\nsubscribe success\nsent\n/topic:\thello");
}

#[test]
fn every_quality_of_service_is_acknowledged() {
    for quality in 0..=2 {
        let program = format!(
            r#"
            local m = mqtt.Client("a", 60)
            m:on("message", function(_, topic, data) print("got " .. data) end)
            m:on("puback", function() print("published") end)
            m:connect("test.mosquitto.org", 1883, function(c)
              c:subscribe({{["t/+"] = {quality}, ["u"] = 0}}, function() c:publish("t/1", "x", {quality}, 0) end)
            end)
            "#
        );
        let mut lab = Lab::chip().board(&program);
        lab.run(5000);
        let mut lines = lab.console(0);
        lines.sort();
        assert_eq!(lines, ["got x", "published"], "quality {quality}");
    }
}

#[test]
fn two_boards_talk_and_an_empty_message_has_no_data() {
    let mut lab = Lab::manual()
        .board(
            r##"
            local m = mqtt.Client("one", 60)
            m:on("message", function(c, ...) print(select("#", ...), ...) end)
            m:connect("test.mosquitto.org", function(c) c:subscribe("from/#", 1) end)
            "##,
        )
        .board(
            r##"
            tmr.create():alarm(2000, tmr.ALARM_SINGLE, function()
              local m = mqtt.Client("two", 60)
              m:connect("test.mosquitto.org", function(c)
                c:publish("from/two", "hello", 1, 0)
                c:publish("from/two", "", 1, 0)
                c:unsubscribe("from/#", function() print("unsubscribed") end)
              end)
            end)
            "##,
        );
    lab.run(8000);
    assert_console(&lab, 0, "2\tfrom/two\thello\n1\tfrom/two");
    assert_console(&lab, 1, "unsubscribed");
}

#[test]
fn the_last_will_is_published_when_a_client_is_lost() {
    let mut lab = Lab::manual()
        .board(
            r#"
            local m = mqtt.Client("watcher", 60)
            m:on("message", function(_, topic, data) print(topic, data) end)
            m:connect("test.mosquitto.org", function(c) c:subscribe("lwt", 0) end)
            "#,
        )
        .board(
            r#"
            m = mqtt.Client("mortal", 5)
            m:lwt("lwt", "offline", 0, 0)
            m:connect("test.mosquitto.org")
            "#,
        );
    lab.run(3000);
    assert_console(&lab, 0, "");
    lab.power_off(1).run(20_000);
    assert_console(&lab, 0, "lwt\toffline");
}

#[test]
fn signs_of_life_keep_a_silent_client_connected() {
    let program = r#"
        m = mqtt.Client("quiet", 3)
        m:on("offline", function() print("offline") end)
        m:connect("test.mosquitto.org", function() print("connected") end)
    "#;
    check_manual(program, 60_000, "connected");
}

#[test]
fn a_lost_broker_is_offline_after_an_unanswered_sign_of_life() {
    let program = r#"
        m = mqtt.Client("me", 3)
        m:on("offline", function(c) print("offline", c == m, pcall(c.publish, c, "t", "x", 0, 0)) end)
        m:connect("test.mosquitto.org", function() print("connected") end)
    "#;
    let mut lab = Lab::manual().board(program);
    lab.run(3000).set_link(0, false).run(20_000);
    let lines = lab.console(0);
    assert_eq!(lines[0], "connected");
    assert!(lines[1].starts_with("offline\ttrue\tfalse") && lines[1].ends_with("not connected"), "{lines:?}");
}

#[test]
fn what_cannot_connect_says_why() {
    // mqtt manual: -5 nobody listens, -3 the name has no address, -4 it is no broker.
    for (host, port, millis, reason) in [
        ("192.168.1.1", 1884, 2000, "-5"),
        ("no.such.name", 1883, 9000, "-3"),
        ("echo.playground", 7, 4000, "-4"),
        ("lab.playground", 9, 9000, "-2"),
    ] {
        let program = format!(
            "m = mqtt.Client('me', 60)
             m:connect('{host}', {port}, function() print('connected') end, function(c, reason) print(c == m, reason) end)"
        );
        let mut lab = Lab::chip().board(&program);
        lab.run(millis);
        assert_console(&lab, 0, &format!("true\t{reason}"));
    }
}

#[test]
fn close_says_goodbye_and_nothing_follows() {
    let program = r#"
        m = mqtt.Client("me", 60)
        m:on("offline", function() print("offline") end)
        print(m:close())
        m:connect("test.mosquitto.org", function(c)
          print(pcall(c.connect, c, "test.mosquitto.org"))
          print(c:close(), c:close())
        end)
    "#;
    check_chip(program, 5000, "false\nfalse\talready connected\ntrue\tfalse");
}

#[test]
fn calls_without_a_connection_and_wrong_arguments_are_errors() {
    let program = r#"
        m = mqtt.Client()
        print(pcall(m.publish, m, "t", "x", 0, 0))
        print(pcall(m.subscribe, m, "t", 0))
        print(pcall(m.unsubscribe, m, "t"))
        print(pcall(m.on, m, "nothing", print))
        print(pcall(m.connect, m, "h", 1883, true))
        print(pcall(m.lwt, m, "t"))
        print(mqtt.CONN_FAIL_SERVER_NOT_FOUND, mqtt.CONNACK_REFUSED_NOT_AUTHORIZED)
    "#;
    let expected = "false\tnot connected\nfalse\tnot connected\nfalse\tnot connected\nfalse\tmethod not supported\n\
                    false\tssl not available\nfalse\tbad argument #3 to '?' (string expected, got no value)\n-5\t5";
    check_chip(program, 1000, expected);
}

#[test]
fn a_long_message_goes_in_part_to_overflow_and_the_next_one_is_whole() {
    let program = r#"
        m = mqtt.Client("me", 60, nil, nil, 1, 100)
        m = mqtt.Client("me", 60, "", "", 1, 100)
        m:on("message", function(_, topic, data) print("message", #data) end)
        m:on("overflow", function(_, topic, data) print("overflow", topic, #data) end)
        m:connect("test.mosquitto.org", function(c)
          c:subscribe("t", 0, function()
            c:publish("t", ("x"):rep(1300), 0, 0)
            c:publish("t", "short", 0, 0)
          end)
        end)
    "#;
    check_chip(program, 5000, "overflow\tt\t1300\nmessage\t5");
}

#[test]
fn an_error_in_a_handler_is_a_panic_on_a_chip() {
    // docs/behaviour.md §1.5
    let program = r#"mqtt.Client("me", 60):connect("test.mosquitto.org", function() error("oops") end)"#;
    let mut lab = Lab::chip().board(program);
    lab.run(3000);
    assert!(lab.raw_console(0).contains("PANIC: unprotected error in call to Lua API (test.lua:1: oops)"));
    assert!(lab.records().iter().any(|record| matches!(record.kind, Kind::Crash { .. })));
}
