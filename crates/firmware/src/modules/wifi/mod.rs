//! `wifi`: the station, the access point, and their events.

use crate::chip::Chip;
use crate::module::Module;
use crate::radio::RadioReply;

/// The module.
pub(crate) const MODULE: Module =
    Module { name: "wifi", doc: "The station and access point of the radio.", members: &[], types: &[] };

/// What the module keeps.
#[derive(Default)]
pub(crate) struct State {}

/// What the module keeps in flash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {}

/// The SDK starts the radio as it was configured.
pub(crate) fn boot(chip: &Chip) {
    let _ = chip;
}

/// The radio answers.
pub(crate) fn handle_reply(chip: &Chip, reply: RadioReply) {
    let _ = (chip, reply);
}

/// The station in words, for a person.
pub(crate) fn status_text(chip: &Chip) -> String {
    let _ = chip;
    String::new()
}
