//! JSON to tables.
//!
//! The text is cut into tokens as it comes; a token that is not whole waits for more. Every table is stored in its parent when
//! it opens, every other value when it ends, so that a metatable's `checkpath` and `__newindex` see them in the firmware's
//! order.

use std::cell::RefCell;
use std::rc::Rc;

use lua::native::{Answer, Call};
use lua::piccolo::{Context, Value};
use lua::{Function, Stashed, Table, number, rom};

use super::{call_and_go_on, depth_option};
use crate::chip::Chip;

/// A decoding under way.
struct Decoder {
    depth: usize,
    /// What null becomes.
    null: Stashed,
    metatable: Option<Stashed>,
    /// The keys that lead to the table under way, for `checkpath`.
    path: Option<Stashed>,
    /// Text that has not become tokens.
    text: Vec<u8>,
    levels: Vec<Level>,
    result: Option<Stashed>,
    is_complete: bool,
    has_failed: bool,
}

/// A table under way.
struct Level {
    table: Stashed,
    is_array: bool,
    count: i64,
    key: Option<Vec<u8>>,
    expects: Expects,
}

/// What may come next in a table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expects {
    /// The first element or the end.
    FirstOrEnd,
    /// An element, after a comma.
    Element,
    /// A colon, after a key.
    Colon,
    /// A value, after a colon.
    Value,
    /// A comma or the end.
    CommaOrEnd,
}

/// A piece of JSON.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open { is_array: bool },
    Close { is_array: bool },
    Comma,
    Colon,
    String(Vec<u8>),
    Number(Vec<u8>),
    True,
    False,
    Null,
}

/// What is wrong with the text, in the words of the firmware's parser.
type Mistake = &'static str;

pub(super) fn decoder<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let decoder = Rc::new(RefCell::new(new(chip, &call, 1)));
    Ok(call.one(rom::object(call.ctx(), "sjson.decoder", decoder)))
}

pub(super) fn write<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let decoder = Rc::clone(call.check_userdata::<Rc<RefCell<Decoder>>>(1, "sjson.decoder")?);
    let text = call.check_string(2)?;
    feed(&call, &decoder, text.as_bytes())?;
    go_on(chip, call, decoder, |_, call, decoder| match decoder.borrow().finished(call.ctx()) {
        Some(result) => Ok(call.one(result)),
        None => Ok(call.none()),
    })
}

pub(super) fn result<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let decoder = call.check_userdata::<Rc<RefCell<Decoder>>>(1, "sjson.decoder")?;
    match decoder.borrow().finished(call.ctx()) {
        Some(result) => Ok(call.one(result)),
        None => Err(call.error("decode not complete")),
    }
}

pub(super) fn decode<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let text = call.check_string(1)?;
    let decoder = Rc::new(RefCell::new(new(chip, &call, 2)));
    feed(&call, &decoder, text.as_bytes())?;
    go_on(chip, call, decoder, |_, call, decoder| match decoder.borrow().finished(call.ctx()) {
        Some(result) => Ok(call.one(result)),
        None => Err(call.error("Incomplete JSON object passed to sjson.decode")),
    })
}

fn new<'gc>(chip: &Chip, call: &Call<'gc, '_>, i: usize) -> Decoder {
    let ctx = call.ctx();
    let options = Table::from_value(call.arg(i));
    let null = options.map_or_else(|| super::null(chip, ctx), |options| options.get(ctx, "null"));
    let metatable = options.and_then(|options| Table::from_value(options.get(ctx, "metatable")));
    let path = metatable.filter(|metatable| !metatable.get(ctx, "checkpath").is_nil()).map(|_| Table::new(&ctx));
    Decoder {
        depth: depth_option(call, i),
        null: lua::stash(ctx, null),
        metatable: metatable.map(|metatable| lua::stash(ctx, metatable)),
        path: path.map(|path| lua::stash(ctx, path)),
        text: Vec::new(),
        levels: Vec::new(),
        result: None,
        is_complete: false,
        has_failed: false,
    }
}

fn feed<'gc>(call: &Call<'gc, '_>, decoder: &RefCell<Decoder>, text: &[u8]) -> Result<(), lua::Error<'gc>> {
    let mut decoder = decoder.borrow_mut();
    if decoder.has_failed {
        return Err(call.error("JSON parse error: previous call"));
    }
    if !decoder.is_complete {
        decoder.text.extend_from_slice(text);
    }
    Ok(())
}

/// A call of the metatable's that has to be made before decoding goes on.
enum Pending<'gc> {
    /// `__newindex(table, key, value)`.
    Store(Value<'gc>, [Value<'gc>; 3]),
    /// `checkpath(table, path)`; when its answer is true, the table is stored in its parent.
    CheckPath { function: Value<'gc>, arguments: [Value<'gc>; 2], store: Option<[Value<'gc>; 3]> },
}

fn go_on<'gc, F>(chip: &Chip, call: Call<'gc, '_>, decoder: Rc<RefCell<Decoder>>, finish: F) -> Answer<'gc>
where
    F: 'static + FnOnce(&Chip, Call<'gc, '_>, Rc<RefCell<Decoder>>) -> Answer<'gc>,
{
    let pending = decoder.borrow_mut().advance(&call)?;
    match pending {
        None => finish(chip, call, decoder),
        Some(Pending::Store(function, arguments)) => {
            call_and_go_on(chip, call, function, arguments.to_vec(), move |chip, call| {
                go_on(chip, call, decoder, finish)
            })
        }
        Some(Pending::CheckPath { function, arguments, store }) => {
            let store = store.map(|values| values.map(|value| lua::stash(call.ctx(), value)));
            call_and_go_on(chip, call, function, arguments.to_vec(), move |chip, call| {
                let wanted = call.arg(1).to_bool();
                let store = store.filter(|_| wanted).map(|values| values.map(|value| lua::fetch(call.ctx(), &value)));
                match store.and_then(|values| store_or_call(&call, values)) {
                    Some(Pending::Store(function, arguments)) => {
                        call_and_go_on(chip, call, function, arguments.to_vec(), move |chip, call| {
                            go_on(chip, call, decoder, finish)
                        })
                    }
                    _ => go_on(chip, call, decoder, finish),
                }
            })
        }
    }
}

/// Stores a value, or says what to call when the table's metatable wants to be asked.
fn store_or_call<'gc>(call: &Call<'gc, '_>, [table, key, value]: [Value<'gc>; 3]) -> Option<Pending<'gc>> {
    let ctx = call.ctx();
    let target = Table::from_value(table)?;
    let handler = call.metamethod(table, "__newindex");
    if Function::from_value(handler).is_some() {
        return Some(Pending::Store(handler, [table, key, value]));
    }
    // Keys are strings and counted positions.
    let _ = Table::from_value(handler).unwrap_or(target).set_value(&ctx, key, value);
    None
}

impl Decoder {
    fn finished<'gc>(&self, ctx: Context<'gc>) -> Option<Value<'gc>> {
        self.result.as_ref().filter(|_| self.is_complete).map(|result| lua::fetch(ctx, result))
    }

    /// Takes tokens until the text is used up or Lua has to run.
    fn advance<'gc>(&mut self, call: &Call<'gc, '_>) -> Result<Option<Pending<'gc>>, lua::Error<'gc>> {
        let mut position = 0;
        let outcome = loop {
            position += self.text[position..].iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
            if self.is_complete {
                break if position < self.text.len() { Err("GARBAGE_TRAILING") } else { Ok(None) };
            }
            match token(&self.text[position..]) {
                Ok(None) => break Ok(None),
                Ok(Some((token, length))) => {
                    position += length;
                    match self.take(call, token) {
                        Ok(None) => {}
                        outcome => break outcome,
                    }
                }
                Err(mistake) => break Err(mistake),
            }
        };
        self.text.drain(..position);
        outcome.map_err(|mistake| {
            self.has_failed = true;
            call.error(format!("JSON parse error: {mistake}"))
        })
    }

    fn take<'gc>(&mut self, call: &Call<'gc, '_>, token: Token) -> Result<Option<Pending<'gc>>, Mistake> {
        let Some(level) = self.levels.last_mut() else {
            return match token {
                Token::Open { is_array } => self.open(call, is_array),
                Token::String(_) => Err("STRING_OUTSIDE_CONTAINER"),
                Token::Close { .. } => Err("BRACKET_MISMATCH"),
                _ => Err("STRAY_TOKEN"),
            };
        };
        match (token, level.expects) {
            (Token::Comma, Expects::CommaOrEnd) => level.expects = Expects::Element,
            (Token::Comma, _) => return Err("STRAY_TOKEN"),
            (Token::Colon, Expects::Colon) => level.expects = Expects::Value,
            (Token::Colon, _) => return Err("STRAY_TOKEN"),
            (_, Expects::Colon) => return Err("MISSING_TOKEN"),
            (Token::Close { is_array }, expects) => {
                if is_array != level.is_array {
                    return Err("BRACKET_MISMATCH");
                }
                match expects {
                    Expects::FirstOrEnd | Expects::CommaOrEnd => self.close(call),
                    Expects::Element => return Err("TRAILING_COMMA"),
                    _ => return Err("MISSING_TOKEN"),
                }
            }
            (_, Expects::CommaOrEnd) => return Err("MISSING_TOKEN"),
            (Token::String(key), Expects::FirstOrEnd | Expects::Element) if !level.is_array => {
                level.key = Some(key);
                level.expects = Expects::Colon;
            }
            (_, Expects::FirstOrEnd | Expects::Element) if !level.is_array => return Err("HKEY_EXPECTED"),
            (Token::Open { is_array }, _) => return self.open(call, is_array),
            (token, _) => return self.scalar(call, token),
        }
        Ok(None)
    }

    fn open<'gc>(&mut self, call: &Call<'gc, '_>, is_array: bool) -> Result<Option<Pending<'gc>>, Mistake> {
        let ctx = call.ctx();
        if self.levels.len() + 1 >= self.depth {
            return Err("LEVELS_EXCEEDED");
        }
        let table = Table::new(&ctx);
        let metatable = self.metatable.as_ref().and_then(|metatable| Table::from_value(lua::fetch(ctx, metatable)));
        if metatable.is_some() {
            table.set_metatable(ctx, metatable);
        }
        let store = self.place(call).map(|(parent, key)| [parent, key, table.into()]);
        let is_outermost = self.levels.is_empty();
        if is_outermost {
            self.result = Some(lua::stash(ctx, table));
        }
        let path = self.path.as_ref().and_then(|path| Table::from_value(lua::fetch(ctx, path)));
        if let (Some(path), Some([_, key, _])) = (path, store) {
            let _ = path.set_value(&ctx, Value::Integer(self.levels.len() as i64), key);
        }
        let table_value = Value::from(table);
        self.levels.push(Level {
            table: lua::stash(ctx, table_value),
            is_array,
            count: 0,
            key: None,
            expects: Expects::FirstOrEnd,
        });
        match (path, metatable) {
            (Some(path), Some(metatable)) => Ok(Some(Pending::CheckPath {
                function: metatable.get(ctx, "checkpath"),
                arguments: [table_value, path.into()],
                store,
            })),
            _ => Ok(store.and_then(|values| store_or_call(call, values))),
        }
    }

    fn close(&mut self, call: &Call<'_, '_>) {
        let ctx = call.ctx();
        let path = self.path.as_ref().and_then(|path| Table::from_value(lua::fetch(ctx, path)));
        if let Some(path) = path {
            let _ = path.set_value(&ctx, Value::Integer(self.levels.len() as i64), Value::Nil);
        }
        self.levels.pop();
        self.is_complete = self.levels.is_empty();
    }

    /// The table and key where the next value goes, and marks it as gone there.
    fn place<'gc>(&mut self, call: &Call<'gc, '_>) -> Option<(Value<'gc>, Value<'gc>)> {
        let level = self.levels.last_mut()?;
        level.expects = Expects::CommaOrEnd;
        let key = match level.key.take() {
            Some(key) => call.string(&key),
            None => {
                level.count += 1;
                call.integer(level.count)
            }
        };
        Some((lua::fetch(call.ctx(), &level.table), key))
    }

    fn scalar<'gc>(&mut self, call: &Call<'gc, '_>, token: Token) -> Result<Option<Pending<'gc>>, Mistake> {
        let value = match token {
            Token::String(text) => call.string(&text),
            Token::Number(text) => number::to_number(call.string(&text), call.options()).ok_or("INVALID_NUMBER")?,
            Token::True => Value::Boolean(true),
            Token::False => Value::Boolean(false),
            _ => lua::fetch(call.ctx(), &self.null),
        };
        let place = self.place(call);
        Ok(place.and_then(|(table, key)| store_or_call(call, [table, key, value])))
    }
}

/// The first token of `text` and its length; `None` when it is not whole.
fn token(text: &[u8]) -> Result<Option<(Token, usize)>, Mistake> {
    let Some(first) = text.first() else { return Ok(None) };
    let single = |token| Ok(Some((token, 1)));
    match first {
        b'[' => single(Token::Open { is_array: true }),
        b'{' => single(Token::Open { is_array: false }),
        b']' => single(Token::Close { is_array: true }),
        b'}' => single(Token::Close { is_array: false }),
        b',' => single(Token::Comma),
        b':' => single(Token::Colon),
        b'"' => string(text),
        0 => Err("FOUND_NULL_BYTE"),
        b'\\' => Err("ESCAPE_OUTSIDE_STRING"),
        b't' => word(text, b"true", Token::True),
        b'f' => word(text, b"false", Token::False),
        b'n' => word(text, b"null", Token::Null),
        b'-' | b'0'..=b'9' => number_token(text),
        _ => Err("SPECIAL_EXPECTED"),
    }
}

fn word(text: &[u8], word: &'static [u8], token: Token) -> Result<Option<(Token, usize)>, Mistake> {
    if text.starts_with(word) {
        Ok(Some((token, word.len())))
    } else if word.starts_with(text) {
        Ok(None)
    } else {
        Err("SPECIAL_EXPECTED")
    }
}

/// A number is whole when something else follows.
fn number_token(text: &[u8]) -> Result<Option<(Token, usize)>, Mistake> {
    let length = text.iter().take_while(|byte| b"+-.eE0123456789".contains(byte)).count();
    if length == text.len() {
        return Ok(None);
    }
    let digits = text[..length].strip_prefix(b"-").unwrap_or(&text[..length]);
    let is_sound = match digits {
        [b'0', b'0'..=b'9', ..] | [] => false,
        [first, ..] => first.is_ascii_digit(),
    };
    if is_sound { Ok(Some((Token::Number(text[..length].to_vec()), length))) } else { Err("INVALID_NUMBER") }
}

fn string(text: &[u8]) -> Result<Option<(Token, usize)>, Mistake> {
    let mut bytes = Vec::new();
    let mut position = 1;
    loop {
        match text[position.min(text.len())..] {
            [] | [b'\\'] => return Ok(None),
            [b'"', ..] => return Ok(Some((Token::String(bytes), position + 1))),
            [b'\\', b'u', ref digits @ ..] => {
                let Some(digits) = digits.get(..4) else { return Ok(None) };
                let code = std::str::from_utf8(digits).ok().and_then(|digits| u32::from_str_radix(digits, 16).ok());
                // The firmware does not join surrogates: each becomes a question mark.
                let character = char::from_u32(code.ok_or("UESCAPE_TOOSHORT")?).unwrap_or('?');
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                position += 6;
            }
            [b'\\', escaped, ..] => {
                bytes.push(match escaped {
                    b'b' => 0x08,
                    b'f' => 0x0c,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'"' | b'\\' | b'/' => escaped,
                    _ => return Err("ESCAPE_INVALID"),
                });
                position += 2;
            }
            [0..0x20, ..] => return Err("WEIRD_WHITESPACE"),
            [byte, ..] => {
                bytes.push(byte);
                position += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_wait_for_their_end() {
        for part in ["tru", "\"ab", "\"a\\", "\"\\u12", "12", "-"] {
            assert_eq!(token(part.as_bytes()), Ok(None), "{part}");
        }
        assert_eq!(token(b"12,"), Ok(Some((Token::Number(b"12".to_vec()), 2))));
        assert_eq!(token(b"\"a\\u00e9\\n\"x"), Ok(Some((Token::String("a\u{e9}\n".into()), 11))));
        assert_eq!(token(b"\"\\ud83d\\ude00\""), Ok(Some((Token::String(b"??".to_vec()), 14))));
    }

    #[test]
    fn mistakes_have_the_parsers_names() {
        for (text, mistake) in [
            ("x", "SPECIAL_EXPECTED"),
            ("tx", "SPECIAL_EXPECTED"),
            ("01,", "INVALID_NUMBER"),
            ("\"\\x\"", "ESCAPE_INVALID"),
        ] {
            assert_eq!(token(text.as_bytes()), Err(mistake), "{text}");
        }
    }
}
