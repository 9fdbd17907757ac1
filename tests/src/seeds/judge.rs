//! Runs a lab and reads consoles, log and tables for what must hold.

use std::collections::{BTreeMap, BTreeSet};

use sim::view::HostKind;
use sim::{Lab, Progress, Simulation};
use trace::{HostId, Instant, Kind, SocketId, SocketState};

use crate::generate::{CALM_MS, STORM_MS};

const STEPS: u32 = 100_000;

/// What the runs contained, so that a test of nothing is noticed.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) connections: u64,
    pub(crate) bytes: u64,
    pub(crate) drops: u64,
    /// Ends of connections whose bytes were counted on both sides.
    pub(crate) closed_in_order: u64,
    errors: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, other: &Totals) {
        self.connections += other.connections;
        self.bytes += other.bytes;
        self.drops += other.drops;
        self.closed_in_order += other.closed_in_order;
        self.errors += other.errors;
    }
}

/// Runs `lab` to its end.
///
/// # Errors
/// The first promise that was broken.
pub(crate) fn run(lab: &Lab) -> Result<Totals, String> {
    let mut simulation = Simulation::new(lab.clone()).map_err(|error| error.to_string())?;
    let end = Instant::from_micros((STORM_MS + CALM_MS) * 1_000);
    let mut consoles: BTreeMap<HostId, Vec<u8>> = BTreeMap::new();
    while simulation.advance(end, STEPS) == Progress::Unfinished {}
    for (host, bytes) in simulation.take_output() {
        consoles.entry(host).or_default().extend(bytes);
    }
    let mut lines = Vec::new();
    for (host, bytes) in &consoles {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if let Some(line) = text.lines().find(|line| is_bad(line)) {
            return Err(format!("{} prints {line:?}", simulation.names().of(*host)));
        }
        lines.extend(text.lines().map(str::to_owned));
    }
    let mut totals = Totals { closed_in_order: nothing_is_missing(&lines)?, ..Totals::default() };
    trace_is_legal(&simulation, &mut totals)?;
    nothing_is_left(&simulation)?;
    Ok(totals)
}

fn is_bad(line: &str) -> bool {
    ["BAD", "Lua error", "PANIC", "stack traceback"].iter().any(|bad| line.contains(bad))
}

/// Whoever saw the other end close in order has got all that the other end had sent; how many there were.
///
/// A port may be used again, so that a connection's name can have several totals: one of them must fit.
fn nothing_is_missing(lines: &[String]) -> Result<u64, String> {
    let of = |what: &'static str| {
        lines.iter().filter_map(move |line| line.trim_start_matches("> ").strip_prefix(what)?.split_once(' '))
    };
    let mut sent: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    of("SENT ").for_each(|(connection, bytes)| sent.entry(connection).or_default().push(bytes));
    let mut count = 0;
    for (connection, got) in of("GOT ") {
        let sent = sent.get(connection).map_or(&[][..], Vec::as_slice);
        if !sent.contains(&got) {
            return Err(format!("{connection}: {got} bytes arrived before the end of {sent:?} sent"));
        }
        count += 1;
    }
    Ok(count)
}

/// Causes precede effects, time does not run back on any host, no board crashes, no socket speaks after its end.
fn trace_is_legal(simulation: &Simulation, totals: &mut Totals) -> Result<(), String> {
    let mut now: BTreeMap<HostId, Instant> = BTreeMap::new();
    let mut gone: BTreeSet<(HostId, SocketId)> = BTreeSet::new();
    for record in simulation.trace().since(None) {
        // A board that runs Lua is ahead of the wires and of the person.
        let is_outside =
            matches!(record.kind, Kind::FrameCarried { .. } | Kind::FrameDropped { .. } | Kind::Input { .. });
        if !is_outside && now.insert(record.host, record.at).is_some_and(|before| record.at < before) {
            return Err(format!("record {} lies before the one before it", record.id.get()));
        }
        if record.cause.is_some_and(|cause| cause >= record.id) {
            return Err(format!("record {} precedes its cause", record.id.get()));
        }
        match &record.kind {
            Kind::Crash { message } => return Err(format!("a board crashed: {message}")),
            Kind::Boot { .. } => gone.retain(|(host, _)| *host != record.host),
            Kind::Callback { event, socket: Some(socket), .. } => {
                let key = (record.host, *socket);
                if gone.contains(&key) && &*event.0 != "dns" {
                    return Err(format!("record {}: {} after the end of its connection", record.id.get(), event.0));
                }
                if matches!(&*event.0, "disconnection" | "reconnection") {
                    gone.insert(key);
                }
                totals.connections += u64::from(&*event.0 == "connection");
            }
            Kind::FrameSent { length, .. } => totals.bytes += u64::from(*length),
            Kind::FrameDropped { .. } => totals.drops += 1,
            Kind::CallFailed { .. } => totals.errors += 1,
            _ => {}
        }
    }
    Ok(())
}

/// After the calm no connection is left on any board.
fn nothing_is_left(simulation: &Simulation) -> Result<(), String> {
    for host in simulation.map().hosts.iter().filter(|host| host.kind == HostKind::Board) {
        let left = host
            .sockets
            .iter()
            .find(|socket| !matches!(socket.state, SocketState::Listen | SocketState::Bound | SocketState::Closed));
        if let Some(socket) = left {
            return Err(format!("{} still has {socket:?}", host.name));
        }
    }
    Ok(())
}
