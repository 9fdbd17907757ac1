//! Numbers and text: what a numeral means, how a number is printed, how mixed numbers compare.

use piccolo::Value;

use crate::{Dialect, IntegerBits, Options, table::float_to_integer};

/// The number that `value` is, or that its text spells.
pub fn to_number<'gc>(value: Value<'gc>, options: &Options) -> Option<Value<'gc>> {
    match value {
        Value::Integer(_) | Value::Number(_) => Some(value),
        Value::String(text) => parse(text.as_bytes(), options.dialect, options.integer_bits),
        _ => None,
    }
}

/// The float that a number or numeral is.
pub fn to_float(value: Value<'_>, options: &Options) -> Option<f64> {
    match to_number(value, options)? {
        Value::Integer(integer) => Some(integer as f64),
        Value::Number(number) => Some(number),
        _ => None,
    }
}

/// Reads a numeral with blanks around it, as `tonumber` does.
pub fn parse<'gc>(text: &[u8], dialect: Dialect, bits: IntegerBits) -> Option<Value<'gc>> {
    let text = trim(text);
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.len() > 1 && digits[0] == b'0' && digits[1] | 0x20 == b'x' {
        return parse_hexadecimal(&digits[2..], negative, dialect, bits);
    }
    if dialect.is_53() && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
        let parsed =
            digits.iter().try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
        let limit = match bits {
            IntegerBits::Bits64 => 1u64 << 63,
            IntegerBits::Bits32 => 1u64 << 31,
        };
        if let Some(magnitude) = parsed
            && (magnitude < limit || (negative && magnitude == limit))
        {
            let integer = magnitude as i64;
            return Some(Value::Integer(if negative { integer.wrapping_neg() } else { integer }));
        }
    }
    let magnitude = parse_decimal(digits)?;
    Some(Value::Number(if negative { -magnitude } else { magnitude }))
}

fn trim(text: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

fn parse_decimal(digits: &[u8]) -> Option<f64> {
    // Rust reads words such as "inf" and "nan" too; Lua does not.
    if !digits.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')) {
        return None;
    }
    if !digits.iter().any(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What follows `0x`. Both dialects read fractions and exponents here, 5.1 because C's `strtod` does.
fn parse_hexadecimal<'gc>(digits: &[u8], negative: bool, dialect: Dialect, bits: IntegerBits) -> Option<Value<'gc>> {
    let mut mantissa = 0f64;
    let mut integer = 0u64;
    let mut exponent = 0i32;
    let mut seen = false;
    let mut position = 0;
    let mut after_point = false;
    let mut is_float = false;
    while position < digits.len() {
        let byte = digits[position];
        if let Some(digit) = (byte as char).to_digit(16) {
            mantissa = mantissa * 16.0 + f64::from(digit);
            integer = integer.wrapping_mul(16).wrapping_add(u64::from(digit));
            exponent -= if after_point { 4 } else { 0 };
            seen = true;
        } else if byte == b'.' && !after_point {
            after_point = true;
            is_float = true;
        } else {
            break;
        }
        position += 1;
    }
    if !seen {
        return None;
    }
    if position < digits.len() {
        if digits[position] | 0x20 != b'p' {
            return None;
        }
        is_float = true;
        let power = std::str::from_utf8(&digits[position + 1..]).ok()?;
        let valid = power.trim_start_matches(['+', '-']);
        if valid.is_empty() || !valid.bytes().all(|byte| byte.is_ascii_digit()) || power.len() > valid.len() + 1 {
            return None;
        }
        let power = power.parse::<i32>().unwrap_or(if power.starts_with('-') { -100_000 } else { 100_000 });
        exponent = exponent.saturating_add(power);
    }
    if dialect.is_53() && !is_float {
        let integer = bits.wrap(integer as i64);
        return Some(Value::Integer(bits.wrap(if negative { integer.wrapping_neg() } else { integer })));
    }
    let number = scale(mantissa, exponent);
    Some(Value::Number(if negative { -number } else { number }))
}

fn scale(mantissa: f64, exponent: i32) -> f64 {
    // In two steps, so that neither power leaves the range of a double before the other brings it back.
    let half = exponent / 2;
    mantissa * 2f64.powi(half) * 2f64.powi(exponent - half)
}

/// A double as an integer the way 5.1's `lua_Number` to `lua_Integer` conversion goes.
pub fn truncate(number: f64) -> i64 {
    number as i64
}

/// The integer that equals a number or numeral, in 5.3's sense.
pub fn to_exact_integer(value: Value<'_>, options: &Options) -> Option<i64> {
    match to_number(value, options)? {
        Value::Integer(integer) => Some(integer),
        Value::Number(number) => {
            let integer = float_to_integer(number)?;
            (options.integer_bits.wrap(integer) == integer).then_some(integer)
        }
        _ => None,
    }
}

/// The text of a number, as `tostring` and concatenation give it.
pub fn to_string(value: Value<'_>, dialect: Dialect) -> Vec<u8> {
    let mut text = Vec::with_capacity(24);
    write(&mut text, value, dialect);
    text
}

/// Appends the text of a number.
pub fn write(text: &mut Vec<u8>, value: Value<'_>, dialect: Dialect) {
    match value {
        Value::Integer(integer) if dialect.is_53() => write_integer(text, integer),
        Value::Integer(integer) => write(text, Value::Number(integer as f64), dialect),
        Value::Number(number) => {
            // Whole numbers of up to 14 digits are the common case and print as integers do.
            if number.abs() < 1e14 && number.fract() == 0.0 && (number != 0.0 || number.is_sign_positive()) {
                write_integer(text, number as i64);
                if dialect.is_53() {
                    text.extend_from_slice(b".0");
                }
                return;
            }
            let start = text.len();
            format_general(text, number, 14, false);
            let looks_whole = text[start..].iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
            if dialect.is_53() && looks_whole {
                text.extend_from_slice(b".0");
            }
        }
        _ => {}
    }
}

fn write_integer(text: &mut Vec<u8>, integer: i64) {
    let mut digits = [0u8; 20];
    let mut position = digits.len();
    let mut rest = integer.unsigned_abs();
    loop {
        position -= 1;
        digits[position] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if integer < 0 {
        text.push(b'-');
    }
    text.extend_from_slice(&digits[position..]);
}

/// C's `%.<precision>g`; `alternate` is the flag `#`.
pub fn format_general(text: &mut Vec<u8>, number: f64, precision: usize, alternate: bool) {
    if !number.is_finite() {
        text.extend_from_slice(match (number.is_nan(), number.is_sign_negative()) {
            (true, true) => b"-nan",
            (true, false) => b"nan",
            (false, true) => b"-inf",
            (false, false) => b"inf",
        });
        return;
    }
    let precision = precision.max(1);
    let scientific = format!("{:.*e}", precision - 1, number);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let strip = |digits: &str| -> String {
        if alternate || !digits.contains('.') {
            digits.to_owned()
        } else {
            digits.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    };
    if exponent < -4 || exponent >= precision as i32 {
        text.extend_from_slice(strip(mantissa).as_bytes());
        let sign = if exponent < 0 { '-' } else { '+' };
        text.extend_from_slice(format!("e{sign}{:02}", exponent.abs()).as_bytes());
    } else {
        let decimals = (precision as i32 - 1 - exponent).max(0) as usize;
        text.extend_from_slice(strip(&format!("{number:.decimals$}")).as_bytes());
    }
}

/// `a < b` for two numbers or two strings.
#[inline]
pub fn less_than<'gc>(a: Value<'gc>, b: Value<'gc>) -> Option<bool> {
    Some(match (a, b) {
        (Value::Number(a), Value::Number(b)) => a < b,
        (Value::Integer(a), Value::Integer(b)) => a < b,
        (Value::Integer(a), Value::Number(b)) => integer_less_than_float(a, b),
        (Value::Number(a), Value::Integer(b)) => float_less_than_integer(a, b),
        (Value::String(a), Value::String(b)) => a.as_bytes() < b.as_bytes(),
        _ => return None,
    })
}

/// `a <= b` for two numbers or two strings.
#[inline]
pub fn less_equal<'gc>(a: Value<'gc>, b: Value<'gc>) -> Option<bool> {
    Some(match (a, b) {
        (Value::Number(a), Value::Number(b)) => a <= b,
        (Value::Integer(a), Value::Integer(b)) => a <= b,
        (Value::Integer(a), Value::Number(b)) => !b.is_nan() && !float_less_than_integer(b, a),
        (Value::Number(a), Value::Integer(b)) => !a.is_nan() && !integer_less_than_float(b, a),
        (Value::String(a), Value::String(b)) => a.as_bytes() <= b.as_bytes(),
        _ => return None,
    })
}

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

fn integer_less_than_float(a: i64, b: f64) -> bool {
    // Exact even where the integer has more digits than a double holds.
    if b >= TWO_TO_63 {
        true
    } else if b > -TWO_TO_63 {
        a < b.ceil() as i64
    } else {
        false
    }
}

fn float_less_than_integer(a: f64, b: i64) -> bool {
    if a >= TWO_TO_63 || a.is_nan() {
        false
    } else if a >= -TWO_TO_63 {
        (a.floor() as i64) < b
    } else {
        true
    }
}
