//! What whole labs cost, against the goals: `cargo bench -p sim` (`cargo xtask bench sim`).
//!
//! Callbacks per second through Lua; idle boards per virtual second; and a class of 30 boards that each exchange ten
//! messages a second, against real time, with the causal log kept and discarded. CPU time is measured, not time on the
//! wall, so that a busy machine does no harm. What the stack alone costs is `cargo bench -p lan`.
#![allow(missing_docs, reason = "a benchmark")]

use cpu_time::ProcessTime;
use sim::lab::{BoardLab, FileContent};
use sim::{Lab, Simulation};
use trace::{Instant, Kind, Trace};

/// Records that the log keeps where it does: what a page keeps.
const RECORDS: usize = 100_000;
/// Until when boards boot, join and get their addresses.
const SETTLED_SECS: u64 = 20;
/// CPU milliseconds that 1,000 idle boards may cost per virtual second.
const IDLE_MS_GOAL: f64 = 1.0;
/// How much faster than real time a class of 30 boards is to run.
const CLASS_SPEED_GOAL: f64 = 20.0;

fn main() {
    callbacks();
    idle();
    class();
}

fn goal(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

fn lab(programs: impl Iterator<Item = String>) -> Lab {
    let board = |(index, program)| {
        let mut board = BoardLab::new(&format!("board{index}"));
        board.files.insert("init.lua".into(), FileContent::Text(program));
        board
    };
    Lab { boards: programs.enumerate().map(board).collect(), ..Lab::default() }
}

fn run(simulation: &mut Simulation, until_secs: u64) {
    simulation.advance(Instant::from_micros(until_secs * 1_000_000), u32::MAX);
    simulation.take_output();
}

/// CPU seconds that `secs` virtual seconds of a settled lab take, and the simulation after them.
fn measure(lab: Lab, trace: Trace, secs: u64) -> (f64, Simulation) {
    let mut simulation = Simulation::with_trace(lab, trace).expect("the lab is valid");
    run(&mut simulation, SETTLED_SECS);
    let start = ProcessTime::now();
    run(&mut simulation, SETTLED_SECS + secs);
    (start.elapsed().as_secs_f64(), simulation)
}

fn callbacks() {
    const SECS: u64 = 60;
    println!("callbacks through Lua, one board, a timer each millisecond");
    let program = "local n = 0 tmr.create():alarm(1, tmr.ALARM_AUTO, function() n = n + 1 end)";
    for (log, trace) in [("discarded", Trace::discarding()), ("kept", Trace::new(RECORDS))] {
        let (cpu, _) = measure(lab(std::iter::once(program.to_owned())), trace, SECS);
        println!("  log {log:9} {:9.0} callbacks/s", (SECS * 1000) as f64 / cpu);
    }
}

fn idle() {
    const SECS: u64 = 100;
    println!("idle boards that have joined no network, CPU time per virtual second");
    for count in [10, 100, 1000] {
        let mut lab = lab((0..count).map(|_| String::new()));
        lab.boards.iter_mut().for_each(|board| board.network = None);
        let (cpu, _) = measure(lab, Trace::new(RECORDS), SECS);
        let each_ms = cpu * 1000.0 / SECS as f64;
        let verdict = if count == 1000 { goal(each_ms < IDLE_MS_GOAL) } else { "" };
        println!("  {count:4} boards {each_ms:8.4} ms {verdict}");
    }
}

/// Each board sends its neighbour a message ten times a second, which the neighbour sends back.
fn class() {
    const SECS: u64 = 60;
    const BOARDS: usize = 30;
    println!("{BOARDS} boards, ten messages a second each, there and back");
    let program = |index: usize| {
        let next = 100 + (index + 1) % BOARDS;
        format!(
            r#"local udp = net.createUDPSocket()
            local count = 0
            udp:on("receive", function(s, data, port, ip)
              if data:sub(1, 1) == "q" then s:send(port, ip, "a" .. data:sub(2)) else count = count + 1 end
            end)
            udp:listen(7000)
            tmr.create():alarm(100, tmr.ALARM_AUTO, function() pcall(udp.send, udp, 7000, "192.168.1.{next}", "q" .. count) end)"#
        )
    };
    for (log, trace) in [("discarded", Trace::discarding()), ("kept", Trace::new(RECORDS))] {
        let keeps = log == "kept";
        let (cpu, simulation) = measure(lab((0..BOARDS).map(program)), trace, SECS);
        let speed = SECS as f64 / cpu;
        println!("  log {log:9} {speed:7.1} times real time {}", goal(speed >= CLASS_SPEED_GOAL));
        if keeps {
            let records = simulation.trace().since(None);
            let received = records.iter().filter(|record| is_receive(&record.kind)).count();
            assert!(received > 1000, "the boards talk to each other: {received} messages in the log");
        }
    }
}

fn is_receive(kind: &Kind) -> bool {
    matches!(kind, Kind::Callback { event, .. } if &*event.0 == "receive")
}
