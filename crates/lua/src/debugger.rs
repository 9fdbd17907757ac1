//! What a debugger watches for.
//!
//! A machine without a [`Watch`] runs a loop that does not know of it.

use std::collections::BTreeSet;

use crate::prototype::Prototype;

/// When a watched run stops next.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    /// Lines to stop at, by the file's name as messages show it.
    pub(crate) breakpoints: BTreeSet<(String, u32)>,
    pub(crate) goal: Goal,
    /// Where the run stopped last: it must leave this line before it stops there again.
    pub(crate) stopped_at: Option<(usize, u32, usize)>,
}

/// What a step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(dead_code)] // The host sets breakpoints only, so far.
pub(crate) enum Goal {
    /// The next breakpoint only.
    #[default]
    Breakpoint,
    /// The next instruction.
    Pause,
    /// Another line, in any function.
    Into,
    /// Another line of this many frames or fewer.
    Over(usize),
}

impl Watch {
    /// Whether the run is to stop before the instruction at `pc`.
    pub(crate) fn wants_stop(&self, prototype: &Prototype<'_>, pc: usize, depth: usize) -> bool {
        let line = prototype.place(pc).line;
        // A line is entered at its first instruction, or by a jump backwards to it.
        let enters_line = pc == 0 || prototype.place(pc - 1).line != line;
        if let Some((at_depth, at_line, at_pc)) = self.stopped_at
            && at_depth == depth
            && at_line == line
            && pc >= at_pc
        {
            return false;
        }
        match self.goal {
            Goal::Pause => true,
            Goal::Into if enters_line => true,
            Goal::Over(frames) if depth < frames || (depth == frames && enters_line) => true,
            _ => {
                enters_line
                    && !self.breakpoints.is_empty()
                    && self.breakpoints.contains(&(prototype.chunk.display_name.clone(), line))
            }
        }
    }
}
