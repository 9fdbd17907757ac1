//! Options in the Unix manner: `-w1`, `-w 1`, `-lu`, `--max-time 5`, `--max-time=5`.

use std::collections::VecDeque;

/// Reads a program's arguments one option at a time.
pub(super) struct Arguments {
    words: VecDeque<String>,
    /// Short options of a word that are still to be read.
    cluster: String,
    only_operands: bool,
}

/// One thing among the arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    /// `-x`
    Short(char),
    /// `--xyz`, with what stands behind `=`
    Long(String, Option<String>),
    Operand(String),
}

impl Arguments {
    /// The words after the program's name.
    pub(super) fn new(words: &[String]) -> Arguments {
        Arguments { words: words.iter().cloned().collect(), cluster: String::new(), only_operands: false }
    }

    /// The next option or operand.
    pub(super) fn next(&mut self) -> Option<Argument> {
        if let Some(option) = self.cluster.chars().next() {
            self.cluster.remove(0);
            return Some(Argument::Short(option));
        }
        let word = self.words.pop_front()?;
        if self.only_operands || word == "-" || !word.starts_with('-') {
            return Some(Argument::Operand(word));
        }
        if word == "--" {
            self.only_operands = true;
            return self.next();
        }
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            return Some(Argument::Long(name.to_owned(), value));
        }
        self.cluster = word[1..].to_owned();
        self.next()
    }

    /// The value of the option just read: the rest of its word, or the next word.
    pub(super) fn value(&mut self) -> Option<String> {
        if self.cluster.is_empty() { self.words.pop_front() } else { Some(std::mem::take(&mut self.cluster)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_in_all_spellings() {
        let words: Vec<String> =
            ["-w1", "-lu", "-p", "80", "--max-time=5", "host", "--", "-x", "-"].map(String::from).into();
        let mut arguments = Arguments::new(&words);
        assert_eq!(arguments.next(), Some(Argument::Short('w')));
        assert_eq!(arguments.value().as_deref(), Some("1"));
        assert_eq!(arguments.next(), Some(Argument::Short('l')));
        assert_eq!(arguments.next(), Some(Argument::Short('u')));
        assert_eq!(arguments.next(), Some(Argument::Short('p')));
        assert_eq!(arguments.value().as_deref(), Some("80"));
        assert_eq!(arguments.next(), Some(Argument::Long("max-time".into(), Some("5".into()))));
        for operand in ["host", "-x", "-"] {
            assert_eq!(arguments.next(), Some(Argument::Operand(operand.into())));
        }
        assert_eq!((arguments.next(), arguments.value()), (None, None));
    }
}
