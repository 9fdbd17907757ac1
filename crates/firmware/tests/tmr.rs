//! `tmr`: docs/behaviour.md §6.1.

mod bench;

use bench::*;
use trace::Duration;

#[test]
fn constants_and_clocks() {
    check(
        "print(tmr.ALARM_SINGLE, tmr.ALARM_AUTO, tmr.ALARM_SEMI) print(tmr.time())
         local t = tmr.now() tmr.delay(1000) print(tmr.now() - t >= 1000, tmr.now() - t < 3000)
         print(type(tmr.ccount()), select('#', tmr.wdclr()))",
        "0\t1\t2\n0\ntrue\ttrue\nnumber\t0\n",
    );
}

#[test]
fn single_timer_is_forgotten_before_its_callback() {
    check(
        "local t = tmr.create() print(t:state())
         print(t:alarm(50, tmr.ALARM_SINGLE, function(self) print(self == t, self:state(), self:start()) end))
         print(t:state())",
        "nil\ntrue\ntrue\t0\ntrue\tnil\tfalse\n",
    );
}

#[test]
fn auto_timer_repeats_until_stopped() {
    check(
        "local n = 0
         tmr.create():alarm(100, tmr.ALARM_AUTO, function(t) n = n + 1 print(n, t:state()) if n == 3 then print(t:stop(), t:stop(), t:state()) end end)",
        "1\ttrue\t1\n2\ttrue\t1\n3\ttrue\t1\ntrue\tfalse\tfalse\t1\n",
    );
}

#[test]
fn semi_timer_is_idle_in_its_callback_and_starts_again() {
    check(
        "local n = 0
         tmr.create():alarm(100, tmr.ALARM_SEMI, function(t) n = n + 1 print(n, t:state()) if n < 3 then print(t:start()) end end)",
        "1\tfalse\t2\ntrue\n2\tfalse\t2\ntrue\n3\tfalse\t2\n",
    );
}

#[test]
fn register_start_stop_unregister() {
    check(
        "local t = tmr.create()
         print(select('#', t:register(100, tmr.ALARM_AUTO, function() print('never') end)))
         print(t:state()) print(t:start()) print(t:start()) print(t:start(true)) print(t:stop()) print(t:stop())
         t:unregister() print(t:state()) print(t:start()) print(t:stop())",
        "0\nfalse\t1\ntrue\nfalse\ntrue\ntrue\nfalse\nnil\nfalse\nfalse\n",
    );
}

#[test]
fn interval_restarts_a_running_timer() {
    check(
        "local t = tmr.create()
         t:alarm(10000, 0, function() print(tmr.time()) end)
         t:interval(3000)",
        "3\n",
    );
}

#[test]
fn errors_name_the_argument_without_self() {
    check_errors(&[
        ("tmr.create():register(0, 0, print)", "bad argument #1 to 'register' (Range: 1-0x68D7A3)"),
        ("tmr.create():alarm(6870948, 0, print)", "bad argument #1 to 'alarm' (Range: 1-0x68D7A3)"),
        ("tmr.create():alarm(1, 3, print)", "bad argument #2 to 'alarm' (Invalid mode)"),
        ("tmr.create():alarm(1, 0)", "bad argument #3 to 'alarm' (Must be function)"),
        ("tmr.create():start(1)", "bad argument #1 to 'start' (boolean expected)"),
        ("tmr.delay(0)", "bad argument #1 to 'delay' (wrong arg range)"),
        ("tmr.create().start()", "bad argument #1 to 'start' (tmr.timer expected, got no value)"),
        ("tmr.x = 1", "invalid write to ROM variable"),
    ]);
}

/// Running timers are anchored; registered ones are not.
#[test]
fn running_timers_live_without_references() {
    check(
        "tmr.create():alarm(1000, 0, function() print('fired') end)
         weak = setmetatable({tmr.create()}, {__mode = 'v'}) weak[1]:register(10, 0, print)
         tmr.create():alarm(2000, 0, function() collectgarbage() print(weak[1]) end)",
        "fired\nnil\n",
    );
}

/// docs/behaviour.md §11.1: a timer that was kept waiting does not make up for what it missed.
#[test]
fn late_auto_timer_fires_once() {
    check(
        "local n = 0
         tmr.create():alarm(100, tmr.ALARM_AUTO, function(t) n = n + 1 end)
         tmr.delay(1050000)
         tmr.create():alarm(30, 0, function() print(n) end)",
        "1\n",
    );
}

#[test]
fn softwd_restarts_unless_called_again() {
    check(
        "local _, reason = node.bootreason() print(reason)
         if reason == 0 then tmr.softwd(3) tmr.create():alarm(2000, 0, function() print('again') tmr.softwd(2) end) end",
        "0\nagain\n4\n",
    );
    check("tmr.softwd(2) tmr.softwd(-1)", "");
}

/// The numbered timers of 2.x work unless the release is 3.0, with one hint for each line.
#[test]
fn numbered_timers_are_removed_names() {
    let program = "for i = 1, 2 do\n tmr.alarm(0, 100, tmr.ALARM_SINGLE, function() print('old', tmr.state(0)) end)\nend\ntmr.stop(1)";
    let mut bench = Bench::running(config(), program);
    assert_eq!(bench.output(), "old\tnil\n");
    let hints = bench.hints();
    assert_eq!(hints.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4, 2]);
    assert_eq!(hints[0].1, "tmr.alarm was removed from the firmware in release 3.0; use tmr.create():alarm()");
    check_on(release_3_0(), "print(tmr.alarm, tmr.start)", "nil\tnil\n");
}

#[test]
fn suspend_is_absent() {
    check("print(tmr.create().suspend, tmr.suspend_all)", "nil\tnil\n");
}

/// A cut of the power ends all timers.
#[test]
fn timers_end_with_the_power() {
    let mut bench = Bench::new(config(), &[("init.lua", "tmr.create():alarm(500, 0, function() print('fired') end)")]);
    bench.power_on();
    bench.run_for(Duration::from_millis(300));
    bench.board.power_off(bench.now);
    bench.run_for(Duration::from_secs(2));
    assert!(!bench.take_console().contains("fired"));
}
