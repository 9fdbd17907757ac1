//! What the network and whole labs cost, against goals and beside bare smoltcp, measured by the same code natively and in a
//! browser.
//!
//! `benches/native.rs` runs it in a process (`cargo xtask bench sim`), `browser/` in a worker of a page in Chromium
//! (`cargo xtask bench sim-browser`), in the profile in which the playground is shipped. Both print the same lines.
//!
//! *Payload.* One TCP connection moves bytes from one host to another: with a desktop's 64 kB windows, and with the chip's
//! window of 5840 and send buffer of 2920 bytes. The yardstick is smoltcp alone in the same program: two of its interfaces whose
//! queues are carried across by hand, no latency, no log, with buffers of the same sizes and the same segment size, so that it,
//! too, has at most two segments of the chip's under way. What it does per frame that ours does not: it verifies checksums,
//! which ours does only for frames that a faulty link has touched. What ours does and it does not: acknowledgements by lwIP's
//! rules, an event for each segment and acknowledgement, neighbours, routes, and a record for each frame sent and carried.
//! *On a wire* the hosts' frames are handed over directly; *through the switch* each crosses two links of 1 ms and the
//! switch's table, as between two boards in a lab. The log, where it is kept, is as long as a page's and full before the clock
//! starts.
//!
//! *Labs.* Callbacks through Lua, boards that have joined the network and do nothing, and a class of 30 boards that talk.
//!
//! Left out: the page. What drawing costs is `cargo xtask bench page`; what Lua costs, `cargo xtask bench lua`.
//!
//! Reading order: [`run`], `payload` (with `bare` and `pair`), `labs`, `browser`.

mod bare;
mod browser;
mod labs;
mod pair;
mod payload;

pub use browser::run_in_worker;

/// Who runs the measurements: a clock and a place for the lines.
pub struct Driver<'a> {
    /// Seconds since any moment: of CPU time where there is such a clock, so that a busy machine does no harm.
    pub seconds: &'a dyn Fn() -> f64,
    /// Shows a line.
    pub tell: &'a dyn Fn(&str),
    /// Only groups of measurements with this word in their title are wanted; empty for all.
    pub wanted: &'a str,
}

impl Driver<'_> {
    /// Seconds that `work` takes.
    fn time(&self, work: impl FnOnce()) -> f64 {
        let start = (self.seconds)();
        work();
        (self.seconds)() - start
    }

    /// Shows the title of a group of measurements and says whether it is wanted.
    fn begins(&self, title: &str) -> bool {
        let is_wanted = title.contains(self.wanted);
        if is_wanted {
            (self.tell)(title);
        }
        is_wanted
    }
}

/// Whether a goal is reached, in the word that stands at the end of a line.
fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "MISSED" }
}

/// Runs everything that is wanted.
pub fn run(driver: &Driver<'_>) {
    payload::run(driver);
    labs::run(driver);
}
