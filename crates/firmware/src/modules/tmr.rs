//! `tmr`: timers.

use crate::module::Module;

/// The module.
pub(crate) const MODULE: Module = Module { name: "tmr", doc: "Timers and clocks.", members: &[], types: &[] };

/// What the module keeps.
#[derive(Default)]
pub(crate) struct State {}
