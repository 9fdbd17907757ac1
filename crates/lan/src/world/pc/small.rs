//! Programs without a network: `echo`, `printf`, `cat`, `head`, `wc`, `sleep` and the like.

use trace::Duration;

use super::desk::{Desktop, News, Tool};
use super::shell::unescape;

/// Prints something and ends.
pub(super) struct Print {
    pub(super) output: Vec<u8>,
    pub(super) complaint: String,
    pub(super) status: u8,
}

impl Print {
    /// Prints `text` and succeeds.
    pub(super) fn text(text: impl Into<Vec<u8>>) -> Print {
        Print { output: text.into(), complaint: String::new(), status: 0 }
    }

    /// Says why it fails.
    pub(super) fn failure(status: u8, complaint: impl Into<String>) -> Print {
        Print { output: Vec::new(), complaint: complaint.into(), status }
    }
}

impl Tool for Print {
    fn start(&mut self, desktop: &mut Desktop<'_>) {
        if !self.output.is_empty() {
            desktop.print_bytes(&self.output);
        }
        if !self.complaint.is_empty() {
            desktop.complain(self.complaint.clone());
        }
        desktop.finish(self.status);
    }

    fn news(&mut self, _desktop: &mut Desktop<'_>, _news: News) {}
}

/// `echo [-neE] words`
pub(super) fn echo(words: &[String]) -> Print {
    let is_option = |word: &&String| {
        word.len() > 1 && word.starts_with('-') && word[1..].chars().all(|letter| "neE".contains(letter))
    };
    let options: Vec<&String> = words.iter().take_while(is_option).collect();
    let has = |letter| options.iter().any(|option| option.contains(letter));
    let text = words[options.len()..].join(" ");
    let mut bytes = if has('e') { unescape(&text) } else { text.into_bytes() };
    if !has('n') {
        bytes.push(b'\n');
    }
    Print::text(bytes)
}

/// `printf format words`: `%s`, `%d`, `%x`, `%c`, `%%`; the format is used again while words are left.
pub(super) fn printf(words: &[String]) -> Print {
    let Some((format, words)) = words.split_first() else {
        return Print::failure(2, "printf: usage: printf format [arguments]\n");
    };
    let mut words = words.iter();
    let mut bytes = Vec::new();
    loop {
        let (mut used, mut text) = (false, String::new());
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                text.push(character);
                continue;
            }
            match characters.next() {
                Some('%') => text.push('%'),
                Some(kind) => {
                    used = true;
                    let word = words.next().map(String::as_str).unwrap_or_default();
                    text.push_str(&converted(kind, word));
                }
                None => text.push('%'),
            }
        }
        bytes.extend(unescape(&text));
        if !used || words.len() == 0 {
            return Print::text(bytes);
        }
    }
}

fn converted(kind: char, word: &str) -> String {
    match kind {
        'd' | 'i' | 'u' => word.parse::<i64>().unwrap_or_default().to_string(),
        'x' => format!("{:x}", word.parse::<i64>().unwrap_or_default()),
        'c' => word.chars().take(1).collect(),
        // A backslash in a word is a backslash.
        _ => word.replace('\\', "\\\\"),
    }
}

/// `sleep seconds`
pub(super) struct Sleep(pub(super) Duration);

impl Tool for Sleep {
    fn start(&mut self, desktop: &mut Desktop<'_>) {
        desktop.wake(self.0, 0);
    }

    fn news(&mut self, desktop: &mut Desktop<'_>, news: News) {
        if matches!(news, News::Timer(_)) {
            desktop.finish(0);
        }
    }
}

/// What a filter does with its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FilterKind {
    /// `cat`
    Copy,
    /// `head -n`
    Head(usize),
    /// `wc`
    Count,
    /// `hexdump -C`
    Dump,
}

/// Reads its input to the end and prints what becomes of it.
pub(super) struct Filter {
    pub(super) kind: FilterKind,
    pub(super) input: Vec<u8>,
}

impl Filter {
    fn end(&mut self, desktop: &mut Desktop<'_>) {
        let text = match self.kind {
            FilterKind::Copy | FilterKind::Head(_) => Vec::new(),
            FilterKind::Count => {
                let lines = self.input.iter().filter(|byte| **byte == b'\n').count();
                let words = String::from_utf8_lossy(&self.input).split_whitespace().count();
                format!("{lines:7} {words:7} {:7}\n", self.input.len()).into_bytes()
            }
            FilterKind::Dump => dump(&self.input).into_bytes(),
        };
        if !text.is_empty() {
            desktop.print_bytes(&text);
        }
        desktop.finish(0);
    }
}

impl Tool for Filter {
    fn start(&mut self, _desktop: &mut Desktop<'_>) {}

    fn news(&mut self, desktop: &mut Desktop<'_>, news: News) {
        match (news, &mut self.kind) {
            (News::Input(bytes), FilterKind::Copy) => desktop.print_bytes(&bytes),
            (News::Input(bytes), FilterKind::Head(left)) => {
                for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                    if *left > 0 {
                        desktop.print_bytes(line);
                        *left -= usize::from(line.ends_with(b"\n"));
                    }
                }
                if *left == 0 {
                    desktop.finish(0);
                }
            }
            (News::Input(bytes), _) => self.input.extend(bytes),
            (News::InputEnd, _) => self.end(desktop),
            _ => {}
        }
    }
}

/// Bytes as `hexdump -C` shows them.
fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (index, row) in bytes.chunks(16).enumerate() {
        let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let (left, right) = hex.split_at(hex.len().min(8));
        let visible = |byte: &u8| if (32..127).contains(byte) { char::from(*byte) } else { '.' };
        let characters: String = row.iter().map(visible).collect();
        text.push_str(&format!(
            "{:08x}  {:<23}  {:<23}  |{characters}|\n",
            index * 16,
            left.join(" "),
            right.join(" ")
        ));
    }
    text + &format!("{:08x}\n", bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn echo_has_its_options() {
        assert_eq!(echo(&words("-n foo")).output, b"foo");
        assert_eq!(echo(&words("a b")).output, b"a b\n");
        assert_eq!(echo(&words(r"-ne a\r\n")).output, b"a\r\n");
        assert_eq!(echo(&words("-x")).output, b"-x\n");
        assert_eq!(echo(&[]).output, b"\n");
    }

    #[test]
    fn printf_repeats_its_format() {
        assert_eq!(printf(&[r"%s=%d\n".into(), "a".into(), "1".into(), "b".into(), "2".into()]).output, b"a=1\nb=2\n");
        assert_eq!(printf(&words(r"GET\r\n")).output, b"GET\r\n");
        assert_eq!(printf(&["100%%".into()]).output, b"100%");
        assert_eq!(printf(&["%s".into(), r"\n".into()]).output, br"\n");
    }

    #[test]
    fn a_dump_shows_hex_and_text() {
        assert_eq!(
            dump(b"hello world, hi!\n"),
            "00000000  68 65 6c 6c 6f 20 77 6f  72 6c 64 2c 20 68 69 21  |hello world, hi!|\n\
             00000010  0a                                                |.|\n00000011\n"
        );
    }
}
