//! Counters, in the text form that Prometheus reads.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// A counter or gauge.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    pub(crate) fn subtract(&self, number: u64) {
        self.0.fetch_sub(number, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) clients: Count,
    pub(crate) clients_total: Count,
    pub(crate) clients_refused: Count,
    pub(crate) streams: Count,
    pub(crate) streams_total: Count,
    pub(crate) streams_refused: Count,
    pub(crate) bytes_up: Count,
    pub(crate) bytes_down: Count,
    pub(crate) malformed: Count,
    pub(crate) published: Count,
    pub(crate) room_clients: Count,
    pub(crate) room_frames: Count,
    pub(crate) room_frames_lost: Count,
    pub(crate) room_frames_refused: Count,
}

impl Metrics {
    /// All of them, a line each.
    pub(crate) fn text(&self) -> String {
        let rows = [
            ("clients", "gauge", "WebSockets open now", &self.clients),
            ("clients_total", "counter", "WebSockets accepted", &self.clients_total),
            ("clients_refused_total", "counter", "upgrades refused: origin, code, limits", &self.clients_refused),
            ("streams", "gauge", "streams open now", &self.streams),
            ("streams_total", "counter", "streams opened", &self.streams_total),
            ("streams_refused_total", "counter", "streams refused by policy or limits", &self.streams_refused),
            ("bytes_up_total", "counter", "payload bytes from clients to targets", &self.bytes_up),
            ("bytes_down_total", "counter", "payload bytes from targets to clients", &self.bytes_down),
            ("malformed_total", "counter", "messages that were no packets", &self.malformed),
            ("published", "gauge", "published ports", &self.published),
            ("room_clients", "gauge", "clients in rooms", &self.room_clients),
            ("room_frames_total", "counter", "frames received in rooms", &self.room_frames),
            ("room_frames_lost_total", "counter", "frames lost at a full client", &self.room_frames_lost),
            (
                "room_frames_refused_total",
                "counter",
                "frames with a bad length or a foreign MAC",
                &self.room_frames_refused,
            ),
        ];
        let mut text = String::new();
        for (name, kind, help, count) in rows {
            let _ =
                write!(text, "# HELP relay_{name} {help}\n# TYPE relay_{name} {kind}\nrelay_{name} {}\n", count.get());
        }
        text
    }
}

/// Counts one up for as long as it lives.
pub(crate) struct Gauge<M: AsRef<Metrics>> {
    metrics: M,
    which: fn(&Metrics) -> &Count,
}

impl<M: AsRef<Metrics>> Gauge<M> {
    pub(crate) fn new(metrics: M, which: fn(&Metrics) -> &Count) -> Self {
        which(metrics.as_ref()).add(1);
        Gauge { metrics, which }
    }
}

impl<M: AsRef<Metrics>> Drop for Gauge<M> {
    fn drop(&mut self) {
        (self.which)(self.metrics.as_ref()).subtract(1);
    }
}
