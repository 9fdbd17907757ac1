//! When pings send, time out and end: the timing of `app/lwip/app/ping.c` without stack or Lua (`docs/behaviour.md` §2.10).
//!
//! One global sequence number serves all pings, and only a reply that carries the newest number counts. Overlapping
//! pings therefore steal from each other: the newest one claims a reply and reports it under its own target.

use std::net::Ipv4Addr;

use trace::{Duration, Instant};

/// Identifier of the echo requests (`PING_ID`).
pub(in crate::modules::net) const IDENTIFIER: u16 = 0xAFAF;
/// Data bytes of a request (`PING_DATA_SIZE`).
pub(super) const DATA_BYTES: u32 = 32;
/// Time to live of a request (`ICMP_TTL`).
pub(super) const TTL: u8 = 255;
/// Requests of a ping that names no count (`DEFAULT_PING_MAX_COUNT`).
const COUNT_DEFAULT: u32 = 4;
/// Between two requests (`PING_COARSE`), and how long each waits for its reply (`PING_TIMEOUT_MS`).
const INTERVAL: Duration = Duration::from_millis(1000);
/// The sequence number wraps to zero when it reaches this.
const SEQUENCE_END: u16 = 0x7fff;

/// All pings under way. `H` is what the owner keeps with each of them.
#[derive(Debug)]
pub(in crate::modules::net) struct Pings<H> {
    /// Oldest first.
    sessions: Vec<Session<H>>,
    /// Number of the newest request on any ping.
    sequence: u16,
    /// The newest number a reply was accepted for; a repeated reply is swallowed.
    answered: Option<u16>,
}

#[derive(Debug)]
struct Session<H> {
    target: Ipv4Addr,
    handlers: H,
    requests: u32,
    /// Requests still to send, the summary counted as one more.
    left: u32,
    lost: u32,
    started: Instant,
    request_sent: Instant,
    /// When the newest request counts as lost; `None` once it is answered.
    loss_due: Option<Instant>,
    /// When the next request or the summary is due.
    next_due: Instant,
}

/// What a ping does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<H> {
    /// Send an echo request.
    Request {
        /// To whom.
        target: Ipv4Addr,
        /// With this number.
        sequence: u16,
    },
    /// Tell the program that a request was not answered in time.
    Lost {
        /// The ping's own target.
        target: Ipv4Addr,
        /// The ping's handlers.
        handlers: H,
    },
    /// Tell the program that the ping is over; it has been forgotten.
    Finished {
        /// The ping's handlers.
        handlers: H,
        /// The result.
        summary: Summary,
    },
}

/// Result of a whole ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    /// The ping's target.
    pub(super) target: Ipv4Addr,
    /// Requests sent.
    pub(super) requests: u32,
    /// Requests without an answer in time.
    pub(super) lost: u32,
    /// From the first request to now.
    pub(super) took: Duration,
}

/// A reply as a program is told of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply<H> {
    /// Target of the ping that claimed the reply, which need not be the host that answered.
    pub(super) target: Ipv4Addr,
    /// Number of the request.
    pub(super) sequence: u16,
    /// Since the claiming ping's newest request.
    pub(super) round_trip: Duration,
    /// The claiming ping's handlers.
    pub(super) handlers: H,
}

impl<H> Default for Pings<H> {
    fn default() -> Self {
        Pings { sessions: Vec::new(), sequence: 0, answered: None }
    }
}

impl<H: Clone> Pings<H> {
    /// Begins a ping and returns its first request. `count` 0 means the default.
    pub(super) fn start(&mut self, now: Instant, target: Ipv4Addr, count: u32, handlers: H) -> Step<H> {
        let requests = if count == 0 { COUNT_DEFAULT } else { count };
        self.sessions.push(Session {
            target,
            handlers,
            requests,
            left: requests,
            lost: 0,
            started: now,
            request_sent: now,
            loss_due: Some(now + INTERVAL),
            next_due: now + INTERVAL,
        });
        Step::Request { target, sequence: self.next_sequence() }
    }

    /// When [`Pings::step`] has something to do.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.sessions.iter().map(|session| session.loss_due.unwrap_or(session.next_due).min(session.next_due)).min()
    }

    /// Takes the oldest step that is due. A loss comes just before the request that is due with it.
    pub(super) fn step(&mut self, now: Instant) -> Option<Step<H>> {
        let due = self.next_deadline().filter(|due| *due <= now)?;
        if let Some(session) = self.sessions.iter_mut().find(|session| session.loss_due == Some(due)) {
            session.loss_due = None;
            session.lost += 1;
            return Some(Step::Lost { target: session.target, handlers: session.handlers.clone() });
        }
        let index = self.sessions.iter().position(|session| session.next_due == due)?;
        let session = &mut self.sessions[index];
        session.left -= 1;
        if session.left == 0 {
            let session = self.sessions.remove(index);
            let summary = Summary {
                target: session.target,
                requests: session.requests,
                lost: session.lost,
                took: now.saturating_since(session.started),
            };
            return Some(Step::Finished { handlers: session.handlers, summary });
        }
        session.request_sent = now;
        session.loss_due = Some(now + INTERVAL);
        session.next_due = now + INTERVAL;
        let target = session.target;
        Some(Step::Request { target, sequence: self.next_sequence() })
    }

    /// An echo reply with our identifier arrived. `None` when no ping waits for it.
    pub(super) fn reply(&mut self, now: Instant, sequence: u16) -> Option<Reply<H>> {
        if sequence != self.sequence || self.answered == Some(sequence) {
            return None;
        }
        let session = self.sessions.last_mut()?;
        self.answered = Some(sequence);
        session.loss_due = None;
        Some(Reply {
            target: session.target,
            sequence,
            round_trip: now.saturating_since(session.request_sent),
            handlers: session.handlers.clone(),
        })
    }

    fn next_sequence(&mut self) -> u16 {
        self.sequence += 1;
        if self.sequence == SEQUENCE_END {
            self.sequence = 0;
        }
        self.sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Ipv4Addr = Ipv4Addr::new(8, 8, 8, 8);
    const SECOND: Ipv4Addr = Ipv4Addr::new(8, 8, 4, 4);

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    // docs/behaviour.md §2.10
    #[test]
    fn each_second_a_request_and_a_second_after_the_last_the_summary() {
        let mut pings = Pings::default();
        assert_eq!(pings.start(at(0), FIRST, 2, ()), Step::Request { target: FIRST, sequence: 1 });
        let reply = pings.reply(at(14), 1).unwrap();
        assert_eq!((reply.target, reply.sequence, reply.round_trip.as_millis()), (FIRST, 1, 14));
        assert_eq!(pings.reply(at(15), 1), None, "a repeated reply is swallowed");
        assert_eq!(pings.step(at(999)), None);
        assert_eq!(pings.step(at(1000)), Some(Step::Request { target: FIRST, sequence: 2 }));
        assert_eq!(pings.step(at(1000)), None);
        assert_eq!(pings.step(at(2000)), Some(Step::Lost { target: FIRST, handlers: () }));
        let summary = Summary { target: FIRST, requests: 2, lost: 1, took: Duration::from_secs(2) };
        assert_eq!(pings.step(at(2000)), Some(Step::Finished { handlers: (), summary }));
        assert_eq!(pings.next_deadline(), None);
    }

    // docs/behaviour.md §2.10
    #[test]
    fn the_newest_ping_claims_replies_and_only_the_newest_number_counts() {
        let mut pings = Pings::default();
        pings.start(at(0), FIRST, 4, 'a');
        assert_eq!(pings.start(at(500), SECOND, 4, 'b'), Step::Request { target: SECOND, sequence: 2 });
        assert_eq!(pings.reply(at(510), 1), None, "the first ping's number is no longer the newest");
        let reply = pings.reply(at(520), 2).unwrap();
        assert_eq!((reply.target, reply.handlers), (SECOND, 'b'));
        assert_eq!(pings.step(at(1000)), Some(Step::Lost { target: FIRST, handlers: 'a' }));
        assert_eq!(pings.step(at(1000)), Some(Step::Request { target: FIRST, sequence: 3 }));
        let reply = pings.reply(at(1010), 3).unwrap();
        assert_eq!((reply.target, reply.handlers), (SECOND, 'b'), "reported under the newest ping's target");
    }

    // docs/behaviour.md §2.10
    #[test]
    fn the_sequence_number_keeps_counting_and_wraps_to_zero() {
        let mut pings = Pings::<()> { sequence: SEQUENCE_END - 2, ..Pings::default() };
        assert_eq!(pings.next_sequence(), SEQUENCE_END - 1);
        assert_eq!(pings.next_sequence(), 0);
        assert_eq!(pings.next_sequence(), 1);
    }
}
