//! Numbers as text and text as numbers.
//!
//! The lexer, `tonumber`, string coercions, `tostring` and `string.format` all come here, so that a numeral means the same
//! everywhere. The rules are those of the reference interpreters on Linux: `strtod` and `%.14g` of glibc, which the reference
//! calls, are part of what programs see.
//!
//! One deviation: every NaN is spelled `-nan`. The reference prints the sign bit, which is set for the NaN that an x86 processor
//! makes (`0/0`) and clear for the one that ARM or a constant folder makes; a sign that depends on the machine would break the
//! promise of equal output for equal input.

use super::decimal;

/// A number as the text spelled it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Numeral {
    /// An integer of Lua 5.3.
    Integer(i64),
    /// A float; every number of Lua 5.1.
    Float(f64),
}

/// Which numbers a build of the interpreter has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberType {
    /// Lua 5.1: doubles only, shown with 14 digits.
    Doubles,
    /// Lua 5.3 with 64-bit integers and doubles.
    Integers64,
    /// Lua 5.3 with 32-bit integers and 32-bit floats, shown with 7 digits.
    Integers32,
}

impl NumberType {
    /// Reads the whole of `text` as a numeral, allowing white space around it; `None` if it is not one.
    ///
    /// A sign is allowed, as in the coercion of strings; the lexer never passes one.
    pub fn parse(self, text: &[u8]) -> Option<Numeral> {
        match self {
            // The reference hands a C string to strtod: nothing after a zero byte is seen.
            NumberType::Doubles => parse_float(trim(until_zero(text)), true).map(Numeral::Float),
            NumberType::Integers64 | NumberType::Integers32 => {
                let text = trim(text);
                if let Some(integer) = self.parse_integer(text) {
                    return Some(Numeral::Integer(integer));
                }
                parse_float(text, false).map(|float| Numeral::Float(self.round(float)))
            }
        }
    }

    /// Reads the whole of `text` as digits in `base` (2 to 36), as `tonumber(text, base)` does.
    pub fn parse_in_base(self, text: &[u8], base: u32) -> Option<Numeral> {
        match self {
            NumberType::Doubles => parse_unsigned_long(trim(until_zero(text)), base).map(Numeral::Float),
            NumberType::Integers64 | NumberType::Integers32 => {
                let (negative, digits) = split_sign(trim(text));
                if digits.is_empty() {
                    return None;
                }
                let mut value = 0u64;
                for &byte in digits {
                    let digit = u64::from(char::from(byte).to_digit(base)?);
                    value = value.wrapping_mul(u64::from(base)).wrapping_add(digit);
                }
                Some(Numeral::Integer(self.wrap(signed(value, negative))))
            }
        }
    }

    /// Appends `value` as `tostring` shows it.
    pub fn write_float(self, out: &mut Vec<u8>, value: f64) {
        let digits = if self == NumberType::Integers32 { 7 } else { 14 };
        let start = out.len();
        if value.fract() == 0.0 && value.abs() < if digits == 7 { 1e7 } else { 1e14 } {
            if value == 0.0 && value.is_sign_negative() {
                out.push(b'-');
            }
            write_integer(out, value as i64);
        } else {
            write_general(out, value, digits, false);
        }
        let looks_like_integer = out[start..].iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
        if self != NumberType::Doubles && looks_like_integer {
            out.extend_from_slice(b".0");
        }
    }

    /// The float nearest to `value` that this build can hold.
    pub fn round(self, value: f64) -> f64 {
        if self == NumberType::Integers32 { f64::from(value as f32) } else { value }
    }

    /// `value` wrapped to the width of this build's integers.
    pub fn wrap(self, value: i64) -> i64 {
        if self == NumberType::Integers32 { i64::from(value as i32) } else { value }
    }

    /// Decimal digits that fit the integer type, or hexadecimal digits of any length, which wrap around.
    fn parse_integer(self, text: &[u8]) -> Option<i64> {
        let (negative, digits) = split_sign(text);
        if digits.is_empty() {
            return None;
        }
        if let Some(hex) = strip_hex_prefix(digits) {
            if hex.is_empty() {
                return None;
            }
            let mut value = 0u64;
            for &byte in hex {
                value = value.wrapping_shl(4) | u64::from(char::from(byte).to_digit(16)?);
            }
            return Some(self.wrap(signed(value, negative)));
        }
        let mut value = 0i64;
        for &byte in digits {
            let digit = i64::from(char::from(byte).to_digit(10)?);
            let digit = if negative { -digit } else { digit };
            value = value.checked_mul(10)?.checked_add(digit)?;
        }
        (self.wrap(value) == value).then_some(value)
    }
}

/// Appends `value` in decimal.
pub(crate) fn write_integer(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[start..]);
}

/// Appends `value` as C's `%.{digits}g`; `keep_zeros` is the flag `#`.
pub(crate) fn write_general(out: &mut Vec<u8>, value: f64, digits: usize, keep_zeros: bool) {
    if write_not_finite(out, value) {
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let digits = digits.max(1);
    let (mut mantissa, exponent) = decimal::significant_digits(value.abs(), digits);
    if !keep_zeros {
        while mantissa.len() > 1 && mantissa.last() == Some(&b'0') {
            mantissa.pop();
        }
    }
    if exponent < -4 || exponent >= digits as i32 {
        out.push(mantissa[0]);
        if mantissa.len() > 1 || keep_zeros {
            out.push(b'.');
            out.extend_from_slice(&mantissa[1..]);
        }
        write_exponent(out, exponent);
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', (-exponent - 1) as usize));
        out.extend_from_slice(&mantissa);
    } else {
        let whole = exponent as usize + 1;
        while mantissa.len() < whole {
            mantissa.push(b'0');
        }
        out.extend_from_slice(&mantissa[..whole]);
        if mantissa.len() > whole || keep_zeros {
            out.push(b'.');
            out.extend_from_slice(&mantissa[whole..]);
        }
    }
}

/// Appends `value` as C's `%.{precision}e`.
pub(crate) fn write_scientific(out: &mut Vec<u8>, value: f64, precision: usize, keep_point: bool) {
    if write_not_finite(out, value) {
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let (mantissa, exponent) = decimal::significant_digits(value.abs(), precision + 1);
    out.push(mantissa[0]);
    if precision > 0 || keep_point {
        out.push(b'.');
    }
    out.extend_from_slice(&mantissa[1..]);
    write_exponent(out, exponent);
}

/// Appends `value` as C's `%.{precision}f`.
pub(crate) fn write_fixed(out: &mut Vec<u8>, value: f64, precision: usize, keep_point: bool) {
    if write_not_finite(out, value) {
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let digits = decimal::scaled_digits(value.abs(), precision as i32);
    let missing = (precision + 1).saturating_sub(digits.len());
    out.extend(std::iter::repeat_n(b'0', missing));
    out.extend_from_slice(&digits);
    if precision > 0 || keep_point {
        out.insert(out.len() - precision, b'.');
    }
}

/// Appends `value` as C's `%a`; without a precision, with as many digits as the value needs.
pub(crate) fn write_hexadecimal(out: &mut Vec<u8>, value: f64, precision: Option<usize>, keep_point: bool) {
    const FRACTION_BITS: u32 = 52;
    const FRACTION_DIGITS: usize = 13;
    if write_not_finite(out, value) {
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let bits = value.abs().to_bits();
    let biased = (bits >> FRACTION_BITS) as i32;
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let (lead, exponent) = match (biased, fraction) {
        (0, 0) => (0, 0),
        (0, _) => (0, -1022),
        _ => (1, biased - 1023),
    };
    let mut significand = (lead << FRACTION_BITS) | fraction;
    let digits = precision.unwrap_or(FRACTION_DIGITS);
    if digits < FRACTION_DIGITS {
        let dropped = 4 * (FRACTION_DIGITS - digits) as u32;
        let half = 1u64 << (dropped - 1);
        let rest = significand & ((1 << dropped) - 1);
        significand >>= dropped;
        if rest > half || (rest == half && significand & 1 == 1) {
            significand += 1;
        }
        significand <<= dropped;
    }
    let fraction = format!("{:013x}", significand & ((1 << FRACTION_BITS) - 1));
    let mut fraction = fraction.into_bytes();
    match precision {
        None => {
            while fraction.last() == Some(&b'0') {
                fraction.pop();
            }
        }
        Some(precision) => fraction.resize(precision, b'0'),
    }
    out.extend_from_slice(b"0x");
    write_integer(out, (significand >> FRACTION_BITS) as i64);
    if !fraction.is_empty() || keep_point {
        out.push(b'.');
        out.extend_from_slice(&fraction);
    }
    out.extend_from_slice(if exponent < 0 { b"p-" } else { b"p+" });
    write_integer(out, i64::from(exponent.abs()));
}

/// Appends the name of an infinity or a NaN; false if `value` is finite.
fn write_not_finite(out: &mut Vec<u8>, value: f64) -> bool {
    let name: &[u8] = if value.is_nan() {
        b"-nan"
    } else if value == f64::INFINITY {
        b"inf"
    } else if value == f64::NEG_INFINITY {
        b"-inf"
    } else {
        return false;
    };
    out.extend_from_slice(name);
    true
}

/// Appends an exponent with at least two digits, as C does.
fn write_exponent(out: &mut Vec<u8>, exponent: i32) {
    out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
    if exponent.abs() < 10 {
        out.push(b'0');
    }
    write_integer(out, i64::from(exponent.abs()));
}

/// What `strtod` reads, when it reads all of `text`. Only Lua 5.1 lets the words `inf` and `nan` through.
fn parse_float(text: &[u8], words: bool) -> Option<f64> {
    let (negative, digits) = split_sign(text);
    let magnitude = if let Some(hex) = strip_hex_prefix(digits) {
        parse_hex_float(hex)?
    } else if is_decimal(digits) {
        decimal::parse(digits)
    } else if words {
        match digits.to_ascii_lowercase().as_slice() {
            b"inf" | b"infinity" => f64::INFINITY,
            b"nan" => f64::NAN,
            _ => return None,
        }
    } else {
        return None;
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// Digits with at most one point and an optional exponent; at least one digit before the exponent.
fn is_decimal(text: &[u8]) -> bool {
    let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(split) => (&text[..split], Some(&text[split + 1..])),
        None => (text, None),
    };
    let points = mantissa.iter().filter(|&&byte| byte == b'.').count();
    let digits = mantissa.iter().filter(|byte| byte.is_ascii_digit()).count();
    let exponent_ok = exponent.is_none_or(|exponent| {
        let (_, digits) = split_sign(exponent);
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    });
    digits > 0 && points <= 1 && digits + points == mantissa.len() && exponent_ok
}

/// A hexadecimal float after its `0x`, rounded to nearest, ties to even.
fn parse_hex_float(text: &[u8]) -> Option<f64> {
    let split = text.iter().position(|byte| matches!(byte, b'p' | b'P'));
    let mantissa = &text[..split.unwrap_or(text.len())];
    let mut exponent = match split {
        Some(split) => parse_exponent(&text[split + 1..])?,
        None => 0,
    };
    let mut significand = 0u64;
    let mut lost = false;
    let mut digits = 0;
    let mut point_seen = false;
    for &byte in mantissa {
        if byte == b'.' {
            if point_seen {
                return None;
            }
            point_seen = true;
            continue;
        }
        let digit = u64::from(char::from(byte).to_digit(16)?);
        digits += 1;
        if significand >> 59 == 0 {
            significand = significand << 4 | digit;
            exponent -= if point_seen { 4 } else { 0 };
        } else {
            lost |= digit != 0;
            exponent += if point_seen { 0 } else { 4 };
        }
    }
    if digits == 0 {
        return None;
    }
    Some(scale(significand | u64::from(lost), exponent))
}

/// A signed decimal exponent; one too large to matter is clamped.
fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() {
        return None;
    }
    let mut value = 0i64;
    for &byte in digits {
        value = (value * 10 + i64::from(char::from(byte).to_digit(10)?)).min(1_000_000_000_000);
    }
    Some(if negative { -value } else { value })
}

/// `significand` times two to the `exponent`, rounded once. The lowest bit may be sticky: it stands for lost digits.
fn scale(significand: u64, exponent: i64) -> f64 {
    if significand == 0 {
        return 0.0;
    }
    let shift = significand.leading_zeros();
    let significand = significand << shift;
    let exponent = exponent - i64::from(shift) + 63;
    if exponent > 1023 {
        return f64::INFINITY;
    }
    if exponent < -1076 {
        return 0.0;
    }
    // A normal double keeps 53 bits, a subnormal one fewer.
    let kept = (53 + (exponent + 1022).min(0)).max(0) as u32;
    let dropped = 64 - kept;
    let (mut result, rest, half) = if dropped == 64 {
        (0, u128::from(significand), 1u128 << 63)
    } else {
        (significand >> dropped, u128::from(significand & ((1 << dropped) - 1)), 1u128 << (dropped - 1))
    };
    if rest > half || (rest == half && result & 1 == 1) {
        result += 1;
    }
    let unit = (exponent - i64::from(kept) + 1) as i32;
    // Both factors and the product are exact, except that the product may overflow to infinity as it should.
    let first = unit / 2;
    result as f64 * 2f64.powi(first) * 2f64.powi(unit - first)
}

/// What `strtoul` of a 64-bit Linux reads, when it reads all of `text`, as a double.
fn parse_unsigned_long(text: &[u8], base: u32) -> Option<f64> {
    let (negative, mut digits) = split_sign(text);
    if base == 16
        && let Some(rest) = strip_hex_prefix(digits)
        && !rest.is_empty()
    {
        digits = rest;
    }
    if digits.is_empty() {
        return None;
    }
    let mut value = Some(0u64);
    for &byte in digits {
        let digit = u64::from(char::from(byte).to_digit(base)?);
        value = value.and_then(|value| value.checked_mul(u64::from(base))?.checked_add(digit));
    }
    // Too large a value saturates before the sign is looked at.
    Some(match value {
        Some(value) if negative => value.wrapping_neg() as f64,
        Some(value) => value as f64,
        None => u64::MAX as f64,
    })
}

fn signed(value: u64, negative: bool) -> i64 {
    (if negative { value.wrapping_neg() } else { value }) as i64
}

fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

fn strip_hex_prefix(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'0', b'x' | b'X', rest @ ..] => Some(rest),
        _ => None,
    }
}

fn until_zero(text: &[u8]) -> &[u8] {
    &text[..text.iter().position(|&byte| byte == 0).unwrap_or(text.len())]
}

/// `text` without the white space that C's `isspace` knows at either end.
fn trim(mut text: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    while let [first, rest @ ..] = text
        && is_space(first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_space(last)
    {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(text: &str) -> Option<f64> {
        match NumberType::Doubles.parse(text.as_bytes()) {
            Some(Numeral::Float(value)) => Some(value),
            other => {
                assert_eq!(other, None);
                None
            }
        }
    }

    #[track_caller]
    fn check_53(text: &str, expected: Option<Numeral>) {
        assert_eq!(NumberType::Integers64.parse(text.as_bytes()), expected, "{text}");
    }

    #[track_caller]
    fn check_text(number_type: NumberType, value: f64, expected: &str) {
        let mut out = Vec::new();
        number_type.write_float(&mut out, value);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn doubles_read_what_strtod_reads() {
        assert_eq!(float(" 12 "), Some(12.0));
        assert_eq!(float("1 2"), None);
        assert_eq!(float("0x10"), Some(16.0));
        assert_eq!(float("-0x10"), Some(-16.0));
        assert_eq!(float("0x"), None);
        assert_eq!(float("0x.8"), Some(0.5));
        assert_eq!(float("0x1p4"), Some(16.0));
        assert_eq!(float("1e"), None);
        assert_eq!(float("."), None);
        assert_eq!(float("5."), Some(5.0));
        assert_eq!(float(".5"), Some(0.5));
        assert_eq!(float("inf"), Some(f64::INFINITY));
        assert_eq!(float("10\0x"), Some(10.0));
        assert_eq!(float(""), None);
        assert_eq!(float("1_000"), None);
    }

    #[test]
    fn integers_wrap_in_hexadecimal_and_become_floats_in_decimal() {
        check_53("9223372036854775807", Some(Numeral::Integer(i64::MAX)));
        check_53("-9223372036854775808", Some(Numeral::Integer(i64::MIN)));
        check_53("9223372036854775808", Some(Numeral::Float(9_223_372_036_854_775_808.0)));
        check_53("0xffffffffffffffffff", Some(Numeral::Integer(-1)));
        check_53("0x1p4", Some(Numeral::Float(16.0)));
        check_53("1e1", Some(Numeral::Float(10.0)));
        check_53("10\0", None);
        check_53("inf", None);
        check_53("nan", None);
        check_53("-0x10", Some(Numeral::Integer(-16)));
    }

    #[test]
    fn narrow_integers_have_32_bits() {
        let narrow = NumberType::Integers32;
        assert_eq!(narrow.parse(b"2147483648"), Some(Numeral::Float(2_147_483_648.0)));
        assert_eq!(narrow.parse(b"-2147483648"), Some(Numeral::Integer(-2_147_483_648)));
        assert_eq!(narrow.parse(b"0xffffffff"), Some(Numeral::Integer(-1)));
        assert_eq!(narrow.parse(b"16777217.0"), Some(Numeral::Float(16_777_216.0)));
    }

    #[test]
    fn bases_follow_each_dialect() {
        let doubles = |text: &str, base| NumberType::Doubles.parse_in_base(text.as_bytes(), base);
        assert_eq!(doubles("0x10", 16), Some(Numeral::Float(16.0)));
        assert_eq!(doubles("-ff", 16), Some(Numeral::Float(1.844_674_407_370_955_2e19)));
        assert_eq!(doubles("8", 8), None);
        let integers = |text: &str, base| NumberType::Integers64.parse_in_base(text.as_bytes(), base);
        assert_eq!(integers("0x10", 16), None);
        assert_eq!(integers("-ff", 16), Some(Numeral::Integer(-255)));
        assert_eq!(integers(" zz ", 36), Some(Numeral::Integer(1295)));
        assert_eq!(integers("", 10), None);
    }

    #[test]
    fn hexadecimal_floats_round_once() {
        assert_eq!(parse_hex_float(b"1.99999999999999999"), Some(1.6));
        assert_eq!(parse_hex_float(b"1p-1074"), Some(5e-324));
        assert_eq!(parse_hex_float(b"1p-1075"), Some(0.0));
        assert_eq!(parse_hex_float(b"1.8p-1075"), Some(5e-324));
        assert_eq!(parse_hex_float(b"1p1024"), Some(f64::INFINITY));
        assert_eq!(parse_hex_float(b"20000000000001"), Some(9_007_199_254_740_992.0 + 0.0));
        assert_eq!(parse_hex_float(b"20000000000001.00000000000000001"), Some(9_007_199_254_740_994.0));
        assert_eq!(parse_hex_float(b"p1"), None);
        assert_eq!(parse_hex_float(b"1p"), None);
    }

    #[test]
    fn floats_show_fourteen_digits() {
        check_text(NumberType::Doubles, 3.0, "3");
        check_text(NumberType::Integers64, 3.0, "3.0");
        check_text(NumberType::Integers64, -0.0, "-0.0");
        check_text(NumberType::Doubles, -0.0, "-0");
        check_text(NumberType::Doubles, 1e14, "1e+14");
        check_text(NumberType::Doubles, 99_999_999_999_999.0, "99999999999999");
        check_text(NumberType::Integers64, 1e15, "1e+15");
        check_text(NumberType::Integers64, 9_007_199_254_740_992.0, "9.007199254741e+15");
        check_text(NumberType::Doubles, 0.1, "0.1");
        check_text(NumberType::Doubles, 1.0 / 3.0, "0.33333333333333");
        check_text(NumberType::Doubles, 1e-5, "1e-05");
        check_text(NumberType::Doubles, 0.0001, "0.0001");
        check_text(NumberType::Doubles, f64::NAN, "-nan");
        check_text(NumberType::Integers64, f64::NEG_INFINITY, "-inf");
        check_text(NumberType::Integers32, f64::from(0.1f32), "0.1");
        check_text(NumberType::Integers32, 16_777_216.0, "1.677722e+07");
        check_text(NumberType::Doubles, 123_456.789_012_345_67, "123456.78901235");
    }

    #[test]
    fn integers_show_every_digit() {
        let mut out = Vec::new();
        write_integer(&mut out, i64::MIN);
        assert_eq!(out, b"-9223372036854775808");
    }
}
