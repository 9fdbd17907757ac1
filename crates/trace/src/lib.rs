//! The causal log of a simulation: one list of everything a person can observe, each entry with what caused it.
//!
//! Every view of the page, the command line's output, the tests and the replays read this one list. A [`Record`] has an
//! id, the id of its cause, the virtual time and the host it happened on; [`Kind`] says what it was. A frame keeps the
//! id of the call that sent it on its way across the LAN, so that a callback on one board leads back, cause by cause, to
//! the line of Lua on another.
//!
//! This crate knows nothing of Lua, frames' contents or sockets' rules: it only names what happened. It does no I/O and
//! reads no clock.
//!
//! Reading order: [`time`], [`kind`], then [`Trace`] below.

mod kind;
pub mod time;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use serde::Serialize;

pub use kind::{
    BootReason, CallbackEvent, DhcpMessage, DropReason, Endpoint, FrameBytes, Kind, Layer, Position, Protocol, Silence,
    SocketState, UplinkEvent,
};
pub use time::{Duration, Instant};

/// Identifies a [`Record`]; counts up from 1 in the order in which things happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export, type = "number"))]
pub struct RecordId(u64);

impl RecordId {
    /// The id as a number, at least 1.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The id with number `id`, or `None` for 0, which no record has.
    pub const fn new(id: u64) -> Option<RecordId> {
        if id == 0 { None } else { Some(RecordId(id)) }
    }
}

/// Identifies a host of the simulation (board, router, PC, built-in server), by the order in which it was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export, type = "number"))]
pub struct HostId(pub u32);

/// Identifies a socket on its host, by the order of creation there; never reused during a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export, type = "number"))]
pub struct SocketId(pub u32);

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
pub struct Record {
    /// This record.
    pub id: RecordId,
    /// What made it happen; `None` for what comes from outside (power on, a person's input, a clock).
    pub cause: Option<RecordId>,
    /// Virtual time in microseconds.
    pub at: Instant,
    /// The host it happened on.
    pub host: HostId,
    /// What happened.
    #[serde(flatten)]
    #[cfg_attr(feature = "typescript", ts(flatten))]
    pub kind: Kind,
}

/// A handle to the log; clones share it.
///
/// The log also carries the *current cause*: whoever starts handling something (a frame, a callback, a call of the
/// person's) enters a [`Scope`] with its record, and everything recorded until the scope is dropped names it as cause.
#[derive(Clone, Debug)]
pub struct Trace(Rc<RefCell<Log>>);

#[derive(Debug)]
struct Log {
    records: VecDeque<Record>,
    /// Most records kept; the oldest go first.
    records_max: usize,
    /// Number of the next record.
    next: u64,
    current: Option<RecordId>,
    keeps_records: bool,
}

/// While it lives, [`Trace::current`] is the record it was made with.
#[derive(Debug)]
#[must_use = "the cause is in force only while the scope lives"]
pub struct Scope {
    log: Rc<RefCell<Log>>,
    before: Option<RecordId>,
}

impl Trace {
    /// An empty log that keeps the newest `records_max` records.
    pub fn new(records_max: usize) -> Trace {
        let log = Log { records: VecDeque::new(), records_max, next: 1, current: None, keeps_records: true };
        Trace(Rc::new(RefCell::new(log)))
    }

    /// A log that numbers records and tracks causes but keeps none: for measuring what keeping them costs.
    pub fn discarding() -> Trace {
        let trace = Trace::new(0);
        trace.0.borrow_mut().keeps_records = false;
        trace
    }

    /// Whether records are kept. A caller may skip building an expensive [`Kind`] when they are not.
    pub fn keeps_records(&self) -> bool {
        self.0.borrow().keeps_records
    }

    /// Keeps records from now on, or only numbers them; returns what it did before. For what was there before the
    /// simulation began.
    pub fn keep_records(&self, keep: bool) -> bool {
        std::mem::replace(&mut self.0.borrow_mut().keeps_records, keep)
    }

    /// Appends a record caused by the current cause.
    pub fn record(&self, at: Instant, host: HostId, kind: Kind) -> RecordId {
        let cause = self.current();
        self.record_caused(at, host, cause, kind)
    }

    /// Appends a record with a cause of its own, for what happens later than its cause (a queued frame, a timer).
    pub fn record_caused(&self, at: Instant, host: HostId, cause: Option<RecordId>, kind: Kind) -> RecordId {
        let mut log = self.0.borrow_mut();
        let id = RecordId(log.next);
        log.next += 1;
        if log.keeps_records {
            if log.records.len() >= log.records_max {
                log.records.pop_front();
            }
            log.records.push_back(Record { id, cause, at, host, kind });
        }
        id
    }

    /// Adds to a record what was not known when it was made; nothing happens if it is gone.
    pub fn amend(&self, id: RecordId, change: impl FnOnce(&mut Kind)) {
        let mut log = self.0.borrow_mut();
        if let Ok(index) = log.records.binary_search_by_key(&id, |record| record.id)
            && let Some(record) = log.records.get_mut(index)
        {
            change(&mut record.kind);
        }
    }

    /// The record in whose scope we are.
    pub fn current(&self) -> Option<RecordId> {
        self.0.borrow().current
    }

    /// Makes `cause` the current cause until the returned scope is dropped.
    pub fn enter(&self, cause: Option<RecordId>) -> Scope {
        let before = std::mem::replace(&mut self.0.borrow_mut().current, cause);
        Scope { log: Rc::clone(&self.0), before }
    }

    /// Changes the current cause for good, for what begins and ends in different calls. A living [`Scope`] still restores
    /// what it found.
    pub fn set_current(&self, cause: Option<RecordId>) {
        self.0.borrow_mut().current = cause;
    }

    /// The kept records with ids above `after` (all of them for `None`), oldest first.
    pub fn since(&self, after: Option<RecordId>) -> Vec<Record> {
        let log = self.0.borrow();
        let after = after.map_or(0, RecordId::get);
        let start = log.records.partition_point(|record| record.id.get() <= after);
        log.records.range(start..).cloned().collect()
    }

    /// The record `id`, unless it has been dropped for age.
    pub fn get(&self, id: RecordId) -> Option<Record> {
        let log = self.0.borrow();
        let index = log.records.binary_search_by_key(&id, |record| record.id).ok()?;
        log.records.get(index).cloned()
    }

    /// The id of the newest record.
    pub fn newest(&self) -> Option<RecordId> {
        RecordId::new(self.0.borrow().next - 1)
    }

    /// From `id` back along the causes, `id` first, as far as records are kept.
    pub fn chain(&self, id: RecordId) -> Vec<Record> {
        std::iter::successors(self.get(id), |record| record.cause.and_then(|cause| self.get(cause))).collect()
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.log.borrow_mut().current = self.before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: HostId = HostId(0);

    fn console(text: &str) -> Kind {
        Kind::Console { text: text.into() }
    }

    #[test]
    fn scopes_nest_and_restore_the_cause() {
        let trace = Trace::new(10);
        let first = trace.record(Instant::ZERO, HOST, console("a"));
        let second = {
            let _scope = trace.enter(Some(first));
            let second = trace.record(Instant::ZERO, HOST, console("b"));
            let _inner = trace.enter(Some(second));
            trace.record(Instant::ZERO, HOST, console("c"));
            second
        };
        assert_eq!(trace.current(), None);
        let causes: Vec<_> = trace.since(None).into_iter().map(|record| record.cause).collect();
        assert_eq!(causes, [None, Some(first), Some(second)]);
        let chain: Vec<_> = trace.chain(trace.newest().unwrap()).into_iter().map(|record| record.id.get()).collect();
        assert_eq!(chain, [3, 2, 1]);
    }

    #[test]
    fn oldest_records_go_first() {
        let trace = Trace::new(2);
        for _ in 0..3 {
            trace.record(Instant::ZERO, HOST, console("x"));
        }
        let ids: Vec<_> = trace.since(None).into_iter().map(|record| record.id.get()).collect();
        assert_eq!(ids, [2, 3]);
        assert_eq!(trace.since(RecordId::new(2)).len(), 1);
        assert!(trace.get(RecordId::new(1).unwrap()).is_none());
    }
}
