//! Hints: where a program relies on something that a chip does differently, said once per line.

use std::collections::BTreeSet;

use trace::Position;

/// Which hints have been given.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    given: BTreeSet<(String, u32, String)>,
}

impl Hints {
    /// Whether `text` is new at `position`; it is not the next time.
    pub(crate) fn is_new(&mut self, text: &str, position: Option<&Position>) -> bool {
        let (file, line) = position.map_or((String::new(), 0), |position| (position.file.to_string(), position.line));
        self.given.insert((file, line, text.to_owned()))
    }
}
