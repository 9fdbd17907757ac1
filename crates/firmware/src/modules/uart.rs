//! `uart`: the serial port.

use crate::chip::Chip;
use crate::module::Module;

/// The module.
pub(crate) const MODULE: Module = Module { name: "uart", doc: "The serial port.", members: &[], types: &[] };

/// What the module keeps.
#[derive(Default)]
pub(crate) struct State {}

/// Typed input for the function of `uart.on`.
pub(crate) fn deliver(chip: &Chip, bytes: &[u8]) {
    let _ = (chip, bytes);
}
