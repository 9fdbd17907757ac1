//! Bytes to tokens with positions.
//!
//! Follows `llex.c` of both versions where a program can tell: which characters make a numeral, what an escape may be, and
//! the text that an error quotes.

use std::collections::HashMap;
use std::rc::Rc;

use piccolo::Value;

use crate::{CompileErrorKind, Dialect, IntegerBits, number};

/// A string of the source, by number. Equal strings have equal numbers within a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Symbol(pub(crate) u32);

/// All strings of a chunk: names and literals.
#[derive(Default)]
pub(crate) struct Symbols {
    list: Vec<Rc<[u8]>>,
    known: HashMap<Rc<[u8]>, Symbol>,
}

impl Symbols {
    pub(crate) fn intern(&mut self, text: &[u8]) -> Symbol {
        if let Some(&symbol) = self.known.get(text) {
            return symbol;
        }
        let text: Rc<[u8]> = text.into();
        let symbol = Symbol(self.list.len() as u32);
        self.list.push(text.clone());
        self.known.insert(text, symbol);
        symbol
    }

    pub(crate) fn text(&self, symbol: Symbol) -> &[u8] {
        &self.list[symbol.0 as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.list.iter().map(|text| &**text)
    }
}

/// A stretch of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    /// One-based.
    pub(crate) line: u32,
    /// One-based, in bytes.
    pub(crate) column: u32,
    /// In bytes, on the first line.
    pub(crate) length: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token {
    End,
    Name(Symbol),
    String(Symbol),
    Integer(i64),
    Number(f64),
    /// An operator or any other single character.
    Char(u8),
    Keyword(Keyword),
    /// `..`
    Concat,
    /// `...`
    Dots,
    Equal,
    GreaterEqual,
    LessEqual,
    NotEqual,
    FloorDivide,
    ShiftLeft,
    ShiftRight,
    /// `::`
    DoubleColon,
}

macro_rules! keywords {
    ($($variant:ident $text:literal),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Keyword { $($variant),* }

        impl Keyword {
            pub(crate) fn text(self) -> &'static str {
                match self { $(Keyword::$variant => $text),* }
            }

            fn of(text: &[u8]) -> Option<Keyword> {
                $(if text == $text.as_bytes() { return Some(Keyword::$variant); })*
                None
            }
        }
    };
}

keywords! {
    And "and", Break "break", Do "do", Else "else", ElseIf "elseif", End "end", False "false", For "for",
    Function "function", Goto "goto", If "if", In "in", Local "local", Nil "nil", Not "not", Or "or",
    Repeat "repeat", Return "return", Then "then", True "true", Until "until", While "while",
}

/// A mistake in the source, before the chunk's name is put before it.
#[derive(Debug, Clone)]
pub(crate) struct SourceError {
    pub(crate) kind: CompileErrorKind,
    pub(crate) text: Vec<u8>,
    pub(crate) span: Span,
    /// The line that the message gives, where the reference notices the mistake only after the text that is wrong.
    pub(crate) noticed_on: Option<u32>,
    pub(crate) incomplete: bool,
}

/// A token with its place and the text that an error quotes for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lexeme {
    pub(crate) token: Token,
    pub(crate) span: Span,
    /// The line of its last byte: later than that of `span` for a long string.
    pub(crate) end_line: u32,
    start: usize,
    end: usize,
}

pub(crate) struct Lexer<'s> {
    source: &'s [u8],
    position: usize,
    line: u32,
    line_start: usize,
    dialect: Dialect,
    bits: IntegerBits,
    pub(crate) symbols: Symbols,
    buffer: Vec<u8>,
}

type Result<T> = std::result::Result<T, Box<SourceError>>;

impl<'s> Lexer<'s> {
    pub(crate) fn new(source: &'s [u8], dialect: Dialect, bits: IntegerBits) -> Self {
        Lexer {
            source,
            position: 0,
            line: 1,
            line_start: 0,
            dialect,
            bits,
            symbols: Symbols::default(),
            buffer: Vec::new(),
        }
    }

    /// The line that reading has reached: that of the last byte of the last token.
    pub(crate) fn line(&self) -> u32 {
        self.line
    }

    fn peek(&self) -> Option<u8> {
        self.source.get(self.position).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.source.get(self.position + ahead).copied()
    }

    fn take_if(&mut self, byte: u8) -> bool {
        let matches = self.peek() == Some(byte);
        self.position += usize::from(matches);
        matches
    }

    fn take_newline(&mut self) {
        let first = self.peek();
        self.position += 1;
        if matches!((first, self.peek()), (Some(b'\n'), Some(b'\r')) | (Some(b'\r'), Some(b'\n'))) {
            self.position += 1;
        }
        self.line += 1;
        self.line_start = self.position;
    }

    /// Reads the next token.
    pub(crate) fn next(&mut self) -> Result<Lexeme> {
        self.skip_blanks()?;
        let start = self.position;
        let (line, column) = (self.line, (start - self.line_start) as u32 + 1);
        let token = self.token()?;
        let end = self.position;
        let length = if self.line == line { (end - start) as u32 } else { 1 };
        let span = Span { line, column, length: length.max(1) };
        Ok(Lexeme { token, span, end_line: self.line, start, end })
    }

    fn skip_blanks(&mut self) -> Result<()> {
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' | b'\r' => self.take_newline(),
                b' ' | b'\t' | 0x0b | 0x0c => self.position += 1,
                b'-' if self.peek_at(1) == Some(b'-') => {
                    self.position += 2;
                    self.comment()?;
                }
                _ => break,
            }
        }
        Ok(())
    }

    fn comment(&mut self) -> Result<()> {
        if self.peek() == Some(b'[')
            && let Some(level) = self.long_bracket_level()
        {
            return self.long_bracket(level, true).map(drop);
        }
        while self.peek().is_some_and(|byte| byte != b'\n' && byte != b'\r') {
            self.position += 1;
        }
        Ok(())
    }

    fn token(&mut self) -> Result<Token> {
        let Some(byte) = self.peek() else { return Ok(Token::End) };
        match byte {
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => return Ok(self.name()),
            b'0'..=b'9' => return self.numeral(),
            b'.' if self.peek_at(1).is_some_and(|next| next.is_ascii_digit()) => return self.numeral(),
            b'"' | b'\'' => return self.quoted(byte),
            b'[' => {
                if let Some(level) = self.long_bracket_level() {
                    return Ok(Token::String(self.long_bracket(level, false)?));
                }
                if self.peek_at(1) == Some(b'=') {
                    let start = self.position;
                    self.position += 1;
                    while self.take_if(b'=') {}
                    let text = self.source[start..self.position].to_vec();
                    return Err(self.error("invalid long string delimiter", Some(&text), start));
                }
            }
            _ => {}
        }
        self.position += 1;
        let is_53 = self.dialect.is_53();
        Ok(match byte {
            b'=' if self.take_if(b'=') => Token::Equal,
            b'<' if self.take_if(b'=') => Token::LessEqual,
            b'<' if is_53 && self.take_if(b'<') => Token::ShiftLeft,
            b'>' if self.take_if(b'=') => Token::GreaterEqual,
            b'>' if is_53 && self.take_if(b'>') => Token::ShiftRight,
            b'/' if is_53 && self.take_if(b'/') => Token::FloorDivide,
            b'~' if self.take_if(b'=') => Token::NotEqual,
            b':' if is_53 && self.take_if(b':') => Token::DoubleColon,
            b'.' if self.take_if(b'.') => {
                if self.take_if(b'.') {
                    Token::Dots
                } else {
                    Token::Concat
                }
            }
            _ => Token::Char(byte),
        })
    }

    fn name(&mut self) -> Token {
        let start = self.position;
        while self.peek().is_some_and(|byte| byte == b'_' || byte.is_ascii_alphanumeric()) {
            self.position += 1;
        }
        let text = &self.source[start..self.position];
        match Keyword::of(text) {
            Some(Keyword::Goto) if !self.dialect.is_53() => Token::Name(self.symbols.intern(text)),
            Some(keyword) => Token::Keyword(keyword),
            None => Token::Name(self.symbols.intern(text)),
        }
    }

    fn numeral(&mut self) -> Result<Token> {
        let start = self.position;
        if self.dialect.is_53() {
            self.scan_numeral_53()
        } else {
            self.scan_numeral_51()
        }
        let text = &self.source[start..self.position];
        match number::parse(text, self.dialect, self.bits) {
            Some(Value::Integer(integer)) => Ok(Token::Integer(integer)),
            Some(Value::Number(float)) => Ok(Token::Number(float)),
            _ => {
                let text = text.to_vec();
                Err(self.error("malformed number", Some(&text), start))
            }
        }
    }

    fn scan_numeral_51(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit() || byte == b'.') {
            self.position += 1;
        }
        if self.peek().is_some_and(|byte| byte | 0x20 == b'e') {
            self.position += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.position += 1;
            }
        }
        while self.peek().is_some_and(|byte| byte == b'_' || byte.is_ascii_alphanumeric()) {
            self.position += 1;
        }
    }

    fn scan_numeral_53(&mut self) {
        // A point may have come before: `.0x1` is read as one number, and refused.
        let digits = usize::from(self.peek() == Some(b'.'));
        let is_hexadecimal =
            self.peek_at(digits) == Some(b'0') && self.peek_at(digits + 1).is_some_and(|byte| byte | 0x20 == b'x');
        self.position += digits;
        if is_hexadecimal {
            self.position += 2;
        }
        let exponent = if is_hexadecimal { b'p' } else { b'e' };
        while let Some(byte) = self.peek() {
            if byte | 0x20 == exponent {
                self.position += 1;
                if matches!(self.peek(), Some(b'+' | b'-')) {
                    self.position += 1;
                }
            } else if byte.is_ascii_hexdigit() || byte == b'.' {
                self.position += 1;
            } else {
                break;
            }
        }
    }

    /// The number of `=` between two brackets here, without reading on.
    fn long_bracket_level(&self) -> Option<usize> {
        let mut level = 0;
        while self.peek_at(1 + level) == Some(b'=') {
            level += 1;
        }
        (self.peek_at(1 + level) == Some(b'[')).then_some(level)
    }

    fn long_bracket(&mut self, level: usize, is_comment: bool) -> Result<Symbol> {
        let (start, start_line) = (self.position, self.line);
        self.position += level + 2;
        if matches!(self.peek(), Some(b'\n' | b'\r')) {
            self.take_newline();
        }
        let mut content = std::mem::take(&mut self.buffer);
        content.clear();
        loop {
            match self.peek() {
                None => return Err(self.unfinished_long_bracket(is_comment, start_line)),
                Some(b']') if self.closes(level) => {
                    self.position += level + 2;
                    break;
                }
                Some(b'[') if level == 0 && !self.dialect.is_53() && self.peek_at(1) == Some(b'[') => {
                    return Err(self.error("nesting of [[...]] is deprecated", Some(b"["), start));
                }
                Some(b'\n' | b'\r') => {
                    self.take_newline();
                    content.push(b'\n');
                }
                Some(byte) => {
                    self.position += 1;
                    content.push(byte);
                }
            }
        }
        let symbol = if is_comment { Symbol(0) } else { self.symbols.intern(&content) };
        self.buffer = content;
        Ok(symbol)
    }

    fn closes(&self, level: usize) -> bool {
        (1..=level).all(|ahead| self.peek_at(ahead) == Some(b'=')) && self.peek_at(level + 1) == Some(b']')
    }

    fn unfinished_long_bracket(&mut self, is_comment: bool, start_line: u32) -> Box<SourceError> {
        let what = if is_comment { "comment" } else { "string" };
        let text = if self.dialect.is_53() {
            format!("unfinished long {what} (starting at line {start_line})")
        } else {
            format!("unfinished long {what}")
        };
        let mut error = self.error(&text, None, self.position);
        error.incomplete = true;
        error
    }

    fn quoted(&mut self, quote: u8) -> Result<Token> {
        let start = self.position;
        self.position += 1;
        // The quote stands first, as in the reference's buffer, for errors quote it.
        let mut content = std::mem::take(&mut self.buffer);
        content.clear();
        content.push(quote);
        loop {
            match self.peek() {
                None => {
                    let mut error = self.error("unfinished string", None, start);
                    error.incomplete = true;
                    return Err(error);
                }
                Some(b'\n' | b'\r') => return Err(self.error("unfinished string", Some(&content), start)),
                Some(b'\\') => {
                    self.position += 1;
                    if self.dialect.is_53() { self.escape_53(&mut content)? } else { self.escape_51(&mut content)? }
                }
                Some(byte) => {
                    self.position += 1;
                    if byte == quote {
                        break;
                    }
                    content.push(byte);
                }
            }
        }
        let symbol = self.symbols.intern(&content[1..]);
        self.buffer = content;
        Ok(Token::String(symbol))
    }

    fn simple_escape(byte: u8) -> Option<u8> {
        Some(match byte {
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            _ => return None,
        })
    }

    fn escape_51(&mut self, content: &mut Vec<u8>) -> Result<()> {
        match self.peek() {
            None => {}
            Some(b'\n' | b'\r') => {
                self.take_newline();
                content.push(b'\n');
            }
            Some(byte) if byte.is_ascii_digit() => {
                let start = self.position - 1;
                let value = self.decimal_escape();
                if value > 255 {
                    return Err(self.error("escape sequence too large", Some(content), start));
                }
                content.push(value as u8);
            }
            Some(byte) => {
                self.position += 1;
                content.push(Self::simple_escape(byte).unwrap_or(byte));
            }
        }
        Ok(())
    }

    fn decimal_escape(&mut self) -> u32 {
        let mut value = 0;
        for _ in 0..3 {
            match self.peek() {
                Some(byte) if byte.is_ascii_digit() => {
                    value = value * 10 + u32::from(byte - b'0');
                    self.position += 1;
                }
                _ => break,
            }
        }
        value
    }

    fn escape_53(&mut self, content: &mut Vec<u8>) -> Result<()> {
        let start = self.position - 1;
        match self.peek() {
            None => {}
            Some(b'\n' | b'\r') => {
                self.take_newline();
                content.push(b'\n');
            }
            Some(b'x') => {
                self.position += 1;
                let mut value = 0;
                for _ in 0..2 {
                    let digit = self.peek().and_then(|byte| (byte as char).to_digit(16));
                    let Some(digit) = digit else {
                        return Err(self.escape_error("hexadecimal digit expected", content, start));
                    };
                    value = value * 16 + digit;
                    self.position += 1;
                }
                content.push(value as u8);
            }
            Some(b'u') => {
                self.position += 1;
                self.unicode_escape(content, start)?;
            }
            Some(b'z') => {
                self.position += 1;
                while let Some(byte) = self.peek() {
                    match byte {
                        b'\n' | b'\r' => self.take_newline(),
                        b' ' | b'\t' | 0x0b | 0x0c => self.position += 1,
                        _ => break,
                    }
                }
            }
            Some(byte @ (b'\\' | b'"' | b'\'')) => {
                self.position += 1;
                content.push(byte);
            }
            Some(byte) if byte.is_ascii_digit() => {
                let value = self.decimal_escape();
                if value > 255 {
                    return Err(self.escape_error("decimal escape too large", content, start));
                }
                content.push(value as u8);
            }
            Some(byte) => match Self::simple_escape(byte) {
                Some(value) => {
                    self.position += 1;
                    content.push(value);
                }
                None => return Err(self.escape_error("invalid escape sequence", content, start)),
            },
        }
        Ok(())
    }

    fn unicode_escape(&mut self, content: &mut Vec<u8>, start: usize) -> Result<()> {
        if !self.take_if(b'{') {
            return Err(self.escape_error("missing '{'", content, start));
        }
        let mut value = 0u32;
        let mut digits = 0;
        while let Some(digit) = self.peek().and_then(|byte| (byte as char).to_digit(16)) {
            value = value * 16 + digit;
            digits += 1;
            if value > 0x10_ffff {
                return Err(self.escape_error("UTF-8 value too large", content, start));
            }
            self.position += 1;
        }
        if digits == 0 {
            return Err(self.escape_error("hexadecimal digit expected", content, start));
        }
        if !self.take_if(b'}') {
            return Err(self.escape_error("missing '}'", content, start));
        }
        push_utf8(content, value);
        Ok(())
    }

    /// An escape that 5.3 refuses: the message quotes the string so far, the escape and the character that does not fit.
    fn escape_error(&mut self, message: &str, content: &[u8], start: usize) -> Box<SourceError> {
        let end = (self.position + 1).min(self.source.len());
        let mut text = content.to_vec();
        text.extend_from_slice(&self.source[start..end]);
        self.error(message, Some(&text), start)
    }

    fn error(&self, message: &str, near: Option<&[u8]>, start: usize) -> Box<SourceError> {
        let mut text = message.as_bytes().to_vec();
        text.extend_from_slice(b" near ");
        match near {
            Some(near) => {
                text.push(b'\'');
                text.extend_from_slice(until_nul(near));
                text.push(b'\'');
            }
            None => text.extend_from_slice(if self.dialect.is_53() { b"<eof>" } else { b"'<eof>'" }),
        }
        let on_this_line = start >= self.line_start;
        let column = if on_this_line { (start - self.line_start) as u32 + 1 } else { 1 };
        let length = self.position.saturating_sub(start.max(self.line_start)).max(1) as u32;
        Box::new(SourceError {
            kind: CompileErrorKind::Lexical,
            text,
            span: Span { line: self.line, column, length },
            noticed_on: None,
            incomplete: false,
        })
    }

    /// The text of a token in `near ...`, with its quotes.
    pub(crate) fn near(&self, lexeme: &Lexeme) -> Vec<u8> {
        let text = match lexeme.token {
            Token::Name(_) | Token::Integer(_) | Token::Number(_) => self.source[lexeme.start..lexeme.end].to_vec(),
            Token::String(symbol) => self.string_text(lexeme, symbol),
            Token::Char(byte) if byte >= 0x80 && !self.dialect.is_53() => vec![byte],
            token => return self.describe(token).into_bytes(),
        };
        [&b"'"[..], until_nul(&text), b"'"].concat()
    }

    fn string_text(&self, lexeme: &Lexeme, symbol: Symbol) -> Vec<u8> {
        let source = &self.source[lexeme.start..lexeme.end];
        let opening = match source.first() {
            Some(b'[') => source.iter().skip(1).position(|byte| *byte == b'[').map_or(1, |second| second + 2),
            _ => 1,
        };
        [&source[..opening], self.symbols.text(symbol), &source[source.len() - opening..]].concat()
    }

    /// The name of a kind of token, as in `'=' expected`.
    pub(crate) fn describe(&self, token: Token) -> String {
        let (text, is_class) = match token {
            Token::End => ("<eof>", true),
            Token::Name(_) => ("<name>", true),
            Token::String(_) => ("<string>", true),
            Token::Integer(_) => ("<integer>", true),
            Token::Number(_) => ("<number>", true),
            Token::Keyword(keyword) => (keyword.text(), false),
            Token::Concat => ("..", false),
            Token::Dots => ("...", false),
            Token::Equal => ("==", false),
            Token::GreaterEqual => (">=", false),
            Token::LessEqual => ("<=", false),
            Token::NotEqual => ("~=", false),
            Token::FloorDivide => ("//", false),
            Token::ShiftLeft => ("<<", false),
            Token::ShiftRight => (">>", false),
            Token::DoubleColon => ("::", false),
            Token::Char(byte) => return self.describe_char(byte),
        };
        if is_class && self.dialect.is_53() { text.to_owned() } else { format!("'{text}'") }
    }

    fn describe_char(&self, byte: u8) -> String {
        let is_printable = (0x20..0x7f).contains(&byte);
        match (is_printable, self.dialect) {
            (true, _) => format!("'{}'", byte as char),
            (false, Dialect::Lua53) => format!("'<\\{byte}>'"),
            (false, Dialect::Lua51) if byte < 0x20 || byte == 0x7f => format!("'char({byte})'"),
            (false, Dialect::Lua51) => format!("'{}'", char::REPLACEMENT_CHARACTER),
        }
    }
}

/// What C's `%s` prints of a text.
pub(crate) fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn push_utf8(content: &mut Vec<u8>, value: u32) {
    match value {
        0..0x80 => content.push(value as u8),
        0x80..0x800 => content.extend([0xc0 | (value >> 6) as u8, 0x80 | (value & 0x3f) as u8]),
        0x800..0x1_0000 => {
            content.extend([0xe0 | (value >> 12) as u8, 0x80 | (value >> 6 & 0x3f) as u8, 0x80 | (value & 0x3f) as u8])
        }
        _ => content.extend([
            0xf0 | (value >> 18) as u8,
            0x80 | (value >> 12 & 0x3f) as u8,
            0x80 | (value >> 6 & 0x3f) as u8,
            0x80 | (value & 0x3f) as u8,
        ]),
    }
}
