//! Compiled functions.

use gc_arena::Collect;
use piccolo::String;

use crate::Position;

/// A compiled function.
#[derive(Collect)]
#[collect(no_drop)]
pub(crate) struct Prototype<'gc> {
    pub(crate) source: String<'gc>,
    pub(crate) line_defined: u32,
}

impl Prototype<'_> {
    pub(crate) fn position(&self) -> Position {
        Position { file: self.source.to_str_lossy().into_owned(), line: self.line_defined, column: 0, length: 0 }
    }
}
