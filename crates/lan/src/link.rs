//! One direction of a wire, and what goes wrong on it.
//!
//! A link decides a frame's fate when the frame is given to it: dropped, or delivered once or twice at times to come.
//! It has a random sequence of its own, so equal seeds and frames meet equal faults whatever happens elsewhere.

use serde::{Deserialize, Serialize};
use trace::{DropReason, Duration, Instant};

/// How one direction of a link treats frames. Equal seeds and frames meet equal faults.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
pub struct LinkConfig {
    /// Time on the way, in microseconds.
    #[serde(rename = "latencyUs")]
    pub latency: Duration,
    /// Up to so much is added at random, in microseconds; frames stay in order.
    #[serde(rename = "jitterUs")]
    pub jitter: Duration,
    /// Bits per second; `None` for no limit.
    #[cfg_attr(feature = "typescript", ts(type = "number | null"))]
    pub rate: Option<u64>,
    /// Bytes that may wait for their turn when there is a rate.
    pub queue_bytes_max: u32,
    /// Share of frames lost, 0 to 1.
    pub loss: f64,
    /// Share of frames that arrive twice, 0 to 1.
    pub duplication: f64,
    /// Share of frames held back so that later ones overtake them, 0 to 1.
    pub reordering: f64,
    /// Share of frames with one bit turned over, 0 to 1.
    pub corruption: f64,
    /// Whether it carries anything at all.
    pub up: bool,
}

impl Default for LinkConfig {
    fn default() -> Self {
        LinkConfig {
            latency: Duration::from_millis(1),
            jitter: Duration::ZERO,
            rate: None,
            queue_bytes_max: 64 * 1024,
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            corruption: 0.0,
            up: true,
        }
    }
}

/// A frame that is held back arrives up to so many latencies late, but at least [`REORDERING_MIN`].
const REORDERING_LATENCIES: u64 = 4;
const REORDERING_MIN: Duration = Duration::from_millis(2);

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Dropped(DropReason),
    Carried {
        at: Instant,
        /// A second copy.
        again_at: Option<Instant>,
        /// A bit to turn over, counted from the end of the Ethernet header.
        damaged_bit: Option<usize>,
    },
}

/// One direction of a link at work.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) config: LinkConfig,
    random: fastrand::Rng,
    /// When the last bit of what was accepted has left.
    busy_until: Instant,
    /// When the latest frame that was not held back arrives.
    latest: Instant,
}

impl Link {
    pub(crate) fn new(config: LinkConfig, seed: u64) -> Link {
        let random = fastrand::Rng::with_seed(seed);
        Link { config, random, busy_until: Instant::ZERO, latest: Instant::ZERO }
    }

    /// Takes a frame of `length` bytes at `now`.
    pub(crate) fn carry(&mut self, now: Instant, length: usize) -> Fate {
        let config = self.config;
        if !config.up {
            return Fate::Dropped(DropReason::LinkDown);
        }
        if self.happens(config.loss) {
            return Fate::Dropped(DropReason::Loss);
        }
        let Some(left) = self.leaves_at(now, length) else { return Fate::Dropped(DropReason::QueueFull) };
        let mut at = left + config.latency;
        if config.jitter > Duration::ZERO {
            at += Duration::from_micros(self.random.u64(0..=config.jitter.as_micros()));
        }
        at = at.max(self.latest);
        if self.happens(config.reordering) {
            let most = (config.latency.as_micros() * REORDERING_LATENCIES).max(REORDERING_MIN.as_micros());
            at += Duration::from_micros(self.random.u64(REORDERING_MIN.as_micros()..=most));
        } else {
            self.latest = at;
        }
        let again_at = self.happens(config.duplication).then_some(at);
        let damaged_bit = self.happens(config.corruption).then(|| self.random.usize(..length.max(1) * 8));
        Fate::Carried { at, again_at, damaged_bit }
    }

    fn leaves_at(&mut self, now: Instant, length: usize) -> Option<Instant> {
        let Some(rate) = self.config.rate else { return Some(now) };
        let rate = rate.max(1);
        let waiting = u128::from(self.busy_until.saturating_since(now).as_micros()) * u128::from(rate) / 8_000_000;
        if waiting > 0 && waiting + length as u128 > u128::from(self.config.queue_bytes_max) {
            return None;
        }
        let takes = (length as u128 * 8_000_000).div_ceil(u128::from(rate));
        let takes = Duration::from_micros(u64::try_from(takes).unwrap_or(u64::MAX));
        self.busy_until = self.busy_until.max(now) + takes;
        Some(self.busy_until)
    }

    fn happens(&mut self, share: f64) -> bool {
        share > 0.0 && self.random.f64() < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(fate: Fate) -> u64 {
        match fate {
            Fate::Carried { at, .. } => at.as_micros(),
            Fate::Dropped(reason) => panic!("dropped: {reason:?}"),
        }
    }

    #[test]
    fn a_rate_makes_frames_wait_and_a_full_queue_drops_them() {
        let config = LinkConfig { rate: Some(8_000_000), queue_bytes_max: 2000, ..LinkConfig::default() };
        let mut link = Link::new(config, 1);
        assert_eq!(at(link.carry(Instant::ZERO, 1000)), 2000);
        assert_eq!(at(link.carry(Instant::ZERO, 1000)), 3000);
        assert_eq!(link.carry(Instant::ZERO, 1000), Fate::Dropped(DropReason::QueueFull));
        assert_eq!(at(link.carry(Instant::from_micros(1500), 1000)), 4000);
    }

    #[test]
    fn jitter_keeps_the_order_and_reordering_does_not() {
        let jitter = LinkConfig { jitter: Duration::from_millis(10), ..LinkConfig::default() };
        let mut link = Link::new(jitter, 2);
        let times: Vec<_> = (0..100).map(|i| at(link.carry(Instant::from_micros(i * 10), 100))).collect();
        assert!(times.is_sorted());
        assert!(times[99] > times[0] + 5000, "jitter spreads the frames");
        let reordering = LinkConfig { reordering: 0.3, ..LinkConfig::default() };
        let mut link = Link::new(reordering, 2);
        let times: Vec<_> = (0..100).map(|i| at(link.carry(Instant::from_micros(i * 10), 100))).collect();
        assert!(!times.is_sorted());
    }

    #[test]
    fn faults_are_as_frequent_as_configured_and_repeat_with_the_seed() {
        let config = LinkConfig { loss: 0.2, duplication: 0.1, corruption: 0.1, ..LinkConfig::default() };
        let run = |seed| {
            let mut link = Link::new(config, seed);
            (0..10_000).map(|i| link.carry(Instant::from_micros(i), 100)).collect::<Vec<_>>()
        };
        let fates = run(3);
        assert_eq!(fates, run(3));
        assert_ne!(fates, run(4));
        let count = |test: fn(&Fate) -> bool| fates.iter().filter(|fate| test(fate)).count();
        assert!((1850..2150).contains(&count(|fate| matches!(fate, Fate::Dropped(DropReason::Loss)))));
        assert!((700..900).contains(&count(|fate| matches!(fate, Fate::Carried { again_at: Some(_), .. }))));
        assert!((700..900).contains(&count(|fate| matches!(fate, Fate::Carried { damaged_bit: Some(_), .. }))));
    }
}
