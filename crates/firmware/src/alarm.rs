//! Timers of the firmware: what runs at an instant of virtual time, in the order in which it was set.

use std::collections::BTreeMap;

use trace::{Instant, RecordId};

use crate::chip::Chip;

/// Names a set alarm, for taking it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AlarmId {
    due: Instant,
    order: u64,
}

/// What an alarm does: native work, which may enqueue callbacks.
pub(crate) type Action = Box<dyn FnOnce(&Chip)>;

/// All alarms that are set.
#[derive(Default)]
pub(crate) struct Alarms {
    waiting: BTreeMap<AlarmId, (Option<RecordId>, Action)>,
    next: u64,
}

impl Alarms {
    /// Sets an alarm; `cause` is in force while `action` runs.
    pub(crate) fn set(&mut self, due: Instant, cause: Option<RecordId>, action: Action) -> AlarmId {
        let id = AlarmId { due, order: self.next };
        self.next += 1;
        self.waiting.insert(id, (cause, action));
        id
    }

    /// Takes an alarm back. Returns whether it was still waiting.
    pub(crate) fn cancel(&mut self, id: AlarmId) -> bool {
        self.waiting.remove(&id).is_some()
    }

    /// The earliest alarm that is due at `now`.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<(Option<RecordId>, Action)> {
        let (id, _) = self.waiting.first_key_value()?;
        if id.due > now {
            return None;
        }
        self.waiting.pop_first().map(|(_, alarm)| alarm)
    }

    /// When the earliest alarm is due.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|(id, _)| id.due)
    }
}
