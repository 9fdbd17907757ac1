//! Floats as decimal digits and decimal digits as floats, exactly rounded.
//!
//! A float is a whole number times a power of two, so both ways are arithmetic of long whole numbers: multiply and divide by
//! powers of ten and of two, then round half to even by what was cut off. The standard library's conversions give the same
//! results, which the tests hold against these, but they come with 36 kB of code and tables, a tenth of what a page would
//! have to load of this crate.

/// The largest power of ten in a limb, and its exponent.
const LIMB_TENS: u32 = 1_000_000_000;
const LIMB_DIGITS: usize = 9;

/// Bits of a float's significand, and the exponent of the smallest float's only bit.
const SIGNIFICAND_BITS: i64 = 53;
const EXPONENT_MIN: i64 = -1074;

/// Significant digits that can decide how a float is rounded; of more it only matters whether they are all zero.
const DIGITS_MAX: usize = 800;

/// Powers of ten that are floats.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// A whole number of any length: limbs, the lowest first, the highest not zero.
struct Natural(Vec<u32>);

impl Natural {
    fn new(value: u64) -> Natural {
        let mut natural = Natural(vec![value as u32, (value >> 32) as u32]);
        natural.trim();
        natural
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn multiply_add(&mut self, factor: u32, addend: u32) {
        let mut carry = u64::from(addend);
        for limb in &mut self.0 {
            carry += u64::from(*limb) * u64::from(factor);
            *limb = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    /// Divides and gives the remainder.
    fn divide(&mut self, divisor: u32) -> u32 {
        let mut rest = 0;
        for limb in self.0.iter_mut().rev() {
            let part = rest << 32 | u64::from(*limb);
            *limb = (part / u64::from(divisor)) as u32;
            rest = part % u64::from(divisor);
        }
        self.trim();
        rest as u32
    }

    fn multiply_by_tens(&mut self, count: usize) {
        for _ in 0..count / LIMB_DIGITS {
            self.multiply_add(LIMB_TENS, 0);
        }
        self.multiply_add(10u32.pow((count % LIMB_DIGITS) as u32), 0);
    }

    /// Divides by a power of ten; whether anything remains.
    fn divide_by_tens(&mut self, count: usize) -> bool {
        let mut is_inexact = false;
        for _ in 0..count / LIMB_DIGITS {
            is_inexact |= self.divide(LIMB_TENS) != 0;
        }
        is_inexact | (self.divide(10u32.pow((count % LIMB_DIGITS) as u32)) != 0)
    }

    fn bits(&self) -> usize {
        self.0.last().map_or(0, |last| self.0.len() * 32 - last.leading_zeros() as usize)
    }

    fn has_bit(&self, bit: usize) -> bool {
        self.0.get(bit / 32).is_some_and(|limb| limb >> (bit % 32) & 1 == 1)
    }

    fn shift_left(&mut self, bits: usize) {
        self.multiply_add(1 << (bits % 32), 0);
        self.0.splice(0..0, std::iter::repeat_n(0, bits / 32));
        self.trim();
    }

    /// Drops `bits` bits, at least one, and rounds half to even; `is_inexact` says that something has been cut off before.
    fn shift_right_rounded(&mut self, bits: usize, is_inexact: bool) {
        let half = bits - 1;
        let is_half = self.has_bit(half);
        let (limbs, rest) = (half / 32, half % 32);
        let is_more = is_inexact
            || self.0.iter().take(limbs).any(|&limb| limb != 0)
            || self.0.get(limbs).is_some_and(|limb| limb & ((1 << rest) - 1) != 0);
        let whole = bits / 32;
        self.0.drain(..whole.min(self.0.len()));
        let rest = bits % 32;
        let mut above = 0;
        for limb in self.0.iter_mut().rev() {
            let part = u64::from(above) << 32 | u64::from(*limb);
            above = *limb;
            *limb = (part >> rest) as u32;
        }
        self.trim();
        if is_half && (is_more || self.has_bit(0)) {
            self.increment();
        }
    }

    fn increment(&mut self) {
        for limb in &mut self.0 {
            let (sum, is_full) = limb.overflowing_add(1);
            *limb = sum;
            if !is_full {
                return;
            }
        }
        self.0.push(1);
    }

    /// Decimal digits, at least one.
    fn into_digits(mut self) -> Vec<u8> {
        let mut digits = Vec::with_capacity(self.0.len() * 10 + 1);
        while !self.0.is_empty() {
            let mut part = self.divide(LIMB_TENS);
            for _ in 0..LIMB_DIGITS {
                digits.push(b'0' + (part % 10) as u8);
                part /= 10;
            }
        }
        while digits.len() > 1 && digits.last() == Some(&b'0') {
            digits.pop();
        }
        if digits.is_empty() {
            digits.push(b'0');
        }
        digits.reverse();
        digits
    }
}

/// The whole number and the power of two that make the finite `value`, which is not negative.
fn decode(value: f64) -> (u64, i64) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << (SIGNIFICAND_BITS - 1)) - 1);
    match (bits >> (SIGNIFICAND_BITS - 1)) as i64 {
        0 => (fraction, EXPONENT_MIN),
        exponent => (fraction | 1 << (SIGNIFICAND_BITS - 1), exponent - 1 + EXPONENT_MIN),
    }
}

/// The decimal digits of `value * 10^scale`, rounded to a whole number. `value` is finite and not negative.
pub(crate) fn scaled_digits(value: f64, scale: i32) -> Vec<u8> {
    let (significand, exponent) = decode(value);
    let mut natural = Natural::new(significand);
    let tens = scale.unsigned_abs() as usize;
    if scale > 0 {
        natural.multiply_by_tens(tens);
    }
    // One bit more than is wanted tells halves from less.
    natural.shift_left(exponent.max(0) as usize + 1);
    let is_inexact = scale < 0 && natural.divide_by_tens(tens);
    natural.shift_right_rounded((-exponent).max(0) as usize + 1, is_inexact);
    natural.into_digits()
}

/// The first `count` significant digits of `value`, rounded, and its decimal exponent. `value` is finite and not negative.
pub(crate) fn significant_digits(value: f64, count: usize) -> (Vec<u8>, i32) {
    if value == 0.0 {
        return (vec![b'0'; count], 0);
    }
    let (significand, exponent) = decode(value);
    let binary = exponent + i64::from(significand.ilog2());
    // Right, or one too small.
    let mut exponent = (binary as f64 * std::f64::consts::LOG10_2).floor() as i32;
    let mut digits = scaled_digits(value, count as i32 - 1 - exponent);
    if digits.len() > count {
        exponent += 1;
        digits = scaled_digits(value, count as i32 - 1 - exponent);
    }
    (digits, exponent)
}

/// The float nearest to a decimal numeral: digits with at most one point, then perhaps `e` and an exponent with or without a
/// sign. What is too large for a float is infinite.
pub(crate) fn parse(text: &[u8]) -> f64 {
    let split = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let mut exponent = split.map_or(0, |split| parse_exponent(&text[split + 1..]));
    let (mut digits, mut is_behind_point) = (Vec::new(), false);
    let mut is_inexact = false;
    for &byte in &text[..split.unwrap_or(text.len())] {
        if byte == b'.' {
            is_behind_point = true;
            continue;
        }
        exponent -= i64::from(is_behind_point);
        if digits.len() == DIGITS_MAX {
            is_inexact |= byte != b'0';
            exponent += 1;
        } else if byte != b'0' || !digits.is_empty() {
            digits.push(byte - b'0');
        }
    }
    from_digits(&digits, exponent, is_inexact)
}

/// The exponent of a numeral; far beyond those of floats it need not be exact.
fn parse_exponent(text: &[u8]) -> i64 {
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let exponent =
        digits.iter().fold(0i64, |value, digit| (value * 10 + i64::from(digit.wrapping_sub(b'0'))).min(1 << 40));
    if is_negative { -exponent } else { exponent }
}

/// The float nearest to `digits * 10^exponent`, or to a little more if `is_inexact`.
fn from_digits(digits: &[u8], exponent: i64, is_inexact: bool) -> f64 {
    let magnitude = exponent + digits.len() as i64;
    if digits.is_empty() || magnitude < -330 {
        return 0.0;
    }
    if magnitude > 310 {
        return f64::INFINITY;
    }
    let tens = exponent.unsigned_abs() as usize;
    if digits.len() <= 15 && tens < TENS.len() {
        // Both are floats, so that one operation rounds right.
        let whole = digits.iter().fold(0u64, |value, &digit| value * 10 + u64::from(digit)) as f64;
        return if exponent < 0 { whole / TENS[tens] } else { whole * TENS[tens] };
    }
    let mut natural = Natural::new(0);
    for &digit in digits {
        natural.multiply_add(10, u32::from(digit));
    }
    let (mut shift, mut is_inexact) = (0, is_inexact);
    if exponent < 0 {
        // Enough bits before the division that more than a significand is left after it: 10 is less than 2 to the 10/3.
        shift = tens * 10 / 3 + 1 + 64;
        natural.shift_left(shift);
        is_inexact |= natural.divide_by_tens(tens);
    } else {
        natural.multiply_by_tens(tens);
    }
    let shift = shift as i64;
    let dropped = (natural.bits() as i64 - SIGNIFICAND_BITS).max(shift + EXPONENT_MIN);
    if dropped > 0 {
        natural.shift_right_rounded(dropped as usize, is_inexact);
    }
    let significand = natural.0.iter().rev().fold(0u64, |value, &limb| value << 32 | u64::from(limb));
    libm::scalbn(significand as f64, (dropped.max(0) - shift) as i32)
}

#[cfg(test)]
mod tests {
    use super::{parse, scaled_digits, significant_digits};

    /// Floats of every size: bit patterns from a small generator, and the edges.
    fn floats() -> impl Iterator<Item = f64> {
        let mut state = 1u64;
        let random = std::iter::repeat_with(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state ^ state >> 31
        });
        let edges =
            [0.0, 5e-324, f64::MIN_POSITIVE, f64::MAX, 1.0, 0.5, 0.1, 9.9995, 999_999.5, 2.5, 1e22, 1e23, 123.456];
        let moderate = (0..500).map(|n| f64::from(n) / 8.0);
        edges
            .into_iter()
            .chain(moderate)
            .chain(random.take(4000).map(|bits| f64::from_bits(bits & !(1 << 63))).filter(|value| value.is_finite()))
    }

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for value in floats() {
            for precision in [0, 1, 2, 6, 13, 16, 40] {
                let (digits, exponent) = significant_digits(value, precision + 1);
                let mut text = String::from_utf8(digits).expect("digits");
                if precision > 0 {
                    text.insert(1, '.');
                }
                assert_eq!(format!("{text}e{exponent}"), format!("{value:.precision$e}"));
                let fixed = String::from_utf8(scaled_digits(value, precision as i32)).expect("digits");
                let expected = format!("{value:.precision$}").replace('.', "");
                let expected = expected.trim_start_matches('0');
                assert_eq!(fixed, if expected.is_empty() { "0" } else { expected }, "{value} {precision}");
            }
        }
    }

    #[test]
    fn numerals_are_read_as_the_standard_library_reads_them() {
        let same = |text: &str| {
            let expected: f64 = text.parse().expect("a numeral");
            assert_eq!(parse(text.as_bytes()).to_bits(), expected.to_bits(), "{text}");
        };
        for value in floats() {
            same(&format!("{value:e}"));
            for precision in [3, 14, 16, 17, 30] {
                same(&format!("{value:.precision$e}"));
            }
        }
        for text in
            ["0", "1.", ".5", "00.0010", "1e400", "1e-400", "1e999999999999", "0e999999999999", "2.5E+3", "7e-0"]
        {
            same(text);
        }
    }

    #[test]
    fn halves_are_decided_by_the_last_of_many_digits() {
        // Half way between 1 and its successor, between two whole numbers, and between the largest float and infinity.
        let largest = format!("{}58e3", &format!("{:.0}", f64::MAX)[..15]);
        let halves = ["1.00000000000000011102230246251565404236316680908203125", "9007199254740993", &largest];
        for text in halves {
            let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
            for tail in ["", "0", "1", &("0".repeat(900) + "1")] {
                let text = format!("{mantissa}{tail}e{exponent}");
                let expected: f64 = text.parse().expect("a numeral");
                assert_eq!(parse(text.as_bytes()).to_bits(), expected.to_bits(), "{tail} after {mantissa}");
            }
        }
    }
}
