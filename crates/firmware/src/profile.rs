//! Which firmware a board behaves like: the settings by which labs differ.

use serde::{Deserialize, Serialize};

/// Whose word counts where the manual and the chip disagree (`docs/behaviour.md` §8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// As documented; where a chip would differ, one hint says so.
    #[default]
    Manual,
    /// As release 3.0 of the firmware does.
    Chip,
}

/// Which generation of the API exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Release {
    /// Both; a removed name works and hints once.
    #[default]
    #[serde(rename = "any")]
    Any,
    /// Release 3.0 alone.
    #[serde(rename = "3.0")]
    V3,
    /// The 2.x releases, before the numbered timers and the old `net` forms went.
    #[serde(rename = "2.x")]
    V2,
}

impl Release {
    /// Whether names that release 3.0 removed exist.
    pub fn has_removed_names(self) -> bool {
        self != Release::V3
    }

    /// Whether using a removed name deserves a hint.
    pub fn hints_removed_names(self) -> bool {
        self == Release::Any
    }
}
