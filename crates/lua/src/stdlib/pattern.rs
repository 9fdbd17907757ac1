//! The pattern matcher behind `string.find`, `match`, `gmatch` and `gsub`.
//!
//! Works on bytes and knows nothing of Lua values. The reference matcher recurses on the C stack; this one keeps its choice
//! points in a vector, so that a hostile pattern can neither overflow the stack nor hold the machine: [`Search::advance`]
//! stops when its steps are spent and goes on from there when called again.
//!
//! The dialects differ: 5.1 sees a pattern only up to its first zero byte, has no class `%g` and no bound on nesting; 5.3 gives
//! up with `pattern too complex` at 200 pending choices and never matches the empty string where a match just ended.

use std::borrow::Cow;

/// `LUA_MAXCAPTURES` of `luaconf.h`.
pub(crate) const CAPTURES_MAX: usize = 32;

/// `MAXCCALLS` of `lstrlib.c` in Lua 5.3.
const DEPTH_MAX: usize = 200;

const ESCAPE: u8 = b'%';

/// Whose patterns these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatternRules {
    Lua51,
    Lua53,
}

/// A pattern that cannot be used; [`PatternError::message`] is the text that Lua shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatternError {
    EndsWithEscape,
    MissingBracket,
    MissingBalanceArguments,
    MissingFrontierSet,
    /// One-based; only 5.3 names it.
    InvalidCaptureIndex(usize),
    InvalidPatternCapture,
    UnfinishedCapture,
    TooManyCaptures,
    TooComplex,
}

impl PatternError {
    pub(crate) fn message(self, rules: PatternRules) -> Cow<'static, str> {
        let text = match self {
            PatternError::EndsWithEscape => "malformed pattern (ends with '%')",
            PatternError::MissingBracket => "malformed pattern (missing ']')",
            PatternError::MissingBalanceArguments => match rules {
                PatternRules::Lua51 => "unbalanced pattern",
                PatternRules::Lua53 => "malformed pattern (missing arguments to '%b')",
            },
            PatternError::MissingFrontierSet => "missing '[' after '%f' in pattern",
            PatternError::InvalidCaptureIndex(index) => match rules {
                PatternRules::Lua51 => "invalid capture index",
                PatternRules::Lua53 => return format!("invalid capture index %{index}").into(),
            },
            PatternError::InvalidPatternCapture => "invalid pattern capture",
            PatternError::UnfinishedCapture => "unfinished capture",
            PatternError::TooManyCaptures => "too many captures",
            PatternError::TooComplex => "pattern too complex",
        };
        text.into()
    }
}

/// What a capture holds once the match is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Captured {
    /// The bytes from `start` up to `end` of the subject.
    Slice { start: usize, end: usize },
    /// `()`: an offset in the subject, zero-based.
    Position(usize),
}

/// A match of the whole pattern: the bytes from `start` up to `end` of the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Found(Match),
    NotFound,
    /// The steps are spent; call [`Search::advance`] again to go on.
    Suspended,
}

/// The part of `pattern` that the dialect sees.
pub(crate) fn visible(pattern: &[u8], rules: PatternRules) -> &[u8] {
    match rules {
        PatternRules::Lua51 => &pattern[..pattern.iter().position(|&byte| byte == 0).unwrap_or(pattern.len())],
        PatternRules::Lua53 => pattern,
    }
}

/// Whether `pattern` matches only itself, so that a plain search will do.
pub(crate) fn has_no_specials(pattern: &[u8], rules: PatternRules) -> bool {
    !visible(pattern, rules).iter().any(|byte| b"^$*+?.([%-".contains(byte))
}

/// The first place at or after `from` where `needle` occurs in `subject`.
pub(crate) fn find_plain(subject: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let haystack = &subject[from..];
    let Some((&first, rest)) = needle.split_first() else { return Some(from) };
    let last_start = haystack.len().checked_sub(needle.len())?;
    let mut start = 0;
    while start <= last_start {
        start += haystack[start..=last_start].iter().position(|&byte| byte == first)?;
        if haystack[start + 1..].starts_with(rest) {
            return Some(from + start);
        }
        start += 1;
    }
    None
}

/// Looks for the matches of one pattern in one subject, one after the other.
///
/// Subject and pattern are not kept: pass the same ones to every call.
#[derive(Debug)]
pub(crate) struct Search {
    matcher: Matcher,
    /// Where the next attempt starts; `None` when there is none left.
    next_start: Option<usize>,
    attempt_start: usize,
    attempt_running: bool,
    anchored: bool,
    last_match_end: Option<usize>,
}

impl Search {
    /// A search from `start`. `anchors` says whether a leading `^` anchors, as everywhere but in `gmatch`.
    pub(crate) fn new(pattern: &[u8], start: usize, anchors: bool, rules: PatternRules) -> Search {
        Search {
            matcher: Matcher::new(rules),
            next_start: Some(start),
            attempt_start: start,
            attempt_running: false,
            anchored: anchors && pattern.first() == Some(&b'^'),
            last_match_end: None,
        }
    }

    /// Finds the next match. Each step is a small bounded piece of work; `steps` is decremented.
    pub(crate) fn advance(
        &mut self,
        subject: &[u8],
        pattern: &[u8],
        steps: &mut i64,
    ) -> Result<Progress, PatternError> {
        let pattern = visible(pattern, self.matcher.rules);
        loop {
            if !self.attempt_running {
                let Some(start) = self.next_start.filter(|&start| start <= subject.len()) else {
                    return Ok(Progress::NotFound);
                };
                self.attempt_start = start;
                self.attempt_running = true;
                self.matcher.begin(start, usize::from(self.anchored));
            }
            let start = self.attempt_start;
            match self.matcher.run(subject, pattern, steps)? {
                Attempt::Suspended => return Ok(Progress::Suspended),
                Attempt::Matched(end) if self.last_match_end != Some(end) => {
                    self.attempt_running = false;
                    self.go_on_after(start, end);
                    return Ok(Progress::Found(Match { start, end }));
                }
                Attempt::Matched(_) | Attempt::Failed => {
                    self.attempt_running = false;
                    self.next_start = (!self.anchored).then_some(start + 1);
                }
            }
        }
    }

    /// How many values the match just found yields: its captures, or the whole of it if there are none.
    pub(crate) fn value_count(&self) -> usize {
        self.matcher.level.max(1)
    }

    /// How many captures the match just found has.
    pub(crate) fn capture_count(&self) -> usize {
        self.matcher.level
    }

    /// The capture with the zero-based `index`; the whole match stands for the first one if the pattern has none.
    pub(crate) fn captured(&self, found: Match, index: usize) -> Result<Captured, PatternError> {
        if index >= self.matcher.level {
            if index != 0 {
                return Err(PatternError::InvalidCaptureIndex(index + 1));
            }
            return Ok(Captured::Slice { start: found.start, end: found.end });
        }
        let capture = self.matcher.captures[index];
        match capture.extent {
            Extent::Unfinished => Err(PatternError::UnfinishedCapture),
            Extent::Position => Ok(Captured::Position(capture.start)),
            Extent::Length(length) => Ok(Captured::Slice { start: capture.start, end: capture.start + length }),
        }
    }

    fn go_on_after(&mut self, start: usize, end: usize) {
        self.next_start = match self.matcher.rules {
            _ if self.anchored => None,
            PatternRules::Lua51 => Some(if end > start { end } else { end + 1 }),
            PatternRules::Lua53 => {
                self.last_match_end = Some(end);
                Some(end)
            }
        };
    }
}

#[derive(Debug, Clone, Copy)]
struct Capture {
    start: usize,
    extent: Extent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Unfinished,
    Position,
    Length(usize),
}

/// What to undo or to try next when the current path fails.
#[derive(Debug, Clone, Copy)]
enum Choice {
    /// `?` matched one byte: try without it.
    Optional {
        s: usize,
        p: usize,
    },
    /// `*` or `+` took `count` bytes from `s`: try with one fewer.
    Longest {
        s: usize,
        count: usize,
        p: usize,
    },
    /// `-` stopped at `s`: try with one more.
    Shortest {
        s: usize,
        item: usize,
        item_end: usize,
    },
    OpenCapture,
    CloseCapture(usize),
}

enum Attempt {
    Matched(usize),
    Failed,
    Suspended,
}

/// One attempt to match the pattern at one place. `s` and `p` are offsets in subject and pattern.
#[derive(Debug)]
struct Matcher {
    rules: PatternRules,
    s: usize,
    p: usize,
    level: usize,
    captures: [Capture; CAPTURES_MAX],
    choices: Vec<Choice>,
}

impl Matcher {
    fn new(rules: PatternRules) -> Matcher {
        let unused = Capture { start: 0, extent: Extent::Unfinished };
        Matcher { rules, s: 0, p: 0, level: 0, captures: [unused; CAPTURES_MAX], choices: Vec::new() }
    }

    fn begin(&mut self, s: usize, p: usize) {
        self.s = s;
        self.p = p;
        self.level = 0;
        self.choices.clear();
    }

    fn run(&mut self, subject: &[u8], pattern: &[u8], steps: &mut i64) -> Result<Attempt, PatternError> {
        loop {
            *steps -= 1;
            if *steps < 0 {
                return Ok(Attempt::Suspended);
            }
            let Some(&byte) = pattern.get(self.p) else {
                return Ok(Attempt::Matched(self.s));
            };
            let going_on = match (byte, pattern.get(self.p + 1)) {
                (b'(', next) => self.open_capture(next == Some(&b')'))?,
                (b')', _) => self.close_capture()?,
                (b'$', None) => {
                    self.p += 1;
                    self.s == subject.len()
                }
                (ESCAPE, Some(b'b')) => self.balance(subject, pattern, steps)?,
                (ESCAPE, Some(b'f')) => self.frontier(subject, pattern)?,
                (ESCAPE, Some(&digit @ b'0'..=b'9')) => self.back_reference(subject, digit)?,
                _ => self.single(subject, pattern, steps)?,
            };
            if !going_on && !self.backtrack(subject, pattern) {
                return Ok(Attempt::Failed);
            }
        }
    }

    /// One item that matches single bytes, with its repetition.
    fn single(&mut self, subject: &[u8], pattern: &[u8], steps: &mut i64) -> Result<bool, PatternError> {
        let item = self.p;
        let item_end = class_end(pattern, item)?;
        let here = subject.get(self.s).copied();
        let matches_here = || here.is_some_and(|byte| self.matches(byte, pattern, item, item_end));
        match pattern.get(item_end) {
            Some(b'?') => {
                self.p = item_end + 1;
                if here.is_some_and(|byte| self.matches(byte, pattern, item, item_end)) {
                    self.choose(Choice::Optional { s: self.s, p: self.p })?;
                    self.s += 1;
                }
                Ok(true)
            }
            Some(b'*') => self.take_longest(subject, pattern, item_end, steps),
            Some(b'+') => {
                if !matches_here() {
                    return Ok(false);
                }
                self.s += 1;
                self.take_longest(subject, pattern, item_end, steps)
            }
            Some(b'-') => {
                self.choose(Choice::Shortest { s: self.s, item, item_end })?;
                self.p = item_end + 1;
                Ok(true)
            }
            _ => {
                if !matches_here() {
                    return Ok(false);
                }
                self.s += 1;
                self.p = item_end;
                Ok(true)
            }
        }
    }

    fn take_longest(
        &mut self,
        subject: &[u8],
        pattern: &[u8],
        item_end: usize,
        steps: &mut i64,
    ) -> Result<bool, PatternError> {
        let item = self.p;
        let rest = &subject[self.s..];
        let count = match (pattern[item], pattern.get(item + 1)) {
            (b'.', _) => rest.len(),
            (ESCAPE, Some(&class)) => {
                rest.iter().position(|&byte| !matches_class(byte, class, self.rules)).unwrap_or(rest.len())
            }
            _ => rest.iter().position(|&byte| !self.matches(byte, pattern, item, item_end)).unwrap_or(rest.len()),
        };
        *steps -= (count / 8) as i64;
        self.choose(Choice::Longest { s: self.s, count, p: item_end + 1 })?;
        self.s += count;
        self.p = item_end + 1;
        Ok(true)
    }

    fn open_capture(&mut self, position: bool) -> Result<bool, PatternError> {
        if self.level >= CAPTURES_MAX {
            return Err(PatternError::TooManyCaptures);
        }
        let extent = if position { Extent::Position } else { Extent::Unfinished };
        self.captures[self.level] = Capture { start: self.s, extent };
        self.level += 1;
        self.choose(Choice::OpenCapture)?;
        self.p += if position { 2 } else { 1 };
        Ok(true)
    }

    fn close_capture(&mut self) -> Result<bool, PatternError> {
        let open = self.captures[..self.level].iter().rposition(|capture| capture.extent == Extent::Unfinished);
        let index = open.ok_or(PatternError::InvalidPatternCapture)?;
        self.captures[index].extent = Extent::Length(self.s - self.captures[index].start);
        self.choose(Choice::CloseCapture(index))?;
        self.p += 1;
        Ok(true)
    }

    /// `%bxy`: from an `x` to the `y` that balances it.
    fn balance(&mut self, subject: &[u8], pattern: &[u8], steps: &mut i64) -> Result<bool, PatternError> {
        let (Some(&open), Some(&close)) = (pattern.get(self.p + 2), pattern.get(self.p + 3)) else {
            return Err(PatternError::MissingBalanceArguments);
        };
        if subject.get(self.s) != Some(&open) {
            return Ok(false);
        }
        let mut depth = 1usize;
        for (offset, &byte) in subject[self.s + 1..].iter().enumerate() {
            if byte == close {
                depth -= 1;
                if depth == 0 {
                    *steps -= (offset / 8) as i64;
                    self.s += offset + 2;
                    self.p += 4;
                    return Ok(true);
                }
            } else if byte == open {
                depth += 1;
            }
        }
        *steps -= (subject.len() - self.s) as i64 / 8;
        Ok(false)
    }

    /// `%f[set]`: the border between a byte outside the set and one inside; both ends of the subject count as a zero byte.
    fn frontier(&mut self, subject: &[u8], pattern: &[u8]) -> Result<bool, PatternError> {
        let set = self.p + 2;
        if pattern.get(set) != Some(&b'[') {
            return Err(PatternError::MissingFrontierSet);
        }
        let set_end = class_end(pattern, set)?;
        let set = &pattern[set..set_end];
        let before = self.s.checked_sub(1).map_or(0, |index| subject[index]);
        let after = subject.get(self.s).copied().unwrap_or(0);
        self.p = set_end;
        Ok(!matches_set(before, set, self.rules) && matches_set(after, set, self.rules))
    }

    fn back_reference(&mut self, subject: &[u8], digit: u8) -> Result<bool, PatternError> {
        let number = usize::from(digit - b'0');
        let capture = number.checked_sub(1).and_then(|index| self.captures[..self.level].get(index));
        let length = match capture.map(|capture| capture.extent) {
            None | Some(Extent::Unfinished) => return Err(PatternError::InvalidCaptureIndex(number)),
            Some(Extent::Position) => return Ok(false),
            Some(Extent::Length(length)) => length,
        };
        let start = capture.map_or(0, |capture| capture.start);
        if !subject[self.s..].starts_with(&subject[start..start + length]) {
            return Ok(false);
        }
        self.s += length;
        self.p += 2;
        Ok(true)
    }

    /// Each pending choice is one level of the reference's recursion.
    fn choose(&mut self, choice: Choice) -> Result<(), PatternError> {
        self.choices.push(choice);
        if self.rules == PatternRules::Lua53 && self.choices.len() >= DEPTH_MAX {
            return Err(PatternError::TooComplex);
        }
        Ok(())
    }

    /// Goes back to the last choice with something left to try; false if there is none.
    fn backtrack(&mut self, subject: &[u8], pattern: &[u8]) -> bool {
        while let Some(choice) = self.choices.pop() {
            match choice {
                Choice::OpenCapture => self.level -= 1,
                Choice::CloseCapture(index) => self.captures[index].extent = Extent::Unfinished,
                Choice::Optional { s, p } => {
                    (self.s, self.p) = (s, p);
                    return true;
                }
                Choice::Longest { s, count, p } => {
                    if let Some(count) = count.checked_sub(1) {
                        self.choices.push(Choice::Longest { s, count, p });
                        (self.s, self.p) = (s + count, p);
                        return true;
                    }
                }
                Choice::Shortest { s, item, item_end } => {
                    if subject.get(s).is_some_and(|&byte| self.matches(byte, pattern, item, item_end)) {
                        self.choices.push(Choice::Shortest { s: s + 1, item, item_end });
                        (self.s, self.p) = (s + 1, item_end + 1);
                        return true;
                    }
                }
            }
        }
        false
    }

    fn matches(&self, byte: u8, pattern: &[u8], item: usize, item_end: usize) -> bool {
        match pattern[item] {
            b'.' => true,
            ESCAPE => matches_class(byte, pattern[item + 1], self.rules),
            b'[' => matches_set(byte, &pattern[item..item_end], self.rules),
            literal => literal == byte,
        }
    }
}

/// Where the single-byte item that starts at `start` ends.
fn class_end(pattern: &[u8], start: usize) -> Result<usize, PatternError> {
    let mut p = start + 1;
    match pattern[start] {
        ESCAPE if p == pattern.len() => Err(PatternError::EndsWithEscape),
        ESCAPE => Ok(p + 1),
        b'[' => {
            if pattern.get(p) == Some(&b'^') {
                p += 1;
            }
            // The first byte belongs to the set even if it is a closing bracket.
            loop {
                let &byte = pattern.get(p).ok_or(PatternError::MissingBracket)?;
                p += 1;
                if byte == ESCAPE && p < pattern.len() {
                    p += 1;
                }
                if pattern.get(p) == Some(&b']') {
                    return Ok(p + 1);
                }
            }
        }
        _ => Ok(p),
    }
}

/// Whether `byte` belongs to `set`, which includes its brackets.
fn matches_set(byte: u8, set: &[u8], rules: PatternRules) -> bool {
    let end = set.len() - 1;
    let negated = set[1] == b'^';
    let mut p = if negated { 2 } else { 1 };
    while p < end {
        if set[p] == ESCAPE {
            p += 1;
            if matches_class(byte, set[p], rules) {
                return !negated;
            }
        } else if set[p + 1] == b'-' && p + 2 < end {
            if (set[p]..=set[p + 2]).contains(&byte) {
                return !negated;
            }
            p += 2;
        } else if set[p] == byte {
            return !negated;
        }
        p += 1;
    }
    negated
}

/// `byte` against the class letter after a `%`; an upper-case letter means the complement, anything else itself.
fn matches_class(byte: u8, class: u8, rules: PatternRules) -> bool {
    let inside = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'g' if rules == PatternRules::Lua53 => byte.is_ascii_graphic(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => matches!(byte, b' ' | b'\t'..=b'\r'),
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    inside != class.is_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(subject: &str, pattern: &str, rules: PatternRules) -> Result<Option<(usize, usize)>, PatternError> {
        let mut search = Search::new(pattern.as_bytes(), 0, true, rules);
        let mut steps = i64::MAX;
        match search.advance(subject.as_bytes(), pattern.as_bytes(), &mut steps)? {
            Progress::Found(found) => Ok(Some((found.start, found.end))),
            Progress::NotFound => Ok(None),
            Progress::Suspended => panic!("suspended with steps left"),
        }
    }

    #[track_caller]
    fn check(subject: &str, pattern: &str, expected: Option<(usize, usize)>) {
        for rules in [PatternRules::Lua51, PatternRules::Lua53] {
            assert_eq!(first(subject, pattern, rules), Ok(expected), "{pattern} {rules:?}");
        }
    }

    #[track_caller]
    fn check_error(pattern: &str, expected_51: &str, expected_53: &str) {
        for (rules, expected) in [(PatternRules::Lua51, expected_51), (PatternRules::Lua53, expected_53)] {
            let message = first("abc", pattern, rules).err().map(|error| error.message(rules).into_owned());
            assert_eq!(message.as_deref(), Some(expected), "{pattern}");
        }
    }

    fn all(subject: &str, pattern: &str, rules: PatternRules) -> Vec<(usize, usize)> {
        let mut search = Search::new(pattern.as_bytes(), 0, false, rules);
        let mut found = Vec::new();
        while let Ok(Progress::Found(next)) =
            search.advance(subject.as_bytes(), pattern.as_bytes(), &mut i64::MAX.clone())
        {
            found.push((next.start, next.end));
        }
        found
    }

    #[test]
    fn items_match_as_in_the_manual() {
        check("hello world", "o w", Some((4, 7)));
        check("hello", "l+", Some((2, 4)));
        check("hello", "xl*", None);
        check("hello", "^h.-l", Some((0, 3)));
        check("hello", "l$", None);
        check("hello", "lo$", Some((3, 5)));
        check("a$b", "$b", Some((1, 3)));
        check("key = 12", "(%w+)%s*=%s*(%d+)", Some((0, 8)));
        check("f(a(b)c)d", "%b()", Some((1, 8)));
        check("THE (quick) fox", "%f[%a]%a+%f[%A]", Some((0, 3)));
        check("x]y", "[]]", Some((1, 2)));
        check("a-z", "[a%-]+", Some((0, 2)));
        check("a-", "[a-]+", Some((0, 2)));
        check("[[x]]", "%[%[", Some((0, 2)));
        check("abab", "(ab)%1", Some((0, 4)));
        check("", "", Some((0, 0)));
        check("aaa", "a?a?a?a?", Some((0, 3)));
        check("\"it's\"", "([\"'])(.-)%1", Some((0, 6)));
        check("aXb", "%u", Some((1, 2)));
        check("ab\u{0}", "%z", Some((2, 3)));
    }

    #[test]
    fn malformed_patterns_say_why() {
        check_error("%", "malformed pattern (ends with '%')", "malformed pattern (ends with '%')");
        check_error("[a", "malformed pattern (missing ']')", "malformed pattern (missing ']')");
        check_error("[]", "malformed pattern (missing ']')", "malformed pattern (missing ']')");
        check_error("%b", "unbalanced pattern", "malformed pattern (missing arguments to '%b')");
        check_error("%fa", "missing '[' after '%f' in pattern", "missing '[' after '%f' in pattern");
        check_error("a)", "invalid pattern capture", "invalid pattern capture");
        check_error("%1", "invalid capture index", "invalid capture index %1");
        check_error(&"()".repeat(33), "too many captures", "too many captures");
    }

    #[test]
    fn nesting_is_bounded_in_53_only() {
        let subject = "a".repeat(1000);
        assert_eq!(first(&subject, &"a?".repeat(199), PatternRules::Lua53), Ok(Some((0, 199))));
        assert_eq!(first(&subject, &"a?".repeat(200), PatternRules::Lua53), Err(PatternError::TooComplex));
        assert_eq!(first(&subject, &"a?".repeat(1000), PatternRules::Lua51), Ok(Some((0, 1000))));
    }

    #[test]
    fn empty_matches_advance() {
        assert_eq!(all("ab", "x*", PatternRules::Lua51), [(0, 0), (1, 1), (2, 2)]);
        assert_eq!(all("abc", "b*", PatternRules::Lua51), [(0, 0), (1, 2), (2, 2), (3, 3)]);
        assert_eq!(all("abc", "b*", PatternRules::Lua53), [(0, 0), (1, 2), (3, 3)]);
    }

    #[test]
    fn a_search_that_runs_out_of_steps_goes_on() {
        let subject = "a".repeat(28);
        let pattern = format!("{}b", "a?".repeat(14));
        let mut search = Search::new(pattern.as_bytes(), 0, true, PatternRules::Lua53);
        let mut pauses = 0;
        let end = loop {
            let mut steps = 1000;
            match search.advance(subject.as_bytes(), pattern.as_bytes(), &mut steps) {
                Ok(Progress::Suspended) => pauses += 1,
                end => break end,
            }
        };
        assert_eq!(end, Ok(Progress::NotFound));
        assert!(pauses > 100, "{pauses}");
    }

    #[test]
    fn captures_are_slices_or_positions() {
        let (subject, pattern) = (b"key=value".as_slice(), b"()(%w+)=(%w*)".as_slice());
        let mut search = Search::new(pattern, 0, true, PatternRules::Lua53);
        let Ok(Progress::Found(found)) = search.advance(subject, pattern, &mut i64::MAX.clone()) else {
            panic!("no match")
        };
        assert_eq!(search.value_count(), 3);
        assert_eq!(search.captured(found, 0), Ok(Captured::Position(0)));
        assert_eq!(search.captured(found, 2), Ok(Captured::Slice { start: 4, end: 9 }));
        assert_eq!(search.captured(found, 3), Err(PatternError::InvalidCaptureIndex(4)));
    }

    #[test]
    fn a_zero_byte_ends_a_pattern_in_51() {
        assert_eq!(first("ab", "a\0%", PatternRules::Lua51), Ok(Some((0, 1))));
        assert_eq!(first("ab", "a\0", PatternRules::Lua53), Ok(None));
    }

    #[test]
    fn plain_search_finds_the_first_place() {
        assert_eq!(find_plain(b"hello", b"l", 0), Some(2));
        assert_eq!(find_plain(b"hello", b"l", 4), None);
        assert_eq!(find_plain(b"hello", b"", 5), Some(5));
        assert_eq!(find_plain(b"aab", b"ab", 0), Some(1));
        assert_eq!(find_plain(b"a", b"ab", 0), None);
    }
}
