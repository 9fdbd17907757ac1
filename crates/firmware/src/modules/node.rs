//! `node`: the system.

use lua::StashedFunction;

use crate::chip::Chip;
use crate::module::Module;

/// The module.
pub(crate) const MODULE: Module = Module { name: "node", doc: "The system.", members: &[], types: &[] };

/// What the module keeps.
#[derive(Default)]
pub(crate) struct State {
    error_handler: Option<StashedFunction>,
}

/// The function of `node.setonerror`.
pub(crate) fn error_handler(chip: &Chip) -> Option<StashedFunction> {
    chip.modules.node.borrow().error_handler.clone()
}

/// Gives printed text to the function of `node.output`. Returns whether the serial port gets it too.
pub(crate) fn output(chip: &Chip, bytes: &[u8]) -> bool {
    let _ = (chip, bytes);
    true
}
