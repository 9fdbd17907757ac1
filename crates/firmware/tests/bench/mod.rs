//! A board without a network, driven to the end of what it does: Lua text in, console text out.

#![allow(dead_code, reason = "every test file uses its own part")]

use firmware::{Behaviour, Board, BoardConfig, Input, Release};
use lan::MacAddress;
use lua::Dialect;
use trace::{Duration, HostId, Instant, Kind, Record, Trace};

/// A board on the bench.
pub(crate) struct Bench {
    pub(crate) board: Board,
    pub(crate) trace: Trace,
    pub(crate) now: Instant,
    console: String,
}

/// The settings that most tests have: the manual's behaviour, both generations of the API, Lua 5.1.
pub(crate) fn config() -> BoardConfig {
    BoardConfig {
        seed: 7,
        station: None,
        ..BoardConfig::new(HostId(0), "board", MacAddress([0x5c, 0xcf, 0x7f, 0x12, 0x34, 0x56]))
    }
}

/// The same with the chip's behaviour.
pub(crate) fn chip() -> BoardConfig {
    BoardConfig { behaviour: Behaviour::Chip, ..config() }
}

/// The same with release 3.0 alone.
pub(crate) fn release_3_0() -> BoardConfig {
    BoardConfig { release: Release::V3, ..config() }
}

/// The same with Lua 5.3.
pub(crate) fn lua_5_3() -> BoardConfig {
    BoardConfig { dialect: Dialect::Lua53, ..config() }
}

impl Bench {
    /// A board that is off, with these files.
    pub(crate) fn new(config: BoardConfig, files: &[(&str, &str)]) -> Bench {
        let trace = Trace::new(100_000);
        let mut board = Board::new(config, trace.clone());
        board.files_mut(|store| {
            for (name, content) in files {
                store.write(name.as_bytes(), *content).expect("the file fits");
            }
        });
        Bench { board, trace, now: Instant::ZERO, console: String::new() }
    }

    /// A board that has run `program` as its `init.lua` for 20 s.
    pub(crate) fn running(config: BoardConfig, program: &str) -> Bench {
        let mut bench = Bench::new(config, &[("init.lua", program)]);
        bench.power_on();
        bench.run_for(Duration::from_secs(20));
        bench
    }

    pub(crate) fn power_on(&mut self) {
        self.board.power_on(self.now);
    }

    /// Lets virtual time pass.
    pub(crate) fn run_for(&mut self, span: Duration) {
        let until = self.now + span;
        let mut steps_left = 2_000_000u32;
        loop {
            self.board.run(self.now);
            self.console.push_str(&String::from_utf8_lossy(&self.board.take_console()));
            while self.board.take_frame().is_some() {}
            while self.board.take_radio_request().is_some() {}
            match self.board.next_deadline() {
                Some(deadline) if deadline <= until => self.now = self.now.max(deadline),
                _ => break,
            }
            steps_left -= 1;
            assert!(steps_left > 0, "the board never rests; console so far:\n{}", self.console);
        }
        self.now = until;
        self.board.run(self.now);
        self.console.push_str(&String::from_utf8_lossy(&self.board.take_console()));
    }

    /// Types at the console and lets a second pass. Returns what the console shows meanwhile.
    pub(crate) fn type_in(&mut self, text: &str) -> String {
        self.take_console();
        self.board.input(self.now, Input::Console(text.as_bytes().to_vec()));
        self.run_for(Duration::from_secs(1));
        self.take_console()
    }

    /// Everything printed since the last time, as it is.
    pub(crate) fn take_console(&mut self) -> String {
        std::mem::take(&mut self.console)
    }

    /// What the program printed: without banners and the first prompt after each.
    pub(crate) fn output(&mut self) -> String {
        let console = self.take_console();
        let mut output = String::new();
        for (i, part) in console.split(" on SDK 3.0.1-dev(fce080e)\n").enumerate() {
            let part = match part.find("\nNodeMCU ") {
                Some(banner) => &part[..banner],
                None => part,
            };
            output.push_str(&if i == 0 { part.to_owned() } else { part.replacen("> ", "", 1) });
        }
        output
    }

    /// The records of the log.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.trace.since(None)
    }

    /// The hints given, with their lines.
    pub(crate) fn hints(&self) -> Vec<(u32, String)> {
        let hint = |record: Record| match record.kind {
            Kind::Hint { text, position } => Some((position.map_or(0, |position| position.line), text)),
            _ => None,
        };
        self.records().into_iter().filter_map(hint).collect()
    }
}

/// Runs `program` as `init.lua` and compares what it prints.
#[track_caller]
pub(crate) fn check(program: &str, expected: &str) {
    check_on(config(), program, expected);
}

/// [`check`] with other settings.
#[track_caller]
pub(crate) fn check_on(config: BoardConfig, program: &str, expected: &str) {
    let mut bench = Bench::running(config, program);
    let output = bench.output();
    assert!(output == expected, "the program\n{program}\nprinted\n{output}\ninstead of\n{expected}");
}

/// Evaluates expressions, one a line, and compares their results, one a line.
#[track_caller]
pub(crate) fn check_values(expressions: &[(&str, &str)]) {
    let program: String = expressions.iter().map(|(expression, _)| format!("print({expression})\n")).collect();
    let expected: String = expressions.iter().map(|(_, value)| format!("{value}\n")).collect();
    check(&program, &expected);
}

/// Runs statements that fail, one after the other, and compares their messages.
#[track_caller]
pub(crate) fn check_errors(statements: &[(&str, &str)]) {
    let program: String = statements
        .iter()
        .map(|(statement, _)| format!("print(select(2, pcall(function() {statement} end)))\n"))
        .collect();
    let expected: String = (1..)
        .zip(statements)
        .map(|(line, (_, message))| match message.strip_prefix('=') {
            Some(plain) => format!("{plain}\n"),
            None => format!("init.lua:{line}: {message}\n"),
        })
        .collect();
    check(&program, &expected);
}
