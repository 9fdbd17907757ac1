//! The debugger of a lab: where programs stop, and that stopping leaves no mark on a run.

use sim::debug::Resume;
use sim::lab::Input;
use sim::{InputError, Lab, Progress, Simulation};
use trace::Instant;

const PROGRAM: &str = "\
local count = 0
tmr.create():alarm(100, tmr.ALARM_AUTO, function()
  count = count + 1
  print('tick', count, tmr.now())
  if count == 2 then
    net.createUDPSocket():send(7, '192.168.1.1', 'hello')
  end
end)
";

fn lab() -> Lab {
    let json = serde_json::json!({
        "version": 1,
        "boards": [{ "name": "esp", "files": { "init.lua": PROGRAM } }, { "name": "other", "files": { "init.lua": PROGRAM } }],
    });
    Lab::from_json(&json.to_string()).unwrap_or_else(|error| panic!("{error}"))
}

fn simulation() -> Simulation {
    Simulation::new(lab()).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs to the end of the lab or to a stop.
fn go(simulation: &mut Simulation, until_ms: u64) -> Progress {
    loop {
        match simulation.advance(Instant::from_micros(until_ms * 1000), 10_000) {
            Progress::Unfinished => {}
            progress => return progress,
        }
    }
}

/// What the first board has printed.
fn console(simulation: &mut Simulation) -> String {
    simulation.take_output().values().next().map_or(String::new(), |bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// Compares line by line, so that a failure shows the first difference.
#[track_caller]
fn same(a: &str, b: &str) {
    for (a, b) in a.lines().zip(b.lines()) {
        assert_eq!(a, b);
    }
    assert_eq!(a.lines().count(), b.lines().count());
}

fn line(simulation: &mut Simulation) -> Option<u32> {
    simulation.paused()?.position.map(|position| position.line)
}

#[test]
fn time_stands_still_while_a_program_is_stopped() {
    let mut simulation = simulation();
    simulation.set_breakpoints("esp", "init.lua", &[4]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(go(&mut simulation, 10_000), Progress::Paused);
    let now = simulation.now();
    assert_eq!(go(&mut simulation, 10_000), Progress::Paused);
    assert_eq!(simulation.now(), now);
    let pause = simulation.paused().unwrap_or_else(|| panic!("not stopped"));
    assert_eq!(pause.levels[0].upvalues[0].text, "1");
    simulation.resume(Resume::Over);
    assert_eq!(go(&mut simulation, 10_000), Progress::Paused);
    assert_eq!(line(&mut simulation), Some(5));
    simulation.set_breakpoints("esp", "init.lua", &[]).unwrap_or_else(|error| panic!("{error}"));
    simulation.resume(Resume::Continue);
    assert_eq!(go(&mut simulation, 10_000), Progress::Reached);
    assert_eq!(simulation.paused(), None);
}

#[test]
fn a_pause_stops_the_next_callback() {
    let mut simulation = simulation();
    assert_eq!(go(&mut simulation, 8000), Progress::Reached);
    simulation.pause("esp").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(go(&mut simulation, 9000), Progress::Paused);
    assert_eq!(line(&mut simulation), Some(3));
    assert_eq!(simulation.pause("nobody"), Err(InputError::NoSuchBoard("nobody".into())));
}

#[test]
fn a_run_with_stops_is_the_run_without() {
    let mut plain = simulation();
    go(&mut plain, 8000);
    let mut stopped = simulation();
    for board in ["esp", "other"] {
        stopped.set_breakpoints(board, "init.lua", &[3, 4, 6]).unwrap_or_else(|error| panic!("{error}"));
    }
    let mut stops = 0;
    while go(&mut stopped, 8000) == Progress::Paused {
        stops += 1;
        stopped.resume(Resume::Continue);
    }
    assert!(stops > 20, "{stops} stops");
    assert_eq!(plain.take_output(), stopped.take_output());
    same(&plain.inspect().json_lines(), &stopped.inspect().json_lines());
}

#[test]
fn what_a_person_does_meanwhile_happens_when_the_program_goes_on() {
    let mut simulation = simulation();
    simulation.set_breakpoints("esp", "init.lua", &[4]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(go(&mut simulation, 10_000), Progress::Paused);
    let input = Input::Console { board: "esp".into(), text: "print('typed', 6 * 7)\n".into() };
    simulation.input(input).unwrap_or_else(|error| panic!("{error}"));
    simulation.set_breakpoints("esp", "init.lua", &[]).unwrap_or_else(|error| panic!("{error}"));
    simulation.resume(Resume::Continue);
    assert_eq!(go(&mut simulation, 10_000), Progress::Reached);
    let output = console(&mut simulation);
    assert!(output.contains("typed\t42"), "{output}");
    let mut again = Simulation::new(simulation.recorded_lab()).unwrap_or_else(|error| panic!("{error}"));
    go(&mut again, 10_000);
    same(&console(&mut again), &output);
}
