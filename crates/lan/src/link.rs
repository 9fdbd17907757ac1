//! One direction of a wire, and what goes wrong on it.

use serde::{Deserialize, Serialize};
use trace::Duration;

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
