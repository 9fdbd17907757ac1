//! Numbers and text: what a numeral means, how a number is printed, how mixed numbers compare.

use piccolo::Value;

use crate::{Dialect, IntegerBits, Options, opcode::Op, stdlib::number::write_integer, table::float_to_integer};

pub use crate::stdlib::number::{NumberType, Numeral};

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
    NumberType::new(dialect, bits).parse(text).map(Into::into)
}

/// Reads digits in a base from 2 to 36, as `tonumber` with a base does.
pub fn parse_in_base<'gc>(text: &[u8], base: u32, options: &Options) -> Option<Value<'gc>> {
    NumberType::from(options).parse_in_base(text, base).map(Into::into)
}

impl From<Numeral> for Value<'_> {
    fn from(numeral: Numeral) -> Self {
        match numeral {
            Numeral::Integer(integer) => Value::Integer(integer),
            Numeral::Float(float) => Value::Number(float),
        }
    }
}

impl NumberType {
    /// The numbers of a dialect with integers of this width.
    pub fn new(dialect: Dialect, bits: IntegerBits) -> NumberType {
        match (dialect, bits) {
            (Dialect::Lua51, _) => NumberType::Doubles,
            (Dialect::Lua53, IntegerBits::Bits64) => NumberType::Integers64,
            (Dialect::Lua53, IntegerBits::Bits32) => NumberType::Integers32,
        }
    }
}

impl From<&Options> for NumberType {
    fn from(options: &Options) -> Self {
        NumberType::new(options.dialect, options.integer_bits)
    }
}

/// With integers of the usual width.
impl From<Dialect> for NumberType {
    fn from(dialect: Dialect) -> Self {
        NumberType::new(dialect, IntegerBits::Bits64)
    }
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
pub fn to_string(value: Value<'_>, numbers: impl Into<NumberType>) -> Vec<u8> {
    let mut text = Vec::with_capacity(24);
    write(&mut text, value, numbers);
    text
}

/// Appends the text of a number.
pub fn write(text: &mut Vec<u8>, value: Value<'_>, numbers: impl Into<NumberType>) {
    let numbers = numbers.into();
    match value {
        Value::Integer(integer) if numbers != NumberType::Doubles => write_integer(text, integer),
        Value::Integer(integer) => numbers.write_float(text, integer as f64),
        Value::Number(number) => numbers.write_float(text, number),
        _ => {}
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

/// `a % b` of floats.
#[inline]
pub fn modulo(a: f64, b: f64, dialect: Dialect) -> f64 {
    match dialect {
        Dialect::Lua51 => a - (a / b).floor() * b,
        Dialect::Lua53 => {
            let rest = a % b;
            if rest * b < 0.0 { rest + b } else { rest }
        }
    }
}

/// `a ^ b`.
#[inline]
pub fn power(a: f64, b: f64) -> f64 {
    if b == 2.0 { a * a } else { libm::pow(a, b) }
}

/// Arithmetic on two numbers of any kind. `None` when a bit operation meets a number without integer representation.
///
/// # Errors
/// `attempt to divide by zero`, `attempt to perform 'n%0'`
pub(crate) fn arithmetic<'gc>(
    op: Op,
    a: Value<'gc>,
    b: Value<'gc>,
    options: &Options,
) -> Result<Option<Value<'gc>>, &'static str> {
    let bits = options.integer_bits;
    if let (Value::Integer(a), Value::Integer(b), true) = (a, b, options.dialect.is_53()) {
        let result = match op {
            Op::Add => a.wrapping_add(b),
            Op::Sub => a.wrapping_sub(b),
            Op::Mul => a.wrapping_mul(b),
            Op::Negate => a.wrapping_neg(),
            Op::FloorDiv if b == 0 => return Err("attempt to divide by zero"),
            Op::FloorDiv => {
                let quotient = a.wrapping_div(b);
                let is_inexact = a.wrapping_rem(b) != 0 && (a < 0) != (b < 0);
                quotient - i64::from(is_inexact)
            }
            Op::Mod if b == 0 => return Err("attempt to perform 'n%0'"),
            Op::Mod => {
                let rest = a.wrapping_rem(b);
                if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
            }
            Op::BitAnd => a & b,
            Op::BitOr => a | b,
            Op::BitXor => a ^ b,
            Op::BitNot => !a,
            Op::ShiftLeft => shift_left(a, b, bits),
            Op::ShiftRight => shift_left(a, b.wrapping_neg(), bits),
            _ => return Ok(Some(float_arithmetic(op, a as f64, b as f64, options.dialect))),
        };
        return Ok(Some(Value::Integer(bits.wrap(result))));
    }
    if matches!(op, Op::BitAnd | Op::BitOr | Op::BitXor | Op::BitNot | Op::ShiftLeft | Op::ShiftRight) {
        return match (to_exact_integer(a, options), to_exact_integer(b, options)) {
            (Some(a), Some(b)) => arithmetic(op, Value::Integer(a), Value::Integer(b), options),
            _ => Ok(None),
        };
    }
    let float = |value| match value {
        Value::Integer(integer) => integer as f64,
        Value::Number(number) => number,
        _ => f64::NAN,
    };
    Ok(Some(float_arithmetic(op, float(a), float(b), options.dialect)))
}

fn float_arithmetic<'gc>(op: Op, a: f64, b: f64, dialect: Dialect) -> Value<'gc> {
    Value::Number(match op {
        Op::Add => a + b,
        Op::Sub => a - b,
        Op::Mul => a * b,
        Op::Div => a / b,
        Op::Mod => modulo(a, b, dialect),
        Op::Pow => power(a, b),
        Op::FloorDiv => (a / b).floor(),
        _ => -a,
    })
}

fn shift_left(a: i64, by: i64, bits: IntegerBits) -> i64 {
    let (width, a) = match bits {
        IntegerBits::Bits64 => (64, a as u64),
        IntegerBits::Bits32 => (32, u64::from(a as u32)),
    };
    let result = if by <= -width || by >= width {
        0
    } else if by >= 0 {
        a << by
    } else {
        a >> -by
    };
    bits.wrap(result as i64)
}
