//! What the chip's lwIP does that smoltcp does not, in one place: its limits, its clock, and the profile a desktop has
//! instead.
//!
//! smoltcp keeps sequence numbers, reassembles, retransmits and closes; the rules here decide *when* it is asked to. The
//! stack acts on a 250 ms slow and a 125 ms fast timer. Data queued outside a connection's own events stays in front of
//! smoltcp until a slow tick; an acknowledgement that lwIP would delay is simply not fetched before a fast tick. SYNs are
//! repeated here, as smoltcp backs off and lwIP does not. The handshake options that lwIP lacks (window scale, selective
//! acknowledgements) are removed from both directions.
//!
//! Left out: slow start (the send buffer is two segments, which a fresh connection may send at once anyway) and lwIP's
//! own retransmission timing for data (smoltcp's starts at one second too, then doubles).

use trace::{Duration, Instant};

/// Largest payload of a segment (docs/behaviour.md §7).
pub(crate) const MSS: usize = 1460;
/// Bytes that may be queued or unacknowledged on a connection (§4.4).
pub(crate) const SEND_BUFFER: usize = 2 * MSS;
/// Receive window (§7).
pub(crate) const RECEIVE_WINDOW: usize = 4 * MSS;
/// Segments that may be queued or unacknowledged (§4.4).
pub(crate) const SEND_QUEUE_SEGMENTS_MAX: usize = 8;
/// A window that has grown by this much is announced at once (lwIP, `TCP_WND_UPDATE_THRESHOLD`).
pub(crate) const WINDOW_UPDATE_THRESHOLD: usize = RECEIVE_WINDOW / 4;
/// A SYN is dropped when exactly so many connections are established (§3.5).
pub(crate) const ESTABLISHED_LIMIT: usize = 5;
/// SYNs after the first (§7).
pub(crate) const SYN_RETRIES: u8 = 6;
/// Local ports of connections (§7).
pub(crate) const TCP_PORTS: std::ops::RangeInclusive<u16> = 1024..=32766;
/// Local ports of UDP sockets that do not ask for one (§7).
pub(crate) const UDP_PORTS: std::ops::RangeInclusive<u16> = 4096..=32766;
/// Neighbours remembered (§7).
pub(crate) const ARP_TABLE_MAX: usize = 10;
/// Time to live of everything it sends (§7).
pub(crate) const TTL: u8 = 255;

/// Interval of the fast timer (§7).
pub(crate) const FAST_TICK: Duration = Duration::from_millis(125);
/// Interval of the slow timer (§7).
pub(crate) const SLOW_TICK: Duration = Duration::from_millis(250);
/// Slow ticks before a SYN is repeated (§7).
pub(crate) const SYN_RETRY_TICKS: u64 = 4;
/// How long FIN_WAIT_2 and SYN_RCVD last (§7).
pub(crate) const HALF_OPEN_MAX: Duration = Duration::from_secs(20);
/// How long LAST_ACK lasts (§7).
pub(crate) const LAST_ACK_MAX: Duration = Duration::from_secs(10);
/// Twelve retransmissions once the round trip has been measured (§4.9).
pub(crate) const GIVE_UP_MEASURED: Duration = Duration::from_secs(576);
/// Twelve retransmissions before that (§4.9).
pub(crate) const GIVE_UP_UNMEASURED: Duration = Duration::from_secs(768);

/// What a computer's stack has in their place.
pub(crate) mod desktop {
    use super::Duration;

    /// Send and receive buffer: the largest window that needs no scaling.
    pub(crate) const BUFFER: usize = 65_535;
    /// Largest window that a SYN can announce and local ports as Linux has them.
    pub(crate) const PORTS: std::ops::RangeInclusive<u16> = 32768..=60999;
    /// How long an unanswered attempt to connect lasts (six SYNs of Linux).
    pub(crate) const CONNECT_MAX: Duration = Duration::from_secs(127);
    /// How long unacknowledged data is repeated.
    pub(crate) const GIVE_UP: Duration = Duration::from_secs(924);
    /// How long an orphan may stay half-closed.
    pub(crate) const HALF_OPEN_MAX: Duration = Duration::from_secs(60);
    /// Neighbours remembered.
    pub(crate) const ARP_TABLE_MAX: usize = 1024;
    /// Time to live.
    pub(crate) const TTL: u8 = 64;
}

/// The timers of one host: ticks come at fixed distances from a phase of its own, as two chips are not switched on in the
/// same millisecond.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticks {
    phase: u64,
}

impl Ticks {
    /// Ticks whose phase is `seed` taken within a slow tick.
    pub(crate) fn new(seed: u64) -> Ticks {
        Ticks { phase: seed % SLOW_TICK.as_micros() }
    }

    /// The `count`th slow tick after `now`.
    pub(crate) fn slow_after(self, now: Instant, count: u64) -> Instant {
        self.after(now, SLOW_TICK, count)
    }

    /// The first fast tick after `now`.
    pub(crate) fn fast_after(self, now: Instant) -> Instant {
        self.after(now, FAST_TICK, 1)
    }

    /// The slow tick at which lwIP, counting whole ticks since `since`, finds that *more* than `span` has passed.
    pub(crate) fn slow_past(self, since: Instant, span: Duration) -> Instant {
        self.after(since, SLOW_TICK, span.as_micros() / SLOW_TICK.as_micros() + 1)
    }

    fn after(self, now: Instant, interval: Duration, count: u64) -> Instant {
        let (now, interval) = (now.as_micros(), interval.as_micros());
        let phase = self.phase % interval;
        let passed = if now < phase { 0 } else { (now - phase) / interval + 1 };
        Instant::from_micros(phase + (passed + count - 1) * interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_come_after_now_at_fixed_distances() {
        let ticks = Ticks::new(1_000_100_000);
        let at = |micros| Instant::from_micros(micros);
        assert_eq!(ticks.slow_after(at(0), 1), at(100_000));
        assert_eq!(ticks.slow_after(at(100_000), 1), at(350_000));
        assert_eq!(ticks.slow_after(at(100_001), 4), at(1_100_000));
        assert_eq!(ticks.fast_after(at(100_001)), at(225_000));
        // docs/behaviour.md §3.4: a timeout of 1 s probes after 1 to 1.25 s.
        assert_eq!(ticks.slow_past(at(100_001), Duration::from_secs(1)), at(1_350_000));
    }
}
