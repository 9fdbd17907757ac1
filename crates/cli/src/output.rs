//! Consoles to standard output: one board's bytes as they are, several boards' lines with their names before them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use trace::HostId;

/// Where consoles go.
pub(crate) struct Output<W> {
    out: W,
    /// Names to put before lines; empty when there is one board.
    prefixes: BTreeMap<HostId, String>,
    /// Unfinished lines of hosts with a prefix.
    partial: BTreeMap<HostId, Vec<u8>>,
}

impl<W: Write> Output<W> {
    /// Writes to `out`; `boards` are those whose consoles are shown.
    pub(crate) fn new(out: W, boards: BTreeMap<HostId, String>) -> Output<W> {
        let prefixes = if boards.len() > 1 { boards } else { BTreeMap::new() };
        Output { out, prefixes, partial: BTreeMap::new() }
    }

    /// Shows what `host` printed.
    pub(crate) fn write(&mut self, host: HostId, bytes: &[u8]) -> io::Result<()> {
        let Some(name) = self.prefixes.get(&host) else {
            return self.out.write_all(bytes);
        };
        let partial = self.partial.entry(host).or_default();
        partial.extend_from_slice(bytes);
        while let Some(end) = partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = partial.drain(..=end).collect();
            write!(self.out, "{name}: ")?;
            self.out.write_all(&line)?;
        }
        Ok(())
    }

    /// Shows everything at once that waits for the end of its line, and the rest.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        for (host, partial) in std::mem::take(&mut self.partial) {
            if !partial.is_empty() {
                let name = self.prefixes.get(&host).map_or("", String::as_str);
                write!(self.out, "{name}: ")?;
                self.out.write_all(&partial)?;
                writeln!(self.out)?;
            }
        }
        self.out.flush()
    }

    /// Passes on what is buffered.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], writes: &[(u32, &str)], expected: &str) {
        let boards = (0..).map(HostId).zip(names.iter().map(|name| (*name).to_owned())).collect();
        let mut bytes = Vec::new();
        let mut output = Output::new(&mut bytes, boards);
        for (host, text) in writes {
            output.write(HostId(*host), text.as_bytes()).unwrap();
        }
        output.finish().unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn one_board_is_passed_on_as_it_is() {
        check(&["a"], &[(0, "x"), (0, "y\n> ")], "xy\n> ");
    }

    #[test]
    fn lines_of_several_boards_do_not_mix() {
        check(&["a", "b"], &[(0, "x"), (1, "1\n2"), (0, "y\n")], "b: 1\na: xy\nb: 2\n");
    }
}
