//! `struct`: numbers and strings in binary records (struct manual).

use lua::native::{Answer, Call};
use lua::piccolo::Value;

use crate::chip::Chip;
use crate::module::{Module, function};

/// Bytes of the largest whole number.
const INTEGER_BYTES_MAX: usize = 32;

/// Largest alignment of the processor.
const ALIGNMENT_MAX: usize = 8;

const FORMAT: (&str, &str) =
    ("format", "letters: b h l i for whole numbers, f d for floats, s c for strings, x, <, >, !");

/// The module.
pub(crate) const MODULE: Module = Module {
    name: "struct",
    doc: "Numbers and strings in binary records.",
    members: &[
        function("pack", "(format, value, ...): bytes", pack, "Values as a record.")
            .parameters(&[FORMAT, ("value, ...", "numbers and strings")])
            .quiet(),
        function(
            "unpack",
            "(format, data, [position]): value, ..., next",
            unpack,
            "The values of a record, and where the next begins.",
        )
        .parameters(&[FORMAT, ("data", "bytes"), ("position", "where the record begins; 1 unless given")])
        .quiet(),
        function("size", "(format): bytes", size, "How long a record is.").parameters(&[FORMAT]).quiet(),
    ],
    types: &[],
};

/// A format under way.
struct Format<'a> {
    rest: &'a [u8],
    is_big_endian: bool,
    alignment: usize,
}

/// One element of a format.
struct Element {
    letter: u8,
    size: usize,
}

impl<'a> Format<'a> {
    fn new(format: &'a [u8]) -> Format<'a> {
        Format { rest: format, is_big_endian: false, alignment: 1 }
    }

    /// The next element, after those that only change how others are read.
    fn next<'gc>(&mut self, call: &Call<'gc, '_>) -> Result<Option<Element>, lua::Error<'gc>> {
        loop {
            let Some((&letter, rest)) = self.rest.split_first() else { return Ok(None) };
            self.rest = rest;
            let size = match letter {
                b' ' => continue,
                b'>' => {
                    self.is_big_endian = true;
                    continue;
                }
                b'<' => {
                    self.is_big_endian = false;
                    continue;
                }
                b'!' => {
                    let alignment = self.number(call, ALIGNMENT_MAX)?;
                    if !alignment.is_power_of_two() {
                        return Err(call.error(format!("alignment {alignment} is not a power of 2")));
                    }
                    self.alignment = alignment;
                    continue;
                }
                b'b' | b'B' | b'x' => 1,
                b'h' | b'H' => 2,
                b'l' | b'L' | b'T' | b'f' => 4,
                b'd' => 8,
                b's' => 0,
                b'c' => self.number(call, 1)?,
                b'i' | b'I' => {
                    let size = self.number(call, 4)?;
                    if size > INTEGER_BYTES_MAX {
                        let text = format!("integral size {size} is larger than limit of {INTEGER_BYTES_MAX}");
                        return Err(call.error(text));
                    }
                    size
                }
                _ => {
                    let text = format!("invalid format option '{}'", char::from(letter));
                    return Err(call.argument_error(1, text));
                }
            };
            return Ok(Some(Element { letter, size }));
        }
    }

    fn number<'gc>(&mut self, call: &Call<'gc, '_>, default: usize) -> Result<usize, lua::Error<'gc>> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Ok(default);
        }
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        let number = std::str::from_utf8(number).ok().and_then(|number| number.parse::<i32>().ok());
        number.map(|number| number as usize).ok_or_else(|| call.error("integral size overflow"))
    }

    /// Bytes to leave out before an element at `position`.
    fn padding(&self, position: usize, element: &Element) -> usize {
        let size = element.size.min(self.alignment);
        if size == 0 || element.letter == b'c' || !size.is_power_of_two() {
            0
        } else {
            position.wrapping_neg() & (size - 1)
        }
    }
}

fn pack<'gc>(_: &Chip, mut call: Call<'gc, '_>) -> Answer<'gc> {
    let format = call.check_string(1)?;
    let mut format = Format::new(format.as_bytes());
    let mut out = Vec::new();
    let mut argument = 1;
    while let Some(element) = format.next(&call)? {
        out.resize(out.len() + format.padding(out.len(), &element), 0);
        argument += usize::from(element.letter != b'x');
        match element.letter {
            b'x' => out.push(0),
            b'f' => {
                let number = call.check_number(argument)? as f32;
                out.extend_from_slice(&if format.is_big_endian { number.to_be_bytes() } else { number.to_le_bytes() });
            }
            b'd' => {
                let number = call.check_number(argument)?;
                out.extend_from_slice(&if format.is_big_endian { number.to_be_bytes() } else { number.to_le_bytes() });
            }
            b's' | b'c' => {
                let text = call.check_string(argument)?.as_bytes();
                let size = if element.size == 0 { text.len() } else { element.size };
                let Some(text) = text.get(..size) else {
                    return Err(call.argument_error(argument + 1, "string too short"));
                };
                call.reserve(out.len() + text.len() + 1)?;
                out.extend_from_slice(text);
                if element.letter == b's' {
                    out.push(0);
                }
            }
            _ => push_integer(&mut out, call.check_integer(argument)?, element.size, format.is_big_endian),
        }
    }
    Ok(call.one(call.string_from(out)))
}

/// The firmware packs 32 bits and extends the sign.
fn push_integer(out: &mut Vec<u8>, integer: i64, size: usize, is_big_endian: bool) {
    let integer = integer as i32;
    let sign = if integer < 0 { 0xff } else { 0 };
    let start = out.len();
    out.extend(integer.to_le_bytes().into_iter().chain(std::iter::repeat(sign)).take(size));
    if is_big_endian {
        out[start..].reverse();
    }
}

fn unpack<'gc>(_: &Chip, mut call: Call<'gc, '_>) -> Answer<'gc> {
    let format = call.check_string(1)?;
    let data = call.check_string(2)?.as_bytes();
    let mut position = usize::try_from(call.opt_integer(3, 1)?.saturating_sub(1)).unwrap_or(usize::MAX);
    let mut format = Format::new(format.as_bytes());
    let mut values: Vec<Value<'gc>> = Vec::new();
    while let Some(element) = format.next(&call)? {
        position = position.saturating_add(format.padding(position, &element));
        let mut size = element.size;
        if element.letter == b'c' && size == 0 {
            size = match values.pop().and_then(Value::to_number) {
                Some(size) if size >= 0.0 => size as usize,
                _ => return Err(call.error("format `c0' needs a previous size")),
            };
        }
        let Some(rest) = data.get(position..).filter(|rest| rest.len() >= size) else {
            return Err(call.argument_error(2, "data string too short"));
        };
        let bytes = &rest[..size];
        match element.letter {
            b'x' => {}
            b'f' | b'd' => values.push(Value::Number(float(bytes, format.is_big_endian))),
            b'c' => values.push(call.string(bytes)),
            b's' => {
                let Some(length) = rest.iter().position(|byte| *byte == 0) else {
                    return Err(call.error("unfinished string in data"));
                };
                values.push(call.string(&rest[..length]));
                size = length + 1;
            }
            letter => {
                let integer = integer(bytes, letter.is_ascii_lowercase(), format.is_big_endian);
                // Beyond 32 bits the firmware gives a float.
                values.push(if i32::try_from(integer).is_ok() {
                    call.integer(integer)
                } else {
                    Value::Number(integer as f64)
                });
            }
        }
        position += size;
    }
    values.push(call.integer(position as i64 + 1));
    Ok(call.many(values))
}

fn float(bytes: &[u8], is_big_endian: bool) -> f64 {
    let mut bytes = bytes.to_vec();
    if is_big_endian {
        bytes.reverse();
    }
    match (<[u8; 4]>::try_from(bytes.as_slice()), <[u8; 8]>::try_from(bytes.as_slice())) {
        (Ok(bytes), _) => f64::from(f32::from_le_bytes(bytes)),
        (_, Ok(bytes)) => f64::from_le_bytes(bytes),
        _ => 0.0,
    }
}

fn integer(bytes: &[u8], is_signed: bool, is_big_endian: bool) -> i64 {
    let fold = |integer: u64, byte: &u8| integer << 8 | u64::from(*byte);
    let unsigned = if is_big_endian { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) };
    let unused_bits = 64u32.saturating_sub(8 * bytes.len() as u32);
    if is_signed && unused_bits < 64 { ((unsigned << unused_bits) as i64) >> unused_bits } else { unsigned as i64 }
}

fn size<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let format = call.check_string(1)?;
    let mut format = Format::new(format.as_bytes());
    let mut position = 0usize;
    while let Some(element) = format.next(&call)? {
        match (element.letter, element.size) {
            (b's', _) => return Err(call.argument_error(1, "option 's' has no fixed size")),
            (b'c', 0) => return Err(call.argument_error(1, "option 'c0' has no fixed size")),
            _ => position = position.saturating_add(format.padding(position, &element)).saturating_add(element.size),
        }
    }
    Ok(call.one(call.integer(position as i64)))
}
