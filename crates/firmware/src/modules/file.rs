//! `file`: SPIFFS.

use crate::chip::Chip;
use crate::module::Module;

/// The module.
pub(crate) const MODULE: Module = Module { name: "file", doc: "Files in flash.", members: &[], types: &[] };

/// What the module keeps.
#[derive(Default)]
pub(crate) struct State {}

/// A whole file, for the interpreter's own loading.
pub(crate) fn read_whole(chip: &Chip, name: &[u8]) -> Option<Vec<u8>> {
    chip.flash.borrow().files.read(name).map(<[u8]>::to_vec)
}
