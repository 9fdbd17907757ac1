//! The system's task queues: three priorities of eight places each.
//!
//! A higher priority goes first, and first come first served within one (`docs/behaviour.md` §6.3). A task runs between
//! two pieces of Lua, never within one.

use std::collections::VecDeque;

use trace::RecordId;

use crate::alarm::Action;
use crate::limits;

/// How soon a task runs; the values are `node.task`'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// `node.task.LOW_PRIORITY`.
    Low = 0,
    /// `node.task.MEDIUM_PRIORITY`, the default.
    Medium = 1,
    /// `node.task.HIGH_PRIORITY`.
    High = 2,
}

impl Priority {
    /// The priority with a number of `node.task`.
    pub(crate) fn from_number(number: i64) -> Option<Priority> {
        match number {
            0 => Some(Priority::Low),
            1 => Some(Priority::Medium),
            2 => Some(Priority::High),
            _ => None,
        }
    }
}

/// All eight places of a priority are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

/// The three queues.
#[derive(Default)]
pub(crate) struct TaskQueue {
    queues: [VecDeque<(Option<RecordId>, Action)>; 3],
}

impl TaskQueue {
    /// Queues `action`; `cause` is in force while it runs.
    pub(crate) fn post(
        &mut self,
        priority: Priority,
        cause: Option<RecordId>,
        action: Action,
    ) -> Result<(), QueueFull> {
        let queue = &mut self.queues[priority as usize];
        if queue.len() >= limits::TASKS_PER_PRIORITY_MAX {
            return Err(QueueFull);
        }
        queue.push_back((cause, action));
        Ok(())
    }

    /// The task to run next.
    pub(crate) fn take(&mut self) -> Option<(Option<RecordId>, Action)> {
        self.queues.iter_mut().rev().find_map(VecDeque::pop_front)
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }
}
