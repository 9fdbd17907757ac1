//! The directives of `string.format`: reading them and printing one value each, as C's `printf` does.
//!
//! Which argument a directive takes and how it is checked is the business of the string library; here are the bytes alone.

use super::number::{write_fixed, write_general, write_hexadecimal, write_integer, write_scientific};
use super::pattern::PatternRules;

/// One directive between the `%` and its letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Directive {
    pub(crate) left: bool,
    pub(crate) plus: bool,
    pub(crate) space: bool,
    pub(crate) alternate: bool,
    pub(crate) zeros: bool,
    pub(crate) width: usize,
    pub(crate) precision: Option<usize>,
    /// The letter; zero at the end of the format.
    pub(crate) conversion: u8,
    /// Nothing stood between the `%` and the letter.
    pub(crate) plain: bool,
}

/// A directive that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DirectiveError {
    RepeatedFlags,
    TooLong,
}

impl DirectiveError {
    pub(crate) fn message(self) -> &'static str {
        match self {
            DirectiveError::RepeatedFlags => "invalid format (repeated flags)",
            DirectiveError::TooLong => "invalid format (width or precision too long)",
        }
    }
}

impl Directive {
    /// Reads the directive whose text starts at `*at`, after the `%`, and moves `*at` behind its letter.
    pub(crate) fn read(format: &[u8], at: &mut usize) -> Result<Directive, DirectiveError> {
        /// `sizeof(FLAGS)` of `lstrlib.c`: one more than there are flags.
        const FLAGS_MAX: usize = 6;
        let start = *at;
        let peek = |at: usize| format.get(at).copied().unwrap_or(0);
        let mut directive = Directive::default();
        loop {
            match peek(*at) {
                b'-' => directive.left = true,
                b'+' => directive.plus = true,
                b' ' => directive.space = true,
                b'#' => directive.alternate = true,
                b'0' => directive.zeros = true,
                _ => break,
            }
            *at += 1;
        }
        if *at - start >= FLAGS_MAX {
            return Err(DirectiveError::RepeatedFlags);
        }
        directive.width = read_two_digits(format, at);
        if peek(*at) == b'.' {
            *at += 1;
            directive.precision = Some(read_two_digits(format, at));
        }
        if peek(*at).is_ascii_digit() {
            return Err(DirectiveError::TooLong);
        }
        directive.plain = *at == start;
        directive.conversion = peek(*at);
        *at += 1;
        Ok(directive)
    }

    /// `%d` and `%i`.
    pub(crate) fn write_signed(&self, out: &mut Vec<u8>, value: i64) {
        let mut digits = Vec::new();
        write_integer(&mut digits, value);
        let digits = if value < 0 { &digits[1..] } else { &digits[..] };
        self.write_digits(out, self.sign(value < 0), digits);
    }

    /// `%u`, `%o`, `%x` and `%X`.
    pub(crate) fn write_unsigned(&self, out: &mut Vec<u8>, value: u64) {
        let (prefix, digits) = match self.conversion {
            b'o' => {
                let digits = format!("{value:o}");
                let needs_zero = self.alternate && value != 0 && self.precision.unwrap_or(1) <= digits.len();
                ("", if needs_zero { format!("0{digits}") } else { digits })
            }
            b'x' => (if self.alternate && value != 0 { "0x" } else { "" }, format!("{value:x}")),
            b'X' => (if self.alternate && value != 0 { "0X" } else { "" }, format!("{value:X}")),
            _ => ("", value.to_string()),
        };
        self.write_digits(out, prefix, digits.as_bytes());
    }

    /// `%a`, `%e`, `%f`, `%g` and their capitals.
    pub(crate) fn write_float(&self, out: &mut Vec<u8>, value: f64) {
        let precision = self.precision.unwrap_or(6);
        let magnitude = if value.is_nan() { value } else { value.abs() };
        let mut digits = Vec::new();
        match self.conversion.to_ascii_lowercase() {
            b'e' => write_scientific(&mut digits, magnitude, precision, self.alternate),
            b'f' => write_fixed(&mut digits, magnitude, precision, self.alternate),
            b'a' => write_hexadecimal(&mut digits, magnitude, self.precision, self.alternate),
            _ => write_general(&mut digits, magnitude, precision, self.alternate),
        }
        if self.conversion.is_ascii_uppercase() {
            digits.make_ascii_uppercase();
        }
        // A NaN brings its own sign.
        let (sign, digits) = match digits.strip_prefix(b"-") {
            Some(rest) => ("-", rest),
            None => (self.sign(value.is_sign_negative()), &digits[..]),
        };
        if !value.is_finite() {
            return self.pad(out, &[sign.as_bytes(), digits]);
        }
        // Zeros go between the `0x` of a hexadecimal float and its digits.
        let hexadecimal = self.conversion.eq_ignore_ascii_case(&b'a');
        let (prefix, digits) = digits.split_at(if hexadecimal { 2 } else { 0 });
        self.pad_number(out, &[sign.as_bytes(), prefix], digits, self.zeros);
    }

    /// `%c`, `%s`: bytes, cut at the precision and padded to the width.
    pub(crate) fn write_bytes(&self, out: &mut Vec<u8>, bytes: &[u8]) {
        let length = self.precision.unwrap_or(usize::MAX).min(bytes.len());
        self.pad(out, &[&bytes[..length]]);
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, _, _) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    /// An integer: a precision asks for that many digits and rules out padding with zeros.
    fn write_digits(&self, out: &mut Vec<u8>, prefix: &str, digits: &[u8]) {
        match self.precision {
            None => self.pad_number(out, &[prefix.as_bytes()], digits, self.zeros),
            Some(0) if digits == b"0" => self.pad(out, &[prefix.as_bytes()]),
            Some(precision) => {
                let mut padded = vec![b'0'; precision.saturating_sub(digits.len())];
                padded.extend_from_slice(digits);
                self.pad_number(out, &[prefix.as_bytes()], &padded, false);
            }
        }
    }

    fn pad_number(&self, out: &mut Vec<u8>, prefixes: &[&[u8]], digits: &[u8], zeros: bool) {
        let length = prefixes.iter().map(|prefix| prefix.len()).sum::<usize>() + digits.len();
        if zeros && !self.left && length < self.width {
            prefixes.iter().for_each(|prefix| out.extend_from_slice(prefix));
            out.extend(std::iter::repeat_n(b'0', self.width - length));
            out.extend_from_slice(digits);
        } else {
            let mut parts = prefixes.to_vec();
            parts.push(digits);
            self.pad(out, &parts);
        }
    }

    fn pad(&self, out: &mut Vec<u8>, parts: &[&[u8]]) {
        let length = parts.iter().map(|part| part.len()).sum();
        let padding = std::iter::repeat_n(b' ', self.width.saturating_sub(length));
        if !self.left {
            out.extend(padding.clone());
        }
        parts.iter().for_each(|part| out.extend_from_slice(part));
        if self.left {
            out.extend(padding);
        }
    }
}

/// Appends `text` quoted so that a Lua of the same dialect reads it back: `%q`.
pub(crate) fn write_quoted(out: &mut Vec<u8>, text: &[u8], rules: PatternRules) {
    out.push(b'"');
    for (index, &byte) in text.iter().enumerate() {
        match (byte, rules) {
            (b'"' | b'\\' | b'\n', _) => out.extend_from_slice(&[b'\\', byte]),
            (b'\r', PatternRules::Lua51) => out.extend_from_slice(b"\\r"),
            (0, PatternRules::Lua51) => out.extend_from_slice(b"\\000"),
            (_, PatternRules::Lua53) if byte.is_ascii_control() => {
                let digit_follows = text.get(index + 1).is_some_and(u8::is_ascii_digit);
                out.extend_from_slice(
                    if digit_follows { format!("\\{byte:03}") } else { format!("\\{byte}") }.as_bytes(),
                );
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Appends a float so that 5.3 reads back exactly this value: `%q`.
pub(crate) fn write_quoted_float(out: &mut Vec<u8>, value: f64) {
    write_hexadecimal(out, value, None, false);
}

/// The `long long` that an x86 processor makes of a double: the smallest one for anything out of range.
pub(crate) fn to_long_long(value: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) { value as i64 } else { i64::MIN }
}

/// The `unsigned long long` that an x86 processor makes of a double: negative ones wrap.
pub(crate) fn to_unsigned_long_long(value: f64) -> u64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if value >= LIMIT { (to_long_long(value - LIMIT) ^ i64::MIN) as u64 } else { to_long_long(value) as u64 }
}

fn read_two_digits(format: &[u8], at: &mut usize) -> usize {
    let mut value = 0;
    for _ in 0..2 {
        let Some(digit) = format.get(*at).filter(|byte| byte.is_ascii_digit()) else { break };
        value = value * 10 + usize::from(digit - b'0');
        *at += 1;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Directive {
        let mut at = 1;
        let directive = Directive::read(text.as_bytes(), &mut at).unwrap_or_else(|error| panic!("{}", error.message()));
        assert_eq!(at, text.len());
        directive
    }

    #[track_caller]
    fn check_float(format: &str, value: f64, expected: &str) {
        let mut out = Vec::new();
        read(format).write_float(&mut out, value);
        assert_eq!(String::from_utf8_lossy(&out), expected, "{format}");
    }

    #[track_caller]
    fn check_signed(format: &str, value: i64, expected: &str) {
        let mut out = Vec::new();
        read(format).write_signed(&mut out, value);
        assert_eq!(String::from_utf8_lossy(&out), expected, "{format}");
    }

    #[track_caller]
    fn check_unsigned(format: &str, value: u64, expected: &str) {
        let mut out = Vec::new();
        read(format).write_unsigned(&mut out, value);
        assert_eq!(String::from_utf8_lossy(&out), expected, "{format}");
    }

    #[test]
    fn integers_print_as_in_c() {
        check_signed("%d", -5, "-5");
        check_signed("%+5d", 5, "   +5");
        check_signed("%-5d", 5, "5    ");
        check_signed("%05d", -5, "-0005");
        check_signed("%.3d", 5, "005");
        check_signed("%08.3d", 5, "     005");
        check_signed("%.0d", 0, "");
        check_signed("% d", 5, " 5");
        check_signed("%d", i64::MIN, "-9223372036854775808");
        check_unsigned("%u", u64::MAX, "18446744073709551615");
        check_unsigned("%#x", 255, "0xff");
        check_unsigned("%#X", 255, "0XFF");
        check_unsigned("%#x", 0, "0");
        check_unsigned("%#o", 8, "010");
        check_unsigned("%08x", 255, "000000ff");
        check_unsigned("%#08x", 255, "0x0000ff");
    }

    #[test]
    fn floats_print_as_in_c() {
        check_float("%.2f", 2.719, "2.72");
        check_float("%5.1f", -0.05, " -0.1");
        check_float("%f", 1e15, "1000000000000000.000000");
        check_float("%.0f", 0.5, "0");
        check_float("%.0f", 1.5, "2");
        check_float("%#.0f", 1.5, "2.");
        check_float("%e", 12345.678, "1.234568e+04");
        check_float("%.0e", 12345.678, "1e+04");
        check_float("%G", 1e-10, "1E-10");
        check_float("%g", 100_000.0, "100000");
        check_float("%g", 1e6, "1e+06");
        check_float("%#g", 1.0, "1.00000");
        check_float("%.3g", 0.000_123_456, "0.000123");
        check_float("%010.2f", -1.5, "-000001.50");
        check_float("%05f", f64::INFINITY, "  inf");
        check_float("%+f", f64::NAN, "-nan");
        check_float("%F", f64::NEG_INFINITY, "-INF");
        check_float("%a", 1.0, "0x1p+0");
        check_float("%a", 0.1, "0x1.999999999999ap-4");
        check_float("%.3a", 0.1, "0x1.99ap-4");
        check_float("%A", -0.5, "-0X1P-1");
        check_float("%010a", 1.0, "0x00001p+0");
        check_float("%a", 5e-324, "0x0.0000000000001p-1022");
    }

    #[test]
    fn text_is_cut_and_padded() {
        let mut out = Vec::new();
        read("%-5.2s").write_bytes(&mut out, b"abc");
        assert_eq!(out, b"ab   ");
    }

    #[test]
    fn malformed_directives_are_refused() {
        let read = |text: &[u8]| Directive::read(text, &mut 0).err();
        assert_eq!(read(b"------d"), Some(DirectiveError::RepeatedFlags));
        assert_eq!(read(b"123d"), Some(DirectiveError::TooLong));
        assert_eq!(read(b".123d"), Some(DirectiveError::TooLong));
        assert_eq!(read(b"+-#0 99.99d"), None);
    }

    #[test]
    fn quoting_follows_the_dialect() {
        let quote = |text: &[u8], rules| {
            let mut out = Vec::new();
            write_quoted(&mut out, text, rules);
            String::from_utf8(out)
        };
        assert_eq!(quote(b"a\0b\n\r\"\\", PatternRules::Lua51).as_deref(), Ok("\"a\\000b\\\n\\r\\\"\\\\\""));
        assert_eq!(quote(b"a\0b\r1", PatternRules::Lua53).as_deref(), Ok("\"a\\0b\\0131\""));
    }

    #[test]
    fn doubles_convert_as_on_x86() {
        assert_eq!(to_long_long(1e300), i64::MIN);
        assert_eq!(to_long_long(-1.9), -1);
        assert_eq!(to_unsigned_long_long(-1.0), u64::MAX);
        assert_eq!(to_unsigned_long_long(1e19), 10_000_000_000_000_000_000);
    }
}
