//! Whole labs: callbacks through Lua, idle boards, a class that talks.

use std::fmt::Write;

use serde_json::json;
use sim::lab::{BoardLab, FileContent};
use sim::simulation::RECORDS_MAX;
use sim::view::HostKind;
use sim::{Lab, Simulation};
use trace::{Instant, Kind, Trace};

use crate::{Driver, verdict};

/// Until when boards boot, join and get their addresses. Every kind of lab begins with this.
const SETTLED_SECS: u64 = 40;
/// Measurements of each kind, of which the best counts.
const ROUNDS: usize = 3;
/// Milliseconds that 1,000 idle boards may cost per virtual second.
const IDLE_MS_GOAL: f64 = 1.0;
/// How much faster than real time a class of 30 boards is to run.
const CLASS_SPEED_GOAL: f64 = 20.0;

type MakeLog = fn() -> Trace;

/// Whether the log is kept, in a word, and such a log.
const LOGS: [(&str, MakeLog); 2] = [("discarded", Trace::discarding), ("kept", || Trace::new(RECORDS_MAX))];

pub(crate) fn run(driver: &Driver<'_>) {
    callbacks(driver);
    conversation(driver);
    idle(driver);
    class(driver);
}

fn lab(programs: impl IntoIterator<Item = String>) -> Lab {
    let board = |(index, program)| {
        let mut board = BoardLab::new(&format!("board{index}"));
        board.files.insert("init.lua".into(), FileContent::Text(program));
        board
    };
    Lab { boards: programs.into_iter().enumerate().map(board).collect(), ..Lab::default() }
}

fn go_on(simulation: &mut Simulation, until_secs: u64) -> Vec<Vec<u8>> {
    simulation.advance(Instant::from_micros(until_secs * 1_000_000), u32::MAX);
    simulation.take_output().into_values().collect()
}

/// The seconds that `secs` virtual seconds of the settled lab take at best, the simulation after them and what its boards
/// printed meanwhile.
fn measure(driver: &Driver<'_>, lab: &Lab, log: MakeLog, secs: u64) -> (f64, Simulation, Vec<Vec<u8>>) {
    let once = || {
        let mut simulation = Simulation::with_trace(lab.clone(), log()).expect("the lab is valid");
        go_on(&mut simulation, SETTLED_SECS);
        let mut printed = Vec::new();
        let seconds = driver.time(|| printed = go_on(&mut simulation, SETTLED_SECS + secs));
        (seconds, simulation, printed)
    };
    (1..ROUNDS).fold(once(), |best, _| {
        let next = once();
        if next.0 < best.0 { next } else { best }
    })
}

fn callbacks(driver: &Driver<'_>) {
    const SECS: u64 = 60;
    if !driver.begins("callbacks through Lua: one board, a timer each millisecond") {
        return;
    }
    let program = "local n = 0 tmr.create():alarm(1, tmr.ALARM_AUTO, function() n = n + 1 end)";
    for (word, log) in LOGS {
        let (seconds, ..) = measure(driver, &lab([program.to_owned()]), log, SECS);
        (driver.tell)(&format!("  log {word:9} {:9.0} callbacks/s", (SECS * 1000) as f64 / seconds));
    }
}

/// Two boards whose programs move bytes by `net`: a segment, its acknowledgement, the next segment.
fn conversation(driver: &Driver<'_>) {
    const SECS: u64 = 60;
    if !driver.begins("payload and callbacks through Lua: one board sends to another, a segment at each `sent`") {
        return;
    }
    let server = r#"
        local received, callbacks = 0, 0
        net.createServer(net.TCP):listen(80, function(s)
          s:on("receive", function(_, data) received, callbacks = received + #data, callbacks + 1 end)
        end)
        tmr.create():alarm(10000, tmr.ALARM_AUTO, function()
          print(received, callbacks)
          received, callbacks = 0, 0
        end)"#;
    let client = r#"
        local data = ("x"):rep(1460)
        local c = net.createConnection(net.TCP)
        c:on("connection", function(s) s:send(data) end)
        c:on("sent", function(s) s:send(data) end)
        tmr.create():alarm(2000, tmr.ALARM_SINGLE, function() c:connect(80, "192.168.1.100") end)"#;
    for (word, log) in LOGS {
        let (seconds, _, printed) = measure(driver, &lab([server.to_owned(), client.to_owned()]), log, SECS);
        let text = String::from_utf8_lossy(&printed[0]);
        let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let bytes: f64 = numbers.iter().step_by(2).sum();
        let callbacks: f64 = numbers.iter().skip(1).step_by(2).sum();
        assert!(callbacks > 100.0, "the boards talk to each other: {text}");
        // Each `receive` at one end has its `sent` at the other.
        let (rate, callbacks) = (bytes / 1e6 / seconds, 2.0 * callbacks / seconds);
        (driver.tell)(&format!("  log {word:9} {rate:6.1} MB/s {callbacks:9.0} callbacks/s"));
    }
}

/// What idle boards add to the cost of two that talk to each other: with nothing else going on there would be nothing to
/// advance.
fn idle(driver: &Driver<'_>) {
    const SECS: u64 = 100;
    if !driver.begins("idle boards that have joined the network, beside two that talk, per virtual second") {
        return;
    }
    let alone = measure(driver, &crowd(0), LOGS[1].1, SECS).0;
    for count in [10, 100, 1000] {
        let (seconds, simulation, _) = measure(driver, &crowd(count), LOGS[1].1, SECS);
        let hosts = simulation.map().hosts;
        let with_address = hosts.iter().filter(|host| host.kind == HostKind::Board && host.up).count();
        assert_eq!(with_address, count + 2, "every board has an address");
        let each_ms = (seconds - alone).max(0.0) * 1000.0 / SECS as f64;
        let mut line = format!("  {count:4} boards {each_ms:8.4} ms");
        if count == 1000 {
            let _ = write!(line, "  {}", verdict(each_ms < IDLE_MS_GOAL));
        }
        (driver.tell)(&line);
    }
}

/// Two boards that talk, and `idle` boards without a program, in a network that has addresses for them.
fn crowd(idle: usize) -> Lab {
    let talking = [talker("192.168.2.1"), talker("192.168.2.0")];
    let mut lab = lab(talking.into_iter().chain((0..idle).map(|_| String::new())));
    let router = json!({ "prefixLength": 16, "poolFirst": "192.168.2.0", "poolLast": "192.168.9.255" });
    lab.world.built_in.insert("router".into(), router);
    // At one instant a thousand would not get in: every question for an address goes to all.
    for (index, board) in lab.boards.iter_mut().enumerate() {
        board.power_on_ms = Some(index as f64 * 20.0);
    }
    lab
}

/// Sends `other` a message ten times a second and sends each message of `other` back.
fn talker(other: &str) -> String {
    format!(
        r#"local udp = net.createUDPSocket()
        local count = 0
        udp:on("receive", function(s, data, port, ip)
          if data:sub(1, 1) == "q" then s:send(port, ip, "a" .. data:sub(2)) else count = count + 1 end
        end)
        udp:listen(7000)
        tmr.create():alarm(100, tmr.ALARM_AUTO, function() pcall(udp.send, udp, 7000, "{other}", "q" .. count) end)"#
    )
}

fn class(driver: &Driver<'_>) {
    const SECS: u64 = 60;
    const BOARDS: usize = 30;
    if !driver.begins("a class: 30 boards, each sends its neighbour ten messages a second, which come back") {
        return;
    }
    let program = |index: usize| talker(&format!("192.168.1.{}", 100 + (index + 1) % BOARDS));
    let lab = lab((0..BOARDS).map(program));
    for (word, log) in LOGS {
        let (seconds, simulation, _) = measure(driver, &lab, log, SECS);
        let speed = SECS as f64 / seconds;
        (driver.tell)(&format!("  log {word:9} {speed:7.1} times real time  {}", verdict(speed >= CLASS_SPEED_GOAL)));
        if simulation.trace().keeps_records() {
            let records = simulation.trace().since(None);
            let received = records.iter().filter(|record| is_receive(&record.kind)).count();
            assert!(received > 1000, "the boards talk to each other: {received} messages in the log");
        }
    }
}

fn is_receive(kind: &Kind) -> bool {
    matches!(kind, Kind::Callback { event, .. } if &*event.0 == "receive")
}
