//! Words for the person: standard error, and what is no fault of theirs.

use std::fmt;
use std::io::{self, Write};

/// Writes a line to standard error. That nobody reads it is no reason to end.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Whether an error only says that who read the output has left, as `head` does: the command then ends without a word.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(pipe))
}
