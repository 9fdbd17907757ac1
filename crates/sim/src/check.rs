//! The checks of a lab, kept up to date while it runs.

use trace::{Instant, Kind, Record};

use crate::inspect::Names;
use crate::lab::{Check, Lab};
use crate::view::{CheckState, CheckStatus, FetchResult};
use crate::wiring;

/// Longest line of a console that a pattern is matched against; what is longer is cut.
const LINE_BYTES_MAX: usize = 4_096;

/// All checks of a lab.
#[derive(Debug)]
pub(crate) struct Checks {
    checks: Vec<Watched>,
    crashes: u32,
}

#[derive(Debug)]
struct Watched {
    check: Check,
    state: CheckState,
    detail: String,
    /// Per board: the end of what it printed, as much as a text or line may still need.
    tails: Vec<(String, Vec<u8>)>,
    count: u32,
}

impl Checks {
    pub(crate) fn new(lab: &Lab) -> Checks {
        let watch = |check: &Check| Watched {
            check: check.clone(),
            state: CheckState::Open,
            detail: String::new(),
            tails: lab.boards.iter().map(|board| (board.name.clone(), Vec::new())).collect(),
            count: 0,
        };
        let mut checks = Checks { checks: lab.checks.iter().map(watch).collect(), crashes: 0 };
        for watched in &mut checks.checks {
            watched.begin();
        }
        checks
    }

    /// The requests that checks want made: place in the list, virtual milliseconds, URL.
    pub(crate) fn fetches(&self) -> Vec<(u32, f64, String)> {
        let indexed = (0..).zip(&self.checks);
        let fetches = indexed.filter_map(|(index, watched)| match &watched.check {
            Check::Fetch { url, at_ms, .. } => Some((index, *at_ms, url.clone())),
            _ => None,
        });
        fetches.collect()
    }

    /// A board has printed `bytes`.
    pub(crate) fn console(&mut self, board: &str, bytes: &[u8], now: Instant) {
        for watched in &mut self.checks {
            watched.console(board, bytes, now);
        }
    }

    /// Something has happened.
    pub(crate) fn record(&mut self, record: &Record, names: &Names, now: Instant) {
        if matches!(record.kind, Kind::Crash { .. }) {
            self.crashes += 1;
        }
        for watched in &mut self.checks {
            watched.record(record, names);
            watched.time(now);
        }
    }

    /// The request of the check at place `index` has ended.
    pub(crate) fn fetched(&mut self, index: u32, result: &FetchResult) {
        if let Some(watched) = self.checks.get_mut(index as usize) {
            watched.fetched(result);
        }
    }

    pub(crate) fn crashed(&self) -> bool {
        self.crashes > 0
    }

    pub(crate) fn status(&self) -> Vec<CheckStatus> {
        (0..).zip(&self.checks).map(|(index, watched)| watched.status(index)).collect()
    }

    /// As [`Checks::status`] when nothing more will happen.
    pub(crate) fn final_status(&self) -> Vec<CheckStatus> {
        let mut all = self.status();
        for status in &mut all {
            if status.state == CheckState::Open {
                status.state = CheckState::Failed;
                status.detail =
                    if status.detail.is_empty() { "it did not happen".into() } else { status.detail.clone() };
            }
        }
        all
    }
}

impl Watched {
    /// Checks that something never happens hold until it happens.
    fn begin(&mut self) {
        self.state = match &self.check {
            Check::ConsoleLacks { .. } | Check::NoCrash => CheckState::Passed,
            Check::Records { min: Some(0), .. } => CheckState::Passed,
            _ => CheckState::Open,
        };
    }

    fn decide(&mut self, state: CheckState, detail: impl Into<String>) {
        self.state = state;
        self.detail = detail.into();
    }

    fn time(&mut self, now: Instant) {
        if let Check::ConsoleContains { by_ms: Some(by), .. } = self.check
            && self.state == CheckState::Open
            && now > wiring::instant(by)
        {
            self.decide(CheckState::Failed, format!("not printed by {by} ms"));
        }
    }

    fn console(&mut self, board: &str, bytes: &[u8], now: Instant) {
        let wanted = match &self.check {
            Check::ConsoleContains { board, .. }
            | Check::ConsoleLacks { board, .. }
            | Check::ConsoleMatches { board, .. } => board,
            _ => return,
        };
        if wanted.as_deref().is_some_and(|wanted| wanted != board) {
            return;
        }
        self.time(now);
        let Some((_, tail)) = self.tails.iter_mut().find(|(name, _)| name == board) else { return };
        tail.extend(bytes);
        match &self.check {
            Check::ConsoleContains { text, .. } => {
                let found = find_and_trim(tail, text.as_bytes());
                if found && self.state == CheckState::Open {
                    self.decide(CheckState::Passed, format!("printed by {board} at {now} s"));
                }
            }
            Check::ConsoleLacks { text, .. } => {
                let found = find_and_trim(tail, text.as_bytes());
                if found {
                    self.decide(CheckState::Failed, format!("printed by {board} at {now} s"));
                }
            }
            Check::ConsoleMatches { matches, .. } => {
                let mut found = false;
                while let Some(end) = tail.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = tail.drain(..=end).collect();
                    let line = line.trim_ascii_end();
                    found |= matches_pattern(line.get(..LINE_BYTES_MAX).unwrap_or(line), matches.as_bytes());
                }
                if found && self.state == CheckState::Open {
                    self.decide(CheckState::Passed, format!("printed by {board} at {now} s"));
                }
            }
            _ => {}
        }
    }

    fn record(&mut self, record: &Record, names: &Names) {
        match &self.check {
            Check::NoCrash => {
                if let Kind::Crash { message } = &record.kind {
                    let detail = format!("{} crashed: {message}", names.of(record.host));
                    self.decide(CheckState::Failed, detail);
                }
            }
            Check::Records { kind, host, contains, min, max } => {
                if host.as_ref().is_some_and(|host| *host != names.of(record.host)) {
                    return;
                }
                let Ok(value) = serde_json::to_value(record) else { return };
                let fits = value.get("kind").and_then(|found| found.as_str()) == Some(kind)
                    && contains.as_ref().is_none_or(|text| value.to_string().contains(text));
                if !fits {
                    return;
                }
                self.count += 1;
                let (min, max) = (min.unwrap_or(1), *max);
                let detail = format!("seen {} times", self.count);
                if max.is_some_and(|max| self.count > max) {
                    self.decide(CheckState::Failed, detail);
                } else if self.count >= min {
                    self.decide(CheckState::Passed, detail);
                } else {
                    self.detail = detail;
                }
            }
            _ => {}
        }
    }

    fn fetched(&mut self, result: &FetchResult) {
        let Check::Fetch { status, contains, .. } = &self.check else { return };
        let wanted = status.unwrap_or(200);
        let body = String::from_utf8_lossy(&result.body);
        let lacks = contains.as_ref().filter(|text| !body.contains(text.as_str()));
        match (&result.error, lacks) {
            (Some(error), _) => self.decide(CheckState::Failed, error.clone()),
            (None, _) if result.status != wanted => {
                self.decide(CheckState::Failed, format!("status {} instead of {wanted}", result.status));
            }
            (None, Some(text)) => {
                let detail = format!("the answer does not contain {text:?}");
                self.decide(CheckState::Failed, detail);
            }
            (None, None) => self.decide(CheckState::Passed, format!("status {wanted}")),
        }
    }

    fn status(&self, index: u32) -> CheckStatus {
        CheckStatus { index, text: describe(&self.check), state: self.state, detail: self.detail.clone() }
    }
}

/// The check in words.
fn describe(check: &Check) -> String {
    let who = |board: &Option<String>| board.clone().unwrap_or_else(|| "the board".into());
    match check {
        Check::ConsoleContains { board, text, by_ms: None } => format!("{} prints {text:?}", who(board)),
        Check::ConsoleContains { board, text, by_ms: Some(by) } => format!("{} prints {text:?} by {by} ms", who(board)),
        Check::ConsoleLacks { board, text } => {
            format!("{} never prints {text:?}", board.clone().unwrap_or_else(|| "no board".into()))
        }
        Check::ConsoleMatches { board, matches } => format!("{} prints a line like {matches:?}", who(board)),
        Check::Fetch { url, status, .. } => format!("{url} answers with status {}", status.unwrap_or(200)),
        Check::Records { kind, min, max, contains, .. } => {
            let least = min.unwrap_or(1);
            let range = max.map_or(format!("at least {least}"), |max| format!("{least} to {max}"));
            let about = contains.as_ref().map(|text| format!(" about {text:?}")).unwrap_or_default();
            format!("the trace has {range} records of kind {kind}{about}")
        }
        Check::NoCrash => "no board crashes".into(),
    }
}

/// Whether `text` stands in `tail`; keeps of `tail` only what may be the beginning of a later find.
fn find_and_trim(tail: &mut Vec<u8>, text: &[u8]) -> bool {
    let found = text.is_empty() || tail.windows(text.len()).any(|window| window == text);
    let keep = text.len().saturating_sub(1);
    tail.drain(..tail.len().saturating_sub(keep));
    found
}

/// Whether all of `line` matches `pattern`, in which `*` stands for any bytes. Linear in memory, quadratic at worst.
fn matches_pattern(line: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut in_pattern) = (0, 0);
    let mut star = None;
    while at < line.len() {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                star = Some((in_pattern, at));
                in_pattern += 1;
            }
            Some(byte) if *byte == line[at] => {
                at += 1;
                in_pattern += 1;
            }
            _ => match star {
                Some((star_at, from)) => {
                    star = Some((star_at, from + 1));
                    at = from + 1;
                    in_pattern = star_at + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(in_pattern..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use trace::HostId;

    use super::*;
    use crate::lab::BoardLab;

    fn lab(check: Check) -> Lab {
        Lab { boards: vec![BoardLab::new("a"), BoardLab::new("b")], checks: vec![check], ..Lab::default() }
    }

    #[test]
    fn stars_stand_for_any_bytes() {
        for (line, pattern, expected) in [
            ("32 bytes from 8.8.8.8", "* bytes from *", true),
            ("32 bytes from 8.8.8.8", "32 bytes", false),
            ("abcabc", "*abc", true),
            ("", "*", true),
            ("x", "", false),
            ("aXbXc", "a*X*c", true),
        ] {
            assert_eq!(matches_pattern(line.as_bytes(), pattern.as_bytes()), expected, "{line:?} {pattern:?}");
        }
    }

    #[test]
    fn text_is_found_across_pieces_but_not_across_boards() {
        let mut checks = Checks::new(&lab(Check::ConsoleContains { board: None, text: "hello".into(), by_ms: None }));
        checks.console("a", b"he", Instant::ZERO);
        checks.console("b", b"llo", Instant::ZERO);
        assert_eq!(checks.status()[0].state, CheckState::Open);
        checks.console("a", b"llo", Instant::ZERO);
        assert_eq!(checks.status()[0].state, CheckState::Passed);
    }

    #[test]
    fn late_text_fails() {
        let check = Check::ConsoleContains { board: Some("a".into()), text: "x".into(), by_ms: Some(10.0) };
        let mut checks = Checks::new(&lab(check));
        checks.console("a", b"x", Instant::from_micros(10_001));
        assert_eq!(checks.status()[0].state, CheckState::Failed);
    }

    #[test]
    fn open_checks_fail_at_the_end() {
        let checks = Checks::new(&lab(Check::ConsoleMatches { board: None, matches: "x*".into() }));
        assert_eq!(checks.final_status()[0].state, CheckState::Failed);
        assert_eq!(checks.final_status()[0].detail, "it did not happen");
    }

    #[test]
    fn records_are_counted() {
        let check = Check::Records {
            kind: "crash".into(),
            host: Some("a".into()),
            contains: Some("watchdog".into()),
            min: None,
            max: Some(1),
        };
        let mut checks = Checks::new(&lab(check));
        let mut names = Names::default();
        names.hosts.insert(HostId(0), "a".into());
        let trace = trace::Trace::new(10);
        for expected in [CheckState::Passed, CheckState::Failed] {
            let id = trace.record(Instant::ZERO, HostId(0), Kind::Crash { message: "watchdog".into() });
            checks.record(&trace.get(id).unwrap(), &names, Instant::ZERO);
            assert_eq!(checks.status()[0].state, expected);
        }
        assert!(checks.crashed());
    }
}
