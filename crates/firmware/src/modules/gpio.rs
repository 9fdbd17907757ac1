//! `gpio`: pins.

use crate::board::{PinStatus, Wiring};
use crate::chip::Chip;
use crate::module::Module;

/// The module.
pub(crate) const MODULE: Module = Module { name: "gpio", doc: "Digital pins.", members: &[], types: &[] };

/// What the module keeps.
pub(crate) struct State {}

impl State {
    /// All pins are inputs after a reset.
    pub(crate) fn new(wiring: &Wiring) -> State {
        let _ = wiring;
        State {}
    }
}

/// A pin is driven from outside.
pub(crate) fn input_changed(chip: &Chip, pin: u8, high: bool) {
    let _ = (chip, pin, high);
}

/// The pins, for a person.
pub(crate) fn status(chip: &Chip) -> Vec<PinStatus> {
    let _ = chip;
    Vec::new()
}
