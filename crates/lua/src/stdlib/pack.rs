//! `string.pack`, `string.packsize` and `string.unpack` of Lua 5.3.

use piccolo::Value;

use crate::native::{Answer, Call, Error};

/// `MAXINTSIZE` of `lstrlib.c`.
const INTEGER_SIZE_MAX: usize = 16;
/// Bytes of a `lua_Integer`.
const LUA_INTEGER_SIZE: usize = 8;
/// `MAXSIZE` of `lstrlib.c`.
const SIZE_MAX: usize = i32::MAX as usize;
/// The strictest alignment a C compiler for 64-bit machines asks for.
const ALIGNMENT_MAX: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Signed,
    Unsigned,
    Float,
    Double,
    Characters,
    /// With its length in front.
    String,
    ZeroTerminated,
    Padding,
    Align,
    Nothing,
}

/// One option of a format with everything that precedes its data worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Item {
    kind: Kind,
    size: usize,
    padding: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum FormatError {
    Message(String),
    /// A fault of argument 1.
    Argument(&'static str),
}

impl FormatError {
    fn raise<'gc>(self, call: &Call<'gc, '_>) -> Error<'gc> {
        match self {
            FormatError::Message(message) => call.error(message),
            FormatError::Argument(message) => call.argument_error(1, message),
        }
    }
}

/// Reads a format, option by option.
struct Format<'a> {
    rest: &'a [u8],
    little_endian: bool,
    alignment_max: usize,
}

impl<'a> Format<'a> {
    fn new(format: &'a [u8]) -> Format<'a> {
        // The format is a C string to the reference.
        let end = format.iter().position(|&byte| byte == 0).unwrap_or(format.len());
        Format { rest: &format[..end], little_endian: true, alignment_max: 1 }
    }

    /// The next item of data that starts at `offset`; `None` at the end.
    fn next(&mut self, offset: usize) -> Result<Option<Item>, FormatError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (kind, size) = self.option()?;
        let mut alignment = size;
        if kind == Kind::Align {
            let invalid = FormatError::Argument("invalid next option for option 'X'");
            if self.rest.is_empty() {
                return Err(invalid);
            }
            let (next, size) = self.option()?;
            if next == Kind::Characters || size == 0 {
                return Err(invalid);
            }
            alignment = size;
        }
        let mut padding = 0;
        if alignment > 1 && kind != Kind::Characters {
            let alignment = alignment.min(self.alignment_max);
            if !alignment.is_power_of_two() {
                return Err(FormatError::Argument("format asks for alignment not power of 2"));
            }
            padding = offset.wrapping_neg() & (alignment - 1);
        }
        Ok(Some(Item { kind, size, padding }))
    }

    fn option(&mut self) -> Result<(Kind, usize), FormatError> {
        let Some((&letter, rest)) = self.rest.split_first() else { return Ok((Kind::Nothing, 0)) };
        self.rest = rest;
        Ok(match letter {
            b'b' => (Kind::Signed, 1),
            b'B' => (Kind::Unsigned, 1),
            b'h' => (Kind::Signed, 2),
            b'H' => (Kind::Unsigned, 2),
            b'l' | b'j' => (Kind::Signed, 8),
            b'L' | b'J' | b'T' => (Kind::Unsigned, 8),
            b'i' => (Kind::Signed, self.bounded_number(4)?),
            b'I' => (Kind::Unsigned, self.bounded_number(4)?),
            b's' => (Kind::String, self.bounded_number(8)?),
            b'f' => (Kind::Float, 4),
            b'd' | b'n' => (Kind::Double, 8),
            b'c' => match self.number() {
                Some(size) => (Kind::Characters, size),
                None => return Err(FormatError::Message("missing size for format option 'c'".into())),
            },
            b'z' => (Kind::ZeroTerminated, 0),
            b'x' => (Kind::Padding, 1),
            b'X' => (Kind::Align, 0),
            b' ' => (Kind::Nothing, 0),
            b'<' | b'=' => {
                self.little_endian = true;
                (Kind::Nothing, 0)
            }
            b'>' => {
                self.little_endian = false;
                (Kind::Nothing, 0)
            }
            b'!' => {
                self.alignment_max = self.bounded_number(ALIGNMENT_MAX)?;
                (Kind::Nothing, 0)
            }
            _ => {
                let letter = char::from(letter);
                return Err(FormatError::Message(format!("invalid format option '{letter}'")));
            }
        })
    }

    /// A decimal number, which stops growing (and leaves its other digits) when it nears the limit of sizes.
    fn number(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some((digit, rest)) = self.rest.split_first().filter(|(byte, _)| byte.is_ascii_digit()) {
            let value = number.unwrap_or(0);
            if value > (SIZE_MAX - 9) / 10 {
                break;
            }
            number = Some(value * 10 + usize::from(digit - b'0'));
            self.rest = rest;
        }
        number
    }

    fn bounded_number(&mut self, default: usize) -> Result<usize, FormatError> {
        let size = self.number().unwrap_or(default);
        if (1..=INTEGER_SIZE_MAX).contains(&size) {
            return Ok(size);
        }
        Err(FormatError::Message(format!("integral size ({size}) out of limits [1,{INTEGER_SIZE_MAX}]")))
    }
}

/// `string.packsize(format)`
pub(crate) fn packsize<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let format = call.check_string(1)?;
    let mut format = Format::new(format.as_bytes());
    let mut total = 0usize;
    while let Some(item) = format.next(total).map_err(|error| error.raise(&call))? {
        if matches!(item.kind, Kind::String | Kind::ZeroTerminated) {
            return Err(call.argument_error(1, "variable-length format"));
        }
        total += item.size + item.padding;
        if total > SIZE_MAX {
            return Err(call.argument_error(1, "format result too large"));
        }
    }
    Ok(call.one(call.integer(total as i64)))
}

/// `string.pack(format, v1, v2, ...)`
pub(crate) fn pack<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let format = call.check_string(1)?;
    // The reference marks the end of the arguments with a nil, and takes it for one that was given.
    let arguments: Vec<_> = call.args().iter().copied().chain([Value::Nil]).collect();
    let mut call = call.with_arguments(&arguments)?;
    let mut format = Format::new(format.as_bytes());
    let mut out = Vec::new();
    let mut argument = 1;
    while let Some(item) = format.next(out.len()).map_err(|error| error.raise(&call))? {
        call.reserve(out.len() + item.size + item.padding)?;
        out.resize(out.len() + item.padding, 0);
        argument += 1;
        match item.kind {
            Kind::Signed => {
                let value = call.check_integer(argument)?;
                if item.size < LUA_INTEGER_SIZE {
                    let limit = 1i64 << (item.size * 8 - 1);
                    if !(-limit..limit).contains(&value) {
                        return Err(call.argument_error(argument, "integer overflow"));
                    }
                }
                write_integer(&mut out, value, item.size, format.little_endian, value < 0);
            }
            Kind::Unsigned => {
                let value = call.check_integer(argument)?;
                if item.size < LUA_INTEGER_SIZE && value as u64 >= 1 << (item.size * 8) {
                    return Err(call.argument_error(argument, "unsigned overflow"));
                }
                write_integer(&mut out, value, item.size, format.little_endian, false);
            }
            Kind::Float => {
                let bytes = (call.check_number(argument)? as f32).to_le_bytes();
                write_ordered(&mut out, bytes, format.little_endian);
            }
            Kind::Double => {
                let bytes = call.check_number(argument)?.to_le_bytes();
                write_ordered(&mut out, bytes, format.little_endian);
            }
            Kind::Characters => {
                let text = call.check_string(argument)?;
                if text.as_bytes().len() > item.size {
                    return Err(call.argument_error(argument, "string longer than given size"));
                }
                out.extend_from_slice(text.as_bytes());
                out.resize(out.len() + item.size - text.as_bytes().len(), 0);
            }
            Kind::String => {
                let text = call.check_string(argument)?;
                let length = text.as_bytes().len();
                call.reserve(out.len() + length)?;
                if item.size < LUA_INTEGER_SIZE && length as u64 >= 1 << (item.size * 8) {
                    return Err(call.argument_error(argument, "string length does not fit in given size"));
                }
                write_integer(&mut out, length as i64, item.size, format.little_endian, false);
                out.extend_from_slice(text.as_bytes());
            }
            Kind::ZeroTerminated => {
                let text = call.check_string(argument)?;
                if text.as_bytes().contains(&0) {
                    return Err(call.argument_error(argument, "string contains zeros"));
                }
                call.reserve(out.len() + text.as_bytes().len())?;
                out.extend_from_slice(text.as_bytes());
                out.push(0);
            }
            Kind::Padding => {
                out.push(0);
                argument -= 1;
            }
            Kind::Align | Kind::Nothing => argument -= 1,
        }
    }
    Ok(call.one(call.string_from(out)))
}

/// `string.unpack(format, text [, position])`
pub(crate) fn unpack<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let format = call.check_string(1)?;
    let mut format = Format::new(format.as_bytes());
    let data = call.check_string(2)?.as_bytes();
    let position = match call.opt_integer(3, 1)? {
        position if position >= 0 => position,
        position => (position + data.len() as i64 + 1).max(0),
    };
    // Position 0 wraps to a huge offset in the reference and is refused there too.
    let mut offset = match position {
        position @ 1.. if position <= data.len() as i64 + 1 => (position - 1) as usize,
        _ => return Err(call.argument_error(3, "initial position out of string")),
    };
    let mut values = Vec::new();
    while let Some(item) = format.next(offset).map_err(|error| error.raise(&call))? {
        let too_short = || call.argument_error(2, "data string too short");
        let start = offset + item.padding;
        let bytes = data.get(start..start + item.size).ok_or_else(too_short)?;
        offset = start + item.size;
        match item.kind {
            Kind::Signed | Kind::Unsigned => {
                let value = read_integer(bytes, format.little_endian, item.kind == Kind::Signed);
                values.push(call.integer(value.ok_or_else(|| does_not_fit(&call, item.size))?));
            }
            Kind::Float => {
                values.push(Value::Number(f64::from(f32::from_le_bytes(read_ordered(bytes, format.little_endian)))))
            }
            Kind::Double => values.push(Value::Number(f64::from_le_bytes(read_ordered(bytes, format.little_endian)))),
            Kind::Characters => values.push(call.string(bytes)),
            Kind::String => {
                let length = read_integer(bytes, format.little_endian, false);
                let length = length.ok_or_else(|| does_not_fit(&call, item.size))? as usize;
                let end = offset.checked_add(length).ok_or_else(too_short)?;
                values.push(call.string(data.get(offset..end).ok_or_else(too_short)?));
                offset = end;
            }
            Kind::ZeroTerminated => {
                let rest = data.get(offset..).unwrap_or(&[]);
                let length = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
                values.push(call.string(&rest[..length]));
                offset += length + 1;
            }
            Kind::Padding | Kind::Align | Kind::Nothing => {}
        }
    }
    values.push(call.integer(offset as i64 + 1));
    Ok(call.many(values))
}

fn does_not_fit<'gc>(call: &Call<'gc, '_>, size: usize) -> Error<'gc> {
    call.error(format!("{size}-byte integer does not fit into Lua Integer"))
}

fn write_integer(out: &mut Vec<u8>, value: i64, size: usize, little_endian: bool, negative: bool) {
    let mut bytes = [if negative { 0xff } else { 0 }; INTEGER_SIZE_MAX];
    bytes[..LUA_INTEGER_SIZE].copy_from_slice(&value.to_le_bytes());
    let bytes = &mut bytes[..size];
    if !little_endian {
        bytes.reverse();
    }
    out.extend_from_slice(bytes);
}

/// The integer in `bytes`; `None` if it takes more than 64 bits.
fn read_integer(bytes: &[u8], little_endian: bool, signed: bool) -> Option<i64> {
    let byte = |index: usize| if little_endian { bytes[index] } else { bytes[bytes.len() - 1 - index] };
    let kept = bytes.len().min(LUA_INTEGER_SIZE);
    let mut value = (0..kept).rev().fold(0u64, |value, index| value << 8 | u64::from(byte(index)));
    if signed && kept < LUA_INTEGER_SIZE {
        let sign = 1u64 << (kept * 8 - 1);
        value = (value ^ sign).wrapping_sub(sign);
    }
    let value = value as i64;
    let filler = if signed && value < 0 { 0xff } else { 0 };
    (kept..bytes.len()).all(|index| byte(index) == filler).then_some(value)
}

fn write_ordered<const N: usize>(out: &mut Vec<u8>, mut bytes: [u8; N], little_endian: bool) {
    if !little_endian {
        bytes.reverse();
    }
    out.extend_from_slice(&bytes);
}

fn read_ordered<const N: usize>(bytes: &[u8], little_endian: bool) -> [u8; N] {
    let mut ordered = [0; N];
    ordered.copy_from_slice(&bytes[..N]);
    if !little_endian {
        ordered.reverse();
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(format: &str) -> Result<Vec<(Kind, usize, usize)>, FormatError> {
        let mut format = Format::new(format.as_bytes());
        let (mut items, mut offset) = (Vec::new(), 0);
        while let Some(item) = format.next(offset)? {
            offset += item.size + item.padding;
            items.push((item.kind, item.size, item.padding));
        }
        Ok(items)
    }

    #[test]
    fn alignment_adds_padding() {
        assert_eq!(
            items("!4 b i4 Xi8"),
            Ok(vec![
                (Kind::Nothing, 0, 0),
                (Kind::Nothing, 0, 0),
                (Kind::Signed, 1, 0),
                (Kind::Nothing, 0, 0),
                (Kind::Signed, 4, 3),
                (Kind::Nothing, 0, 0),
                (Kind::Align, 0, 0),
            ])
        );
        assert_eq!(items("!3i4"), Err(FormatError::Argument("format asks for alignment not power of 2")));
    }

    #[test]
    fn malformed_formats_say_why() {
        let message = |text: &str| Err(FormatError::Message(text.into()));
        assert_eq!(items("i17"), message("integral size (17) out of limits [1,16]"));
        assert_eq!(items("c"), message("missing size for format option 'c'"));
        assert_eq!(items("y"), message("invalid format option 'y'"));
        assert_eq!(items("Xz"), Err(FormatError::Argument("invalid next option for option 'X'")));
        assert_eq!(items("X"), Err(FormatError::Argument("invalid next option for option 'X'")));
    }

    #[test]
    fn integers_survive_both_byte_orders() {
        for value in [0, 1, -1, 0x1234_5678, i64::MIN, i64::MAX] {
            for little_endian in [true, false] {
                for size in 8..=16 {
                    let mut out = Vec::new();
                    write_integer(&mut out, value, size, little_endian, value < 0);
                    assert_eq!(read_integer(&out, little_endian, true), Some(value));
                }
            }
        }
        assert_eq!(read_integer(&[0xfe, 0xff], true, true), Some(-2));
        assert_eq!(read_integer(&[0xfe, 0xff], true, false), Some(0xfffe));
        assert_eq!(read_integer(&[0xff; 9], true, false), None);
    }
}
