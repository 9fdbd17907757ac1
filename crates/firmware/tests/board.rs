//! Boot, console, tasks, errors, watchdog, restart, power.

mod bench;

use bench::*;
use firmware::{Input, PowerState};
use trace::{BootReason, Duration, Instant, Kind};

/// docs/behaviour.md §6.6: blank line, banner with tab-indented lines, `init.lua` before the first prompt.
#[test]
fn boot_prints_banner_then_runs_init_then_prompts() {
    let mut bench = Bench::running(config(), "print('hello')");
    let console = bench.take_console();
    let lines: Vec<&str> = console.split('\n').collect();
    assert_eq!(lines[0], "");
    assert!(lines[1].starts_with("NodeMCU 3.0.0.0 "), "{console}");
    assert_eq!(lines[2], "\tbranch: release");
    assert!(lines[9].starts_with("\tmodules: adc,bit,crypto,"), "{console}");
    assert!(lines[10].starts_with(" build ") && lines[10].contains(" powered by Lua 5.1.4 on SDK "), "{console}");
    assert_eq!(&lines[11..], ["hello", "> "]);
}

/// docs/behaviour.md §6.6: `Lua 5.3.6` in 5.3 builds.
#[test]
fn banner_names_lua_5_3() {
    assert!(Bench::running(lua_5_3(), "").take_console().contains(" powered by Lua 5.3.6 on SDK "));
}

/// docs/behaviour.md §6.6: trailing colon and space, then the prompt; no restart.
#[test]
fn missing_init_is_reported() {
    let mut bench = Bench::new(config(), &[]);
    bench.power_on();
    bench.run_for(Duration::from_secs(5));
    assert!(bench.take_console().ends_with("\ncannot open init.lua: \n> "));
    assert_eq!(bench.board.status().boots, 1);
}

/// docs/behaviour.md §6.6: an error in init.lua is printed with its traceback and without a prefix; boot continues.
#[test]
fn error_in_init_is_printed_and_boot_continues() {
    check(
        "local function f() error('boom') end\nf()",
        "init.lua:1: boom\nstack traceback:\n\t[C]: in function 'error'\n\tinit.lua:1: in function 'f'\n\tinit.lua:2: in main \
         chunk\n\t[C]: ?\n",
    );
}

/// docs/behaviour.md §6.6: a syntax error in init.lua.
#[test]
fn syntax_error_in_init_is_printed() {
    check("x =", "init.lua:1: unexpected symbol near '<eof>'\n");
}

/// docs/behaviour.md §6.6: results are printed, errors get a prefix and a tab, the prompt follows.
#[test]
fn console_runs_lines() {
    let mut bench = Bench::running(config(), "");
    assert_eq!(bench.type_in("print('a', 1)\n"), "print('a', 1)\na\t1\n> ");
    assert_eq!(bench.type_in("=1+1, 'x'\r\n"), "=1+1, 'x'\n2\tx\n> ");
    assert_eq!(bench.type_in("return nil\n"), "return nil\nnil\n> ");
    assert_eq!(bench.type_in("\n\n"), "\n> \n> ");
    assert_eq!(bench.type_in("1\n"), "1\nLua error: \tstdin:1: unexpected symbol near '1'\n> ");
    assert_eq!(
        bench.type_in("error('x')\n"),
        "error('x')\nLua error: \tstdin:1: x\nstack traceback:\n\t[C]: in function 'error'\n\tstdin:1: in main chunk\n\t[C]: ?\n> "
    );
}

/// docs/behaviour.md §6.6: `>> ` while the chunk ends too early.
#[test]
fn console_continues_incomplete_chunks() {
    let mut bench = Bench::running(config(), "");
    assert_eq!(bench.type_in("for i = 1, 2 do\nprint(i)\nend\n"), "for i = 1, 2 do\nprint(i)\nend\n>> >> 1\n2\n> ");
}

/// docs/behaviour.md §6.6: `_PROMPT` and `_PROMPT2` replace the prompts.
#[test]
fn prompts_can_be_replaced() {
    let mut bench = Bench::running(config(), "_PROMPT = 'lua> ' _PROMPT2 = 'more> '");
    assert!(bench.take_console().ends_with("lua> "));
    assert_eq!(bench.type_in("do\n"), "do\nmore> ");
    assert_eq!(bench.type_in("end\n"), "end\nlua> ");
}

/// docs/behaviour.md §6.6: BS and DEL edit the line.
#[test]
fn line_editing_reaches_the_interpreter() {
    let mut bench = Bench::running(config(), "");
    assert!(bench.type_in("=1x\x08+2\n").ends_with("\n3\n> "));
}

/// docs/behaviour.md §6.7: console errors do not restart the board, and events go on between lines.
#[test]
fn console_keeps_globals() {
    let mut bench = Bench::running(config(), "");
    bench.type_in("x = 5\nerror('y')\n");
    assert_eq!(bench.type_in("=x\n"), "=x\n5\n> ");
    assert_eq!(bench.board.status().boots, 1);
}

/// docs/behaviour.md §6.3: `node.input` runs lines as if typed, results and prompts included, without echo.
#[test]
fn node_input_runs_lines() {
    check("node.input('=1+1\\nprint(\"x\")\\n')", "2\n> x\n> ");
    check("node.input('=7') tmr.create():alarm(10, 0, function() node.input('\\n') end)", "7\n> ");
}

/// docs/behaviour.md §6.3: `node.output`'s function gets a pipe, and 0 keeps the serial port silent.
#[test]
fn node_output_gets_what_is_printed() {
    check(
        "local got = {}
         node.output(function(p) got[#got + 1] = p:read(100) return false end, 0)
         print('a', 1)
         tmr.create():alarm(100, 0, function() node.output() print((table.concat(got):gsub('\\n', '|'))) end)",
        "a\t1|\n",
    );
}

/// docs/behaviour.md §6.7: error and traceback are printed, the board restarts 2 s later, events keep running meanwhile.
#[test]
fn error_in_a_timer_restarts_after_2_s() {
    let program = "
        if file.exists('once') then return end
        file.putcontents('once', '1')
        tmr.create():alarm(100, tmr.ALARM_SINGLE, function() error('boom') end)
        tmr.create():alarm(1000, tmr.ALARM_AUTO, function() print('tick') end)";
    let mut bench = Bench::running(config(), program);
    assert_eq!(
        bench.output(),
        "init.lua:4: boom\nstack traceback:\n\t[C]: in function 'error'\n\tinit.lua:4: in function <init.lua:4>\ntick\ntick\n"
    );
    let boots: Vec<(u64, BootReason)> = bench
        .records()
        .into_iter()
        .filter_map(|record| match record.kind {
            Kind::Boot { reason } => Some((record.at.as_millis(), reason)),
            _ => None,
        })
        .collect();
    assert_eq!(boots.len(), 2);
    assert_eq!(boots[1].1, BootReason::SoftRestart);
    assert!((2266..2300).contains(&boots[1].0), "{boots:?}");
}

/// docs/behaviour.md §6.3, §6.7: `node.setonerror`'s function gets the text alone, and nothing restarts by itself.
#[test]
fn setonerror_replaces_the_restart() {
    check(
        "node.setonerror(function(...) print(select('#', ...), (...):match('^[^\\n]+')) end)
         tmr.create():alarm(100, 0, function() error('boom') end)
         tmr.create():alarm(5000, 0, function() print('still here') end)",
        "1\tinit.lua:2: boom\nstill here\n",
    );
}

/// docs/behaviour.md §11.2: 3 s of Lua without returning, then a reset with extended reason 3.
#[test]
fn endless_loop_meets_the_watchdog() {
    let mut bench = Bench::new(
        config(),
        &[("init.lua", "local _, reason = node.bootreason() print(reason) if reason == 0 then while true do end end")],
    );
    bench.power_on();
    bench.run_for(Duration::from_secs(10));
    let console = bench.take_console();
    assert!(console.contains("\n ets Jan  8 2013,rst cause:2, boot mode:(3,6)\n"), "{console}");
    assert!(console.ends_with("\n3\n> "), "{console}");
    let crash = bench.records().into_iter().find(|record| matches!(record.kind, Kind::Crash { .. })).unwrap();
    assert!((3166..3200).contains(&crash.at.as_millis()), "{}", crash.at);
}

/// docs/behaviour.md §11.1: `tmr.delay` blocks everything else and feeds the watchdog.
#[test]
fn delay_blocks_events_and_feeds_the_watchdog() {
    check(
        "tmr.create():alarm(1000, 0, function() print('timer', tmr.time()) end)
         tmr.delay(4500000) print('done', tmr.time())",
        "done\t4\ntimer\t4\n",
    );
}

/// The log says when a callback was due and when it ran.
#[test]
fn a_late_callback_shows_when_it_was_due() {
    let bench = Bench::running(config(), "tmr.create():alarm(100, 0, function() end) tmr.delay(500000)");
    let callback = bench.records().into_iter().find_map(|record| match record.kind {
        Kind::Callback { due, position, .. } => Some((record.at, due, position, record.cause)),
        _ => None,
    });
    let (at, due, position, cause) = callback.expect("the timer fired");
    assert!((266..268).contains(&due.as_millis()) && (666..668).contains(&at.as_millis()), "due {due}, ran {at}");
    assert_eq!(position.map(|position| position.line), Some(1));
    let cause = bench.trace.get(cause.unwrap()).unwrap();
    assert!(matches!(cause.kind, Kind::TimerSet { .. }));
}

/// docs/behaviour.md §6.3: the running Lua continues to its end first.
#[test]
fn restart_lets_lua_return_first() {
    check(
        "local _, reason = node.bootreason() print(reason) if reason == 0 then node.restart() print('after') end",
        "0\nafter\n4\n",
    );
}

/// Files survive a power cut; variables do not.
#[test]
fn power_cut_keeps_files() {
    let mut bench = Bench::running(config(), "print(x, file.getcontents('n')) x = 1 file.putcontents('n', 'kept')");
    bench.board.power_off(bench.now);
    assert_eq!(bench.board.status().power, PowerState::Off);
    bench.power_on();
    bench.run_for(Duration::from_secs(1));
    assert_eq!(bench.output(), "nil\nnil\tkept\n");
}

/// docs/behaviour.md §6.3, §11.5: deep sleep ends in a start with extended reason 5.
#[test]
fn deep_sleep_wakes_by_itself() {
    let program = "local _, reason = node.bootreason() print(reason) if reason == 0 then node.dsleep(5000000) end";
    let mut bench = Bench::new(config(), &[("init.lua", program)]);
    bench.power_on();
    bench.run_for(Duration::from_secs(2));
    assert_eq!(bench.board.status().power, PowerState::Asleep);
    bench.run_for(Duration::from_secs(8));
    assert_eq!(bench.output(), "0\n5\n");
}

/// docs/behaviour.md §6.3: the reset pin gives extended reason 6.
#[test]
fn reset_button_restarts() {
    let mut bench = Bench::running(config(), "print((select(2, node.bootreason())))");
    bench.board.input(bench.now, Input::Reset);
    bench.run_for(Duration::from_secs(1));
    assert_eq!(bench.output(), "0\n6\n");
}

/// docs/behaviour.md §6.3: higher priority first, first come first served within one; the function gets the priority.
#[test]
fn tasks_run_by_priority() {
    check(
        "for p = 0, 2 do for i = 1, 2 do node.task.post(p, function(q) print(q, i) end) end end
         node.task.post(function(q) print('default', q) end)",
        "2\t1\n2\t2\n1\t1\n1\t2\ndefault\t1\n0\t1\n0\t2\n",
    );
}

/// docs/behaviour.md §6.3: eight tasks of a priority wait at most; two spaces in the message for a bad one.
#[test]
fn task_queue_has_eight_places() {
    check(
        "local n = 0
         local ok, text
         repeat ok, text = pcall(node.task.post, 0, function() end) n = n + 1 until not ok
         print(n, text)
         print(pcall(function() node.task.post(3, print) end))",
        "9\tTask queue overflow. Task not posted\nfalse\tinit.lua:5: bad argument #1 to 'post' (invalid  priority)\n",
    );
}

/// A chip has about 45 kB; what does not fit raises `not enough memory`, and the board lives on.
#[test]
fn memory_is_limited() {
    let mut bench = Bench::running(
        config(),
        "print(node.heap() > 40000)
         local t = {}
         print(pcall(function() for i = 1, 1e6 do t[i] = 'number ' .. i end end))
         t = nil
         print(node.heap() > 20000)",
    );
    assert_eq!(bench.output(), "true\nfalse\tnot enough memory\ntrue\n");
}

/// docs/behaviour.md §6.3, §11.4: the heap shrinks by what a program keeps, at once, and grows when it lets go.
#[test]
fn heap_shows_what_is_kept() {
    for config in [config(), lua_5_3()] {
        let mut bench = Bench::running(
            config,
            "local start = node.heap()
             local text = ('x'):rep(10000)
             local one = start - node.heap()
             local t = {} for i = 1, 100 do t[i] = {i} end
             local two = start - one - node.heap()
             print(start > 40000 and start <= 45000, one >= 10000 and one < 10100, two > 100 * 40 and two < 100 * 120)
             text, t = nil, nil
             print(start - node.heap() < 200)",
        );
        assert_eq!(bench.output(), "true\ttrue\ttrue\ntrue\n");
    }
}

/// docs/behaviour.md §11.4: what is kept from callback to callback fills the heap until nothing fits any more.
#[test]
fn a_leak_ends_in_not_enough_memory() {
    let program = "kept, heap = {}, 0
        node.setonerror(function(e) print((e:match('^[^\\n]*')), heap < 2000) node.restart() end)
        tmr.create():alarm(100, tmr.ALARM_AUTO, function() heap = node.heap() kept[#kept + 1] = ('x'):rep(1000) .. #kept end)";
    let mut bench = Bench::new(config(), &[("init.lua", program)]);
    bench.power_on();
    bench.run_for(Duration::from_millis(6_000));
    let output = bench.take_console();
    assert!(output.contains("not enough memory"), "{output}");
    assert!(output.contains("\ttrue\n"), "{output}");
}

/// docs/behaviour.md §11.3: a missing module says once what it would be.
#[test]
fn missing_modules_explain_themselves() {
    let bench = Bench::running(config(), "\ni2c.setup(0, 1, 2, 3)");
    let hints = bench.hints();
    assert_eq!(hints.len(), 1);
    assert!(hints[0].1.starts_with("the module i2c (I2C bus) is not part of this playground"), "{hints:?}");
    assert_eq!(hints[0].0, 2);
}

/// docs/behaviour.md §6.8: the chip's `math` has no sine. The program meets nil, its author a hint.
#[test]
fn missing_library_functions_explain_themselves() {
    let mut bench = Bench::running(config(), "print(math.sin)\nprint(pcall(function() return math.sin(1) end))");
    assert_eq!(bench.output(), "nil\nfalse\tinit.lua:2: attempt to call field 'sin' (a nil value)\n");
    let hints = bench.hints();
    assert_eq!(hints.len(), 1, "{hints:?}");
    assert_eq!((hints[0].0, &hints[0].1[..10]), (2, "`math.sin`"));
}

/// An idle board has nothing to do.
#[test]
fn idle_board_needs_no_time() {
    let bench = Bench::running(config(), "x = 1");
    assert_eq!(bench.board.next_deadline(), None);
    assert!(bench.now > Instant::ZERO);
}

/// Equal seeds give equal consoles, other seeds other ones.
#[test]
fn runs_are_reproducible() {
    let program =
        "for i = 1, 5 do print(node.random(1000000), math.random(1000000)) end print({}, print, tmr.create())";
    let run = |seed| Bench::running(firmware::BoardConfig { seed, ..config() }, program).output();
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
