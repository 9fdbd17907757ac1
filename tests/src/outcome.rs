//! A run becomes text that can be compared and reviewed.

use std::collections::BTreeMap;

use anyhow::Result;
use sim::view::{CheckState, CheckStatus};
use sim::{Lab, Progress, Simulation};
use trace::{Duration, HostId, Instant, Kind, Position, Record};

/// How long a case runs that does not say it.
const UNTIL_MS_DEFAULT: f64 = 10_000.0;
const STEPS: u32 = 100_000;

/// Everything observable of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What consoles printed: of one board as it is, of several hosts a section each.
    pub console: String,
    /// Calls, callbacks, errors, hints and what did not happen, one a line.
    pub timeline: String,
    /// Frames, one a line.
    pub frames: String,
    /// The trace as JSON lines.
    pub trace: String,
    /// The capture.
    pub pcapng: Vec<u8>,
    /// How the lab's checks stand at the end.
    pub checks: Vec<CheckStatus>,
}

/// How a run is driven; no outcome may depend on it.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// In one go.
    AtOnce,
    /// In slices of virtual time, as a page does.
    Slices(Duration),
}

impl Outcome {
    /// Runs `lab` to its end.
    ///
    /// # Errors
    /// If the lab cannot be built.
    pub fn of(lab: &Lab, pace: Pace) -> Result<Outcome> {
        let until = lab.until_ms.unwrap_or(UNTIL_MS_DEFAULT);
        let until = Instant::from_micros((until * 1000.0) as u64);
        let mut simulation = Simulation::new(lab.clone())?;
        let mut consoles: BTreeMap<HostId, Vec<u8>> = BTreeMap::new();
        let mut now = Instant::ZERO;
        loop {
            now = match pace {
                Pace::AtOnce => until,
                Pace::Slices(slice) => until.min(now + slice),
            };
            while simulation.advance(now, STEPS) == Progress::Unfinished {}
            for (host, bytes) in simulation.take_output() {
                consoles.entry(host).or_default().extend(bytes);
            }
            if now >= until {
                break;
            }
        }
        let records = simulation.trace().since(None);
        Ok(Outcome {
            console: console(&simulation, &consoles),
            timeline: records.iter().filter_map(|record| timeline_line(&simulation, record)).collect(),
            frames: frames(&simulation, &records),
            trace: simulation.inspect().json_lines(),
            pcapng: simulation.inspect().pcapng(None),
            checks: simulation.final_checks(),
        })
    }

    /// The checks that failed, in words.
    pub fn failed_checks(&self) -> Vec<String> {
        let failed = self.checks.iter().filter(|check| check.state != CheckState::Passed);
        failed.map(|check| format!("{} ({})", check.text, check.detail)).collect()
    }
}

fn console(simulation: &Simulation, consoles: &BTreeMap<HostId, Vec<u8>>) -> String {
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    match consoles.iter().collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        [(_, bytes)] => text(bytes),
        several => {
            let section = |(host, bytes): &(&HostId, &Vec<u8>)| {
                format!("==== {} ====\n{}\n", simulation.names().of(**host), text(bytes))
            };
            several.iter().map(section).collect()
        }
    }
}

fn frames(simulation: &Simulation, records: &[Record]) -> String {
    let line = |frame: &sim::view::FrameSummary| {
        let host = simulation.names().of(frame.from);
        format!(
            "{:12.6} {host:<10} {} → {} {} {}\n",
            frame.sent_ms / 1000.0,
            frame.source,
            frame.destination,
            frame.protocol,
            frame.summary
        )
    };
    simulation.inspect().summaries(records).iter().map(line).collect()
}

fn timeline_line(simulation: &Simulation, record: &Record) -> Option<String> {
    let place = |position: &Option<Position>| {
        position.as_ref().map(|position| format!(" {}:{}", position.file, position.line)).unwrap_or_default()
    };
    let text = match &record.kind {
        Kind::Boot { reason } => format!("boot {reason:?}"),
        Kind::Crash { message } => format!("CRASH {message}"),
        Kind::Input { text } => format!("input {text}"),
        Kind::Call { function, arguments, position, .. } => format!("call{} {function}({arguments})", place(position)),
        Kind::CallFailed { error, .. } => format!("  error {error}"),
        Kind::Callback { event, position, arguments, due, .. } => {
            let late = match record.at.saturating_since(*due).as_micros() {
                0 => String::new(),
                micros => format!(" after {micros} µs"),
            };
            format!("callback {}{} ({arguments}){late}", event.0, place(position))
        }
        Kind::CallbackEnd { error: Some(error), .. } => format!("  ended with {error}"),
        Kind::Nothing { reason, detail, .. } => format!("nothing {reason:?}: {detail}"),
        Kind::Hint { text, position } => format!("hint{} {text}", place(position)),
        _ => return None,
    };
    let host = simulation.names().of(record.host);
    Some(format!("{:>12} {host:<10} {}\n", record.at.to_string(), text.escape_debug()))
}
