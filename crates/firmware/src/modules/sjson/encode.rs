//! Tables to JSON.
//!
//! A table whose keys are all whole numbers above 0 becomes an array up to the largest of them, with nulls for what is missing;
//! any other becomes an object. An empty table is an array.

use std::cell::RefCell;
use std::rc::Rc;

use lua::native::{Answer, Call};
use lua::piccolo::Value;
use lua::{Kind, Stashed, Table, rom};

use super::{call_and_go_on, depth_option, is_null};
use crate::chip::Chip;
use crate::module;

/// Functions that may follow one another as the value of one element.
const FUNCTIONS_MAX: u32 = 10;

/// Bytes of a piece unless told otherwise.
const READ_BYTES: i64 = 1024;

/// An encoding under way.
struct Encoder {
    depth: usize,
    null: Option<Vec<u8>>,
    levels: Vec<Level>,
    out: Vec<u8>,
    /// Bytes of `out` that were read.
    read: usize,
}

/// A table under way.
struct Level {
    elements: std::vec::IntoIter<(Option<Stashed>, Stashed)>,
    is_array: bool,
    is_begun: bool,
}

/// What an encoder needs next.
enum Next<'gc> {
    /// Nothing: it is done.
    Done,
    /// The result of this function.
    Call(Value<'gc>),
}

pub(super) fn encode<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let encoder = Rc::new(RefCell::new(new(chip, &call)?));
    go_on(chip, call, encoder, |_, mut call, encoder| {
        let text = std::mem::take(&mut encoder.borrow_mut().out);
        call.reserve(text.len())?;
        Ok(call.one(call.string_from(text)))
    })
}

pub(super) fn encoder<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let encoder = Rc::new(RefCell::new(new(chip, &call)?));
    Ok(call.one(rom::object(call.ctx(), "sjson.encoder", encoder)))
}

pub(super) fn read<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let encoder = Rc::clone(call.check_userdata::<Rc<RefCell<Encoder>>>(1, "sjson.encoder")?);
    let size = match call.arg(2) {
        Value::Integer(_) | Value::Number(_) => call.check_integer(2)?.max(1),
        _ => READ_BYTES,
    };
    go_on(chip, call, encoder, move |_, call, encoder| {
        let mut encoder = encoder.borrow_mut();
        let end = encoder.out.len().min(encoder.read.saturating_add(size as usize));
        let piece = &encoder.out[encoder.read..end];
        if piece.is_empty() {
            return Ok(call.none());
        }
        let piece = call.string(piece);
        encoder.read = end;
        Ok(call.one(piece))
    })
}

fn new<'gc>(_: &Chip, call: &Call<'gc, '_>) -> Result<Encoder, lua::Error<'gc>> {
    let table = call.check_table(1)?;
    let null = Table::from_value(call.arg(2)).map(|options| options.get(call.ctx(), "null"));
    let null = match null {
        Some(Value::String(null)) => Some(null.as_bytes().to_vec()),
        _ => None,
    };
    let mut encoder = Encoder { depth: depth_option(call, 2), null, levels: Vec::new(), out: Vec::new(), read: 0 };
    encoder.push(call, table)?;
    Ok(encoder)
}

/// Encodes until done, then `finish`es.
fn go_on<'gc, F>(chip: &Chip, call: Call<'gc, '_>, encoder: Rc<RefCell<Encoder>>, finish: F) -> Answer<'gc>
where
    F: 'static + FnOnce(&Chip, Call<'gc, '_>, Rc<RefCell<Encoder>>) -> Answer<'gc>,
{
    let next = encoder.borrow_mut().advance(chip, &call)?;
    match next {
        Next::Done => finish(chip, call, encoder),
        Next::Call(function) => resolve(chip, call, encoder, function, 1, finish),
    }
}

/// Calls a function that stands for a value; its result may be another one.
fn resolve<'gc, F>(
    chip: &Chip,
    call: Call<'gc, '_>,
    encoder: Rc<RefCell<Encoder>>,
    function: Value<'gc>,
    count: u32,
    finish: F,
) -> Answer<'gc>
where
    F: 'static + FnOnce(&Chip, Call<'gc, '_>, Rc<RefCell<Encoder>>) -> Answer<'gc>,
{
    call_and_go_on(chip, call, function, Vec::new(), move |chip, call| {
        let value = call.arg(1);
        if matches!(lua::kind(value), Kind::Function(_)) && count < FUNCTIONS_MAX {
            return resolve(chip, call, encoder, value, count + 1, finish);
        }
        encoder.borrow_mut().value(chip, &call, value)?;
        go_on(chip, call, encoder, finish)
    })
}

impl Encoder {
    /// Writes until the end or until a function has to be called.
    fn advance<'gc>(&mut self, chip: &Chip, call: &Call<'gc, '_>) -> Result<Next<'gc>, lua::Error<'gc>> {
        while let Some(level) = self.levels.last_mut() {
            if self.out.len() > chip.config.heap_bytes {
                return Err(call.plain_error("not enough memory"));
            }
            let (open, close) = if level.is_array { (b'[', b']') } else { (b'{', b'}') };
            let is_first = !std::mem::replace(&mut level.is_begun, true);
            if is_first {
                self.out.push(open);
            }
            let Some((key, value)) = level.elements.next() else {
                self.out.push(close);
                self.levels.pop();
                continue;
            };
            if !is_first {
                self.out.push(b',');
            }
            if let Some(key) = key {
                let key = lua::fetch(call.ctx(), &key);
                let key = call.to_string(key).map_or(key, Value::String);
                self.scalar(chip, call, key)?;
                self.out.push(b':');
            }
            let value = lua::fetch(call.ctx(), &value);
            if let Kind::Function(_) = lua::kind(value) {
                return Ok(Next::Call(value));
            }
            self.value(chip, call, value)?;
        }
        Ok(Next::Done)
    }

    fn value<'gc>(&mut self, chip: &Chip, call: &Call<'gc, '_>, value: Value<'gc>) -> Result<(), lua::Error<'gc>> {
        match Table::from_value(value) {
            Some(table) => self.push(call, table),
            None => self.scalar(chip, call, value),
        }
    }

    fn push<'gc>(&mut self, call: &Call<'gc, '_>, table: Table<'gc>) -> Result<(), lua::Error<'gc>> {
        if self.levels.len() >= self.depth {
            return Err(call.error("encoder stack overflow"));
        }
        let ctx = call.ctx();
        let pairs = table.pairs(&ctx);
        let elements: Vec<_> = match array_length(&pairs) {
            Some(length) => (1..=length).map(|i| (None, lua::stash(ctx, table.get(ctx, i)))).collect(),
            None => pairs.iter().map(|(key, value)| (Some(lua::stash(ctx, *key)), lua::stash(ctx, *value))).collect(),
        };
        let is_array = elements.first().is_none_or(|(key, _)| key.is_none());
        self.levels.push(Level { elements: elements.into_iter(), is_array, is_begun: false });
        Ok(())
    }

    fn scalar<'gc>(&mut self, chip: &Chip, call: &Call<'gc, '_>, value: Value<'gc>) -> Result<(), lua::Error<'gc>> {
        match lua::kind(value) {
            Kind::Nil => self.out.extend_from_slice(b"null"),
            Kind::Boolean(boolean) => self.out.extend_from_slice(if boolean { b"true" } else { b"false" }),
            Kind::Integer(integer) => self.out.extend_from_slice(integer.to_string().as_bytes()),
            Kind::Number(number) => self.number(chip, call, number),
            Kind::String(text) if self.null.as_deref() == Some(text.as_bytes()) => self.out.extend_from_slice(b"null"),
            Kind::String(text) => self.string(chip, call, text.as_bytes()),
            // The firmware knows sjson.NULL alone, the manual says that any userdata becomes null.
            Kind::Object(_) if is_null(value) || !chip.is_chip() => self.out.extend_from_slice(b"null"),
            Kind::Table(_) => return Err(call.error("Cannot encode type 5")),
            Kind::Function(_) => return Err(call.error("Cannot encode type 6")),
            Kind::Object(_) => return Err(call.error("Cannot encode type 7")),
            Kind::Thread(_) => return Err(call.error("Cannot encode type 8")),
        }
        Ok(())
    }

    fn number<'gc>(&mut self, chip: &Chip, call: &Call<'gc, '_>, number: f64) {
        if !number.is_finite() {
            self.out.extend_from_slice(b"null");
        } else if chip.is_chip() {
            self.out.extend_from_slice(nineteen_digits(number).as_bytes());
        } else if let Some(text) = call.to_string(Value::Number(number)) {
            self.out.extend_from_slice(text.as_bytes().strip_suffix(b".0").unwrap_or(text.as_bytes()));
        }
    }

    fn string(&mut self, chip: &Chip, call: &Call<'_, '_>, text: &[u8]) {
        self.out.push(b'"');
        for &byte in text {
            match byte {
                b'"' => self.out.extend_from_slice(b"\\\""),
                b'\\' if chip.is_chip() => self.out.push(byte),
                b'\\' => {
                    chip.hint("on a chip: sjson.encode does not escape a backslash", module::position(call));
                    self.out.extend_from_slice(b"\\\\");
                }
                b'\n' => self.out.extend_from_slice(b"\\n"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                0x08 => self.out.extend_from_slice(b"\\b"),
                0x0c => self.out.extend_from_slice(b"\\f"),
                0..0x20 => self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => self.out.push(byte),
            }
        }
        self.out.push(b'"');
    }
}

/// A finite number as C's `%.19g` writes it, so that 0.1 shows what its bits are (`SJSON_FLOAT_FMT`).
fn nineteen_digits(number: f64) -> String {
    const DIGITS: i32 = 19;
    let scientific = format!("{number:.18e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let without_zeros = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    if (-4..DIGITS).contains(&exponent) {
        let decimals = usize::try_from(DIGITS - 1 - exponent).unwrap_or(0);
        let fixed = format!("{number:.decimals$}");
        return if decimals > 0 { without_zeros(&fixed) } else { fixed };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_zeros(digits), exponent.abs())
}

/// The largest key if all are whole numbers above 0; `None` for an object, and for an array that is mostly holes.
fn array_length(pairs: &[(Value<'_>, Value<'_>)]) -> Option<i64> {
    const HOLES_MAX: i64 = 10_000;
    let mut largest = 0;
    for (key, _) in pairs {
        let key = match key {
            Value::Integer(key) => *key,
            Value::Number(key) => *key as i64,
            _ => return None,
        };
        if key <= 0 {
            return None;
        }
        largest = largest.max(key);
    }
    (largest <= pairs.len() as i64 + HOLES_MAX).then_some(largest)
}
