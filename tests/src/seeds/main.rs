//! Random socket programs on faulty links: what must hold for every seed.
//!
//! Each seed makes a lab ([`generate`]) of one server and some clients that connect, send, hold, resolve, ping, close,
//! reconnect and leave the network at random moments while frames are lost, doubled, reordered and damaged and boards lose
//! their power. The programs check the bytes themselves: each side sends a pattern, and a byte that is not the next one of
//! the pattern prints `BAD`. When the storm is over the links are repaired, everything is closed, and after a minute no
//! connection may be left. [`judge`] then reads consoles, log and tables.
//!
//! `SEEDS=50000 cargo test --release -p e2e --test seeds` runs more of them, `SEED_FIRST=N` others. A seed that fails writes
//! its lab, which `playground run` repeats.

mod generate;
mod judge;

use std::env;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use judge::Totals;
use sim::Lab;

/// Seeds of a usual run, about half a minute on two cores.
const SEEDS_DEFAULT: u64 = 3_000;

#[test]
fn random_programs_on_faulty_links_keep_every_promise() {
    let number = |name: &str, default| env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default);
    let first: u64 = number("SEED_FIRST", 1);
    let count: u64 = number("SEEDS", SEEDS_DEFAULT);
    let next = AtomicU64::new(first);
    let work = || {
        let mut totals = Totals::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return totals;
            }
            totals.add(&run(seed));
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut totals = Totals::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            totals.add(&worker.join().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        }
    });
    eprintln!("{count} seeds: {totals:?}");
    // A storm in which nothing happens would prove nothing.
    let is_busy = totals.connections > count && totals.bytes > 1000 * count && totals.drops > count;
    assert!(is_busy && totals.closed_in_order > count / 4, "{totals:?}");
}

/// Runs one seed; what breaks, breaks the test and leaves the lab.
fn run(seed: u64) -> Totals {
    let lab = generate::lab(seed);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| judge::run(&lab)))
        .unwrap_or_else(|_| Err("the simulation panicked, see above".into()));
    outcome.unwrap_or_else(|broken| {
        let file = write_lab(seed, &lab);
        panic!("seed {seed}: {broken}\nits lab: {}", file.display());
    })
}

fn write_lab(seed: u64, lab: &Lab) -> PathBuf {
    let file = env::temp_dir().join(format!("playground-seed-{seed}.json"));
    std::fs::write(&file, lab.to_json()).expect("the temporary folder takes a file");
    file
}
