//! Payload per second over one connection, as a share of what bare smoltcp moves in the same rounds.

use lan::StackProfile;
use sim::simulation::RECORDS_MAX;
use trace::Trace;

use crate::bare::Bare;
use crate::pair::{Pair, Way};
use crate::{Driver, verdict};

/// Most bytes that a sender is offered at once.
pub(crate) const CHUNK: usize = 1 << 20;
/// Bytes that one measurement moves.
const PAYLOAD: usize = 128 << 20;
/// Bytes that are moved before it: they fill the log.
const WARM_UP: usize = RECORDS_MAX * 1460;
/// Measurements of each kind; kinds take turns, and the best counts.
const ROUNDS: usize = 5;
/// Shares of bare smoltcp to reach.
const GOAL_DISCARDED: f64 = 0.75;
const GOAL_KEPT: f64 = 0.50;

/// A connection over which bytes can be moved.
pub(crate) trait Mover {
    /// Goes on until at least `bytes` more have been received.
    fn receive(&mut self, bytes: usize);
    /// Frames sent so far, by both ends.
    fn frames(&self) -> u64;
}

/// One kind of connection.
struct Contender {
    name: &'static str,
    /// The share to reach; `None` for the yardstick.
    goal: Option<f64>,
    make: fn(&Limits) -> Box<dyn Mover>,
}

/// Buffers of both ends.
struct Limits {
    name: &'static str,
    profile: StackProfile,
    receive: usize,
    send: usize,
}

const LIMITS: &[Limits] = &[
    Limits { name: "64 kB windows", profile: StackProfile::Desktop, receive: 65_535, send: 65_535 },
    Limits { name: "chip's limits", profile: StackProfile::Chip, receive: 5840, send: 2920 },
];

const CONTENDERS: &[Contender] = &[
    Contender { name: "bare smoltcp", goal: None, make: |limits| Box::new(Bare::new(limits.receive, limits.send)) },
    Contender {
        name: "on a wire, log discarded",
        goal: Some(GOAL_DISCARDED),
        make: |limits| Box::new(Pair::new(limits.profile, &Trace::discarding(), Way::Wire)),
    },
    Contender {
        name: "on a wire, log kept",
        goal: Some(GOAL_KEPT),
        make: |limits| Box::new(Pair::new(limits.profile, &Trace::new(RECORDS_MAX), Way::Wire)),
    },
    Contender {
        name: "through the switch, log discarded",
        goal: Some(GOAL_DISCARDED),
        make: |limits| {
            let trace = Trace::discarding();
            Box::new(Pair::new(limits.profile, &trace, Way::switch(trace.clone())))
        },
    },
    Contender {
        name: "through the switch, log kept",
        goal: Some(GOAL_KEPT),
        make: |limits| {
            let trace = Trace::new(RECORDS_MAX);
            Box::new(Pair::new(limits.profile, &trace, Way::switch(trace.clone())))
        },
    },
];

/// Per second: bytes and frames.
#[derive(Clone, Copy, Default)]
struct Rate {
    bytes: f64,
    frames: f64,
}

pub(crate) fn run(driver: &Driver<'_>) {
    for limits in LIMITS {
        if driver.begins(&format!("payload, {}: {} MB, best of {ROUNDS}", limits.name, PAYLOAD >> 20)) {
            compare(driver, limits);
        }
    }
}

fn compare(driver: &Driver<'_>, limits: &Limits) {
    let mut best = vec![Rate::default(); CONTENDERS.len()];
    for _ in 0..ROUNDS {
        for (best, contender) in best.iter_mut().zip(CONTENDERS) {
            let rate = measure(driver, (contender.make)(limits).as_mut());
            if rate.bytes > best.bytes {
                *best = rate;
            }
        }
    }
    let yardstick = best[0].bytes;
    for (Rate { bytes, frames }, Contender { name, goal, .. }) in best.into_iter().zip(CONTENDERS) {
        let share = bytes / yardstick;
        let judged = goal.map(|goal| format!("{:4.0} %  {}", share * 100.0, verdict(share >= goal)));
        let (bytes, frames) = (bytes / 1e6, frames / 1e3);
        (driver.tell)(&format!("  {name:36}{bytes:6.0} MB/s{frames:8.0} k frames/s {}", judged.unwrap_or_default()));
    }
}

fn measure(driver: &Driver<'_>, mover: &mut dyn Mover) -> Rate {
    mover.receive(WARM_UP);
    let frames = mover.frames();
    let seconds = driver.time(|| mover.receive(PAYLOAD));
    Rate { bytes: PAYLOAD as f64 / seconds, frames: (mover.frames() - frames) as f64 / seconds }
}
