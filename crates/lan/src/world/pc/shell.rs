//! Command lines: words, quotes, pipes, redirection, `&`, `;`, `&&` and `||`.
//!
//! What people type from a tutorial works; variables, globs and here-documents are left out and stay as they are typed.

/// One program with its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// The name first.
    pub(super) words: Vec<String>,
    /// Where its output goes instead of onward.
    pub(super) output: Option<Redirect>,
    /// Where its input comes from.
    pub(super) input: Option<String>,
}

/// A file that takes output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redirect {
    pub(super) file: String,
    pub(super) append: bool,
}

/// Programs whose output is the next one's input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pipeline {
    pub(super) commands: Vec<Command>,
    /// `&`: the shell does not wait.
    pub(super) background: bool,
    /// When it runs at all.
    pub(super) condition: Condition,
}

/// What the pipeline before must have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Condition {
    #[default]
    Always,
    /// `&&`
    Success,
    /// `||`
    Failure,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Operator(&'static str),
}

/// Reads a line; the error is what the shell prints.
pub(super) fn parse(line: &str) -> Result<Vec<Pipeline>, String> {
    let mut pipelines = Vec::new();
    let mut pipeline = Pipeline::default();
    let mut command = Command::default();
    let mut tokens = tokenize(line)?.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            Token::Word(word) => command.words.push(word),
            Token::Operator(operator @ (">" | ">>" | "<")) => {
                let Some(Token::Word(file)) = tokens.next() else { return Err(unexpected("newline")) };
                match operator {
                    "<" => command.input = Some(file),
                    _ => command.output = Some(Redirect { file, append: operator == ">>" }),
                }
            }
            Token::Operator("|") => {
                if command.words.is_empty() || tokens.peek().is_none() {
                    return Err(unexpected("|"));
                }
                pipeline.commands.push(std::mem::take(&mut command));
            }
            Token::Operator(operator) => {
                if command.words.is_empty() {
                    return Err(unexpected(operator));
                }
                pipeline.commands.push(std::mem::take(&mut command));
                pipeline.background = operator == "&";
                pipelines.push(std::mem::take(&mut pipeline));
                pipeline.condition = match operator {
                    "&&" => Condition::Success,
                    "||" => Condition::Failure,
                    _ => Condition::Always,
                };
            }
        }
    }
    if !command.words.is_empty() {
        pipeline.commands.push(command);
    }
    if !pipeline.commands.is_empty() {
        pipelines.push(pipeline);
    } else if pipeline.condition != Condition::Always {
        return Err(unexpected("newline"));
    }
    Ok(pipelines)
}

fn unexpected(what: &str) -> String {
    format!("sh: syntax error near unexpected token `{what}'")
}

fn tokenize(line: &str) -> Result<Vec<Token>, String> {
    const OPERATORS: [&str; 8] = ["&&", "||", ">>", "|", "&", ";", ">", "<"];
    let mut tokens = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line;
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        match character {
            '\'' | '"' => {
                let (text, end) = quoted(after, character)?;
                word.get_or_insert_default().push_str(&text);
                rest = end;
                continue;
            }
            '\\' => {
                let escaped = after.chars().next();
                word.get_or_insert_default().extend(escaped);
                rest = &after[escaped.map_or(0, char::len_utf8)..];
                continue;
            }
            '#' if word.is_none() => break,
            _ if character.is_whitespace() => tokens.extend(word.take().map(Token::Word)),
            _ => {
                if let Some(operator) = OPERATORS.into_iter().find(|operator| rest.starts_with(operator)) {
                    tokens.extend(word.take().map(Token::Word));
                    tokens.push(Token::Operator(operator));
                    rest = &rest[operator.len()..];
                    continue;
                }
                word.get_or_insert_default().push(character);
            }
        }
        rest = after;
    }
    tokens.extend(word.map(Token::Word));
    Ok(tokens)
}

/// The text up to the closing quote, and what follows it.
fn quoted(text: &str, quote: char) -> Result<(String, &str), String> {
    let mut content = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            _ if character == quote => return Ok((content, &text[at + 1..])),
            '\\' if quote == '"' => match characters.next() {
                Some((_, escaped @ ('"' | '\\' | '$' | '`'))) => content.push(escaped),
                Some((_, other)) => content.extend(['\\', other]),
                None => break,
            },
            _ => content.push(character),
        }
    }
    Err(format!("sh: unexpected end of line while looking for matching `{quote}'"))
}

/// Turns `\n`, `\r`, `\t`, `\0`, `\\`, `\a`, `\xHH` and `\NNN` into what they mean, as `printf` and `echo -e` do.
pub(super) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'\\' || after.is_empty() {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let (byte, length) = match after[0] {
            b'n' => (b'\n', 1),
            b'r' => (b'\r', 1),
            b't' => (b'\t', 1),
            b'a' => (7, 1),
            b'b' => (8, 1),
            b'e' => (27, 1),
            b'\\' => (b'\\', 1),
            b'x' => number(&after[1..], 16, 2).map_or((b'\\', 0), |(value, digits)| (value, digits + 1)),
            b'0'..=b'7' => number(after, 8, 3).map_or((b'\\', 0), |(value, digits)| (value, digits)),
            _ => (b'\\', 0),
        };
        bytes.push(byte);
        rest = &after[length..];
    }
    bytes
}

fn number(bytes: &[u8], radix: u32, digits_max: usize) -> Option<(u8, usize)> {
    let digits = bytes.iter().take(digits_max).take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let text = std::str::from_utf8(&bytes[..digits]).ok()?;
    let value = u32::from_str_radix(text, radix).ok()?;
    Some(((value & 0xff) as u8, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn words(line: &str) -> Vec<Vec<String>> {
        let pipelines = parse(line).expect("a command line");
        pipelines.into_iter().flat_map(|pipeline| pipeline.commands).map(|command| command.words).collect()
    }

    #[test]
    fn the_manuals_line_is_a_pipe() {
        assert_eq!(
            words(r#"echo -n "foo" | nc -w1 -u 192.168.1.100 5000"#),
            [vec!["echo", "-n", "foo"], vec!["nc", "-w1", "-u", "192.168.1.100", "5000"]]
        );
    }

    #[test]
    fn quotes_keep_words_together() {
        let line = r#"curl -H 'A: b c' -d "{\"t\":1}" a\ b ''"#;
        assert_eq!(words(line), [["curl", "-H", "A: b c", "-d", r#"{"t":1}"#, "a b", ""]]);
    }

    #[test]
    fn lines_are_cut_at_operators() {
        let pipelines = parse("a; b && c || d & # the end").unwrap();
        let conditions: Vec<_> = pipelines.iter().map(|pipeline| pipeline.condition).collect();
        assert_eq!(conditions, [Condition::Always, Condition::Always, Condition::Success, Condition::Failure]);
        assert!(pipelines[3].background && !pipelines[2].background);
        let redirect = parse("a>x").unwrap();
        assert_eq!(redirect[0].commands[0].output, Some(Redirect { file: "x".into(), append: false }));
    }

    #[test]
    fn mistakes_are_named() {
        for line in ["|", "a |", "a && ", "; a", "a >", "'a", "\"a\\"] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert_eq!(parse("   "), Ok(vec![]));
    }

    #[test]
    fn escapes_are_bytes() {
        assert_eq!(unescape(r"a\r\n\x41\0\101\q\\"), b"a\r\nA\0A\\q\\");
        assert_eq!(unescape("\\"), b"\\");
        assert_eq!(unescape(r"\x"), b"\\x");
        assert_eq!(unescape("é\\nü"), "é\nü".as_bytes());
    }
}
