//! The driver in a process: `cargo xtask bench sim`, or `cargo bench -p sim-bench -- WORD` for the measurements whose title
//! contains the word. CPU time is measured, so that a busy machine does little harm.
#![allow(missing_docs, reason = "a program")]

use cpu_time::ProcessTime;
use sim_bench::Driver;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let seconds = || ProcessTime::now().as_duration().as_secs_f64();
    let tell = |line: &str| println!("    {line}");
    sim_bench::run(&Driver { seconds: &seconds, tell: &tell, wanted: &wanted });
}
