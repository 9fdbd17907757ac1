//! The serial port: what it prints, and how typed characters become lines for the interpreter.
//!
//! Editing is the firmware's (`docs/behaviour.md` §6.6): every character is echoed, BS and DEL rub one out, CR, LF and
//! their pairs end a line, an empty line repeats the prompt, and a line of more than 256 characters loses what came before.
//!
//! The chip sends LF as CR LF and leaves out lone CRs. Here text stays as the program printed it, with LF alone: a page and
//! a terminal both know what to do with it, and tests read better.

use std::collections::VecDeque;

use trace::Instant;

use crate::limits;

/// What the UART does with typed characters; `uart.on` changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InputMode {
    /// Lines go to the interpreter, and also to the function of `uart.on` if `callback`.
    Lines {
        /// Whether `uart.on` registered a function.
        callback: bool,
    },
    /// Characters go to the function alone, in pieces that `until` cuts.
    Raw {
        /// What ends a piece; `None` without a function: input is thrown away.
        until: Option<Until>,
    },
}

/// What ends a piece of raw input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// So many characters; 0 means each by itself.
    Count(usize),
    /// This character, or a full buffer.
    Byte(u8),
}

/// What typed characters led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// A whole line, without its end.
    Line(Vec<u8>),
    /// A piece of raw input.
    Piece(Vec<u8>),
}

/// The serial port.
#[derive(Debug)]
pub(crate) struct Console {
    output: VecDeque<(Instant, Vec<u8>)>,
    output_bytes: usize,
    /// Received and not yet looked at.
    received: VecDeque<u8>,
    /// The line under edit, or the piece being gathered.
    line: Vec<u8>,
    last_end: Option<u8>,
    /// Whether typed characters are echoed.
    pub(crate) echo: bool,
    /// What becomes of typed characters.
    pub(crate) mode: InputMode,
    /// What an empty line prints.
    pub(crate) prompt: Vec<u8>,
    /// Lines for the interpreter, without their ends.
    pub(crate) lines: VecDeque<Vec<u8>>,
    /// Text of `node.input` that has not ended its line yet.
    partial: Vec<u8>,
    /// Lines of a chunk that is not complete yet.
    pub(crate) pending: Option<Vec<u8>>,
}

impl Console {
    /// A port with nothing on it.
    pub(crate) fn new() -> Console {
        Console {
            output: VecDeque::new(),
            output_bytes: 0,
            received: VecDeque::new(),
            line: Vec::new(),
            last_end: None,
            echo: true,
            mode: InputMode::Lines { callback: false },
            prompt: b"> ".to_vec(),
            lines: VecDeque::new(),
            partial: Vec::new(),
            pending: None,
        }
    }

    /// Forgets everything but what was printed: the chip was reset.
    pub(crate) fn reset(&mut self) {
        let output = std::mem::take(&mut self.output);
        let output_bytes = self.output_bytes;
        *self = Console { output, output_bytes, ..Console::new() };
    }

    // ---- output ----

    /// Prints `bytes` at `now`.
    pub(crate) fn write_serial(&mut self, now: Instant, bytes: &[u8]) {
        self.output_bytes += bytes.len();
        match self.output.back_mut() {
            Some((at, text)) if *at == now => text.extend_from_slice(bytes),
            _ => self.output.push_back((now, bytes.to_vec())),
        }
        while self.output_bytes > limits::CONSOLE_BACKLOG_MAX && self.output.len() > 1 {
            if let Some((_, text)) = self.output.pop_front() {
                self.output_bytes -= text.len();
            }
        }
    }

    /// What was printed up to `now` and not taken yet.
    pub(crate) fn take_output(&mut self, now: Instant) -> Vec<u8> {
        let mut taken = Vec::new();
        while self.output.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, text)) = self.output.pop_front() {
                self.output_bytes -= text.len();
                taken.extend_from_slice(&text);
            }
        }
        taken
    }

    /// When the next output becomes visible.
    pub(crate) fn next_output(&self) -> Option<Instant> {
        self.output.front().map(|(at, _)| *at)
    }

    // ---- input ----

    /// Takes in what was typed. Characters beyond the receive buffer are lost, as on the chip.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        let room = limits::UART_RECEIVE_MAX.saturating_sub(self.received.len());
        self.received.extend(&bytes[..bytes.len().min(room)]);
    }

    /// Whether typed characters wait.
    pub(crate) fn has_received(&self) -> bool {
        !self.received.is_empty()
    }

    /// Room for typed characters.
    pub(crate) fn room(&self) -> usize {
        limits::UART_RECEIVE_MAX.saturating_sub(self.received.len())
    }

    /// Works through typed characters up to the next line or piece. `echoed` collects what the port echoes.
    pub(crate) fn read(&mut self, echoed: &mut Vec<u8>) -> Option<Typed> {
        while let Some(byte) = self.received.pop_front() {
            let typed = match self.mode {
                InputMode::Lines { .. } => self.edit(byte, echoed).map(Typed::Line),
                InputMode::Raw { until } => self.gather(byte, until).map(Typed::Piece),
            };
            if typed.is_some() {
                return typed;
            }
        }
        None
    }

    fn edit(&mut self, byte: u8, echoed: &mut Vec<u8>) -> Option<Vec<u8>> {
        const BACKSPACE: u8 = 0x08;
        const DELETE: u8 = 0x7f;
        let is_second_of_pair = matches!((self.last_end, byte), (Some(b'\n'), b'\r') | (Some(b'\r'), b'\n'));
        self.last_end = None;
        match byte {
            b'\r' | b'\n' if is_second_of_pair => None,
            b'\r' | b'\n' => {
                self.last_end = Some(byte);
                if self.echo {
                    echoed.push(b'\n');
                }
                Some(std::mem::take(&mut self.line))
            }
            BACKSPACE | DELETE => {
                if self.line.pop().is_some() && self.echo {
                    echoed.extend_from_slice(b"\x08 \x08");
                }
                None
            }
            _ => {
                if self.echo {
                    echoed.push(byte);
                }
                if self.line.len() + 1 >= limits::CONSOLE_LINE_MAX {
                    self.line.clear();
                }
                self.line.push(byte);
                None
            }
        }
    }

    fn gather(&mut self, byte: u8, until: Option<Until>) -> Option<Vec<u8>> {
        let until = until?;
        self.line.push(byte);
        let is_whole = self.line.len() >= limits::CONSOLE_LINE_MAX
            || match until {
                Until::Count(count) => self.line.len() >= count.max(1),
                Until::Byte(end) => byte == end,
            };
        is_whole.then(|| std::mem::take(&mut self.line))
    }

    /// Gives text to the interpreter as `node.input` does: lines count when their LF has come.
    pub(crate) fn push_input(&mut self, text: &[u8]) {
        for &byte in text {
            if byte == b'\n' {
                self.lines.push_back(std::mem::take(&mut self.partial));
            } else {
                self.partial.push(byte);
            }
        }
    }

    /// Bytes that wait for the interpreter.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.partial.len() + self.lines.iter().map(Vec::len).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_in(console: &mut Console, text: &[u8]) -> (Vec<Typed>, String) {
        let mut echoed = Vec::new();
        let mut typed = Vec::new();
        for chunk in text.chunks(64) {
            console.receive(chunk);
            typed.extend(std::iter::from_fn(|| console.read(&mut echoed)));
        }
        (typed, String::from_utf8(echoed).unwrap())
    }

    fn line(text: &str) -> Typed {
        Typed::Line(text.as_bytes().to_vec())
    }

    /// docs/behaviour.md §6.6: CR, LF and CRLF all end a line; BS and DEL edit; echo is on.
    #[test]
    fn lines_end_with_cr_lf_or_both() {
        let (typed, echoed) = type_in(&mut Console::new(), b"a\rb\nc\r\nd\n\re\n\n");
        assert_eq!(typed, [line("a"), line("b"), line("c"), line("d"), line("e"), line("")]);
        assert_eq!(echoed, "a\nb\nc\nd\ne\n\n");
    }

    #[test]
    fn backspace_and_delete_rub_out() {
        let (typed, echoed) = type_in(&mut Console::new(), b"\x08ab\x08c\x7f\x7fz\n");
        assert_eq!(typed, [line("z")]);
        assert_eq!(echoed, "ab\x08 \x08c\x08 \x08\x08 \x08z\n");
    }

    /// docs/behaviour.md §6.6: overlong input is dropped.
    #[test]
    fn an_overlong_line_loses_its_beginning() {
        let mut text = vec![b'x'; 255];
        text.extend_from_slice(b"yz\n");
        assert_eq!(type_in(&mut Console::new(), &text).0, [line("yz")]);
    }

    /// docs/behaviour.md §6.5: without `run_input`, pieces of n bytes or up to a character, no echo.
    #[test]
    fn raw_input_comes_in_pieces() {
        let mut console = Console::new();
        console.mode = InputMode::Raw { until: Some(Until::Count(3)) };
        let (typed, echoed) = type_in(&mut console, b"abcdefg");
        assert_eq!(typed, [Typed::Piece(b"abc".to_vec()), Typed::Piece(b"def".to_vec())]);
        assert_eq!(echoed, "");
        console.mode = InputMode::Raw { until: Some(Until::Byte(b';')) };
        assert_eq!(type_in(&mut console, b"h;").0, [Typed::Piece(b"gh;".to_vec())]);
    }

    #[test]
    fn output_appears_when_its_time_comes() {
        let mut console = Console::new();
        console.write_serial(Instant::from_micros(5), b"a");
        console.write_serial(Instant::from_micros(9), b"b");
        assert_eq!(console.take_output(Instant::from_micros(5)), b"a");
        assert_eq!(console.next_output(), Some(Instant::from_micros(9)));
        assert_eq!(console.take_output(Instant::from_micros(10)), b"b");
    }
}
