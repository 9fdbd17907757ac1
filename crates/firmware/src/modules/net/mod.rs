//! `net`: sockets, names, pings.

use lan::Event;

use crate::chip::Chip;
use crate::module::Module;

/// The module.
pub(crate) const MODULE: Module =
    Module { name: "net", doc: "TCP and UDP sockets, DNS and ping.", members: &[], types: &[] };

/// What the module keeps.
#[derive(Default)]
pub(crate) struct State {}

/// Something happened in the network stack.
pub(crate) fn handle_event(chip: &Chip, event: Event) {
    let _ = (chip, event);
}

/// Unreachable sockets were dropped.
pub(crate) fn collected(chip: &Chip) {
    let _ = chip;
}
