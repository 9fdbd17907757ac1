//! The math library.
//!
//! Transcendental functions come from `libm` instead of the platform, so that a program computes the same bits natively and
//! in a browser. `random` is a small generator of our own, seeded from the engine's options: equal runs draw equal numbers.

use std::{cell::Cell, f64::consts::PI, rc::Rc};

use piccolo::{Context, Value};

use super::{Member, functions, library};
use crate::{
    Options,
    native::{self, Answer, Call, Comparison, Error},
    number,
    table::float_to_integer,
};

const CHIP_51: &[Member] =
    &[("abs", abs), ("ceil", ceil), ("floor", floor), ("max", max), ("min", min), ("pow", pow), ("sqrt", sqrt)];
/// What the chip leaves out of 5.1, and 5.3 has except on request of its compatibility options.
const FULL_51: &[Member] = &[
    ("acos", acos),
    ("asin", asin),
    ("atan", atan),
    ("atan2", atan2),
    ("cos", cos),
    ("cosh", cosh),
    ("deg", deg),
    ("exp", exp),
    ("fmod", fmod),
    ("frexp", frexp),
    ("ldexp", ldexp),
    ("log", log),
    ("log10", log10),
    ("mod", fmod),
    ("modf", modf),
    ("rad", rad),
    ("sin", sin),
    ("sinh", sinh),
    ("tan", tan),
    ("tanh", tanh),
];
const CHIP_53: &[Member] = &[
    ("abs", abs),
    ("acos", acos),
    ("asin", asin),
    ("atan", atan),
    ("ceil", ceil),
    ("cos", cos),
    ("deg", deg),
    ("exp", exp),
    ("floor", floor),
    ("fmod", fmod),
    ("log", log),
    ("max", max),
    ("min", min),
    ("modf", modf),
    ("rad", rad),
    ("sin", sin),
    ("sqrt", sqrt),
    ("tan", tan),
    ("tointeger", tointeger),
    ("type", number_type),
    ("ult", ult),
];
/// What desktop builds of 5.3 keep for old programs.
const COMPATIBILITY_53: &[Member] = &[
    ("atan2", atan),
    ("cosh", cosh),
    ("frexp", frexp),
    ("ldexp", ldexp),
    ("log10", log10),
    ("pow", pow),
    ("sinh", sinh),
    ("tanh", tanh),
];

/// Declares the library.
pub(crate) fn load(ctx: Context<'_>, options: &Options) {
    let is_53 = options.dialect.is_53();
    let mut members = functions(ctx, if is_53 { CHIP_53 } else { CHIP_51 });
    if options.full_libraries {
        members.extend(functions(ctx, if is_53 { COMPATIBILITY_53 } else { FULL_51 }));
    }
    members.push(("pi", Value::Number(PI)));
    members.push(("huge", Value::Number(f64::INFINITY)));
    if is_53 {
        members.push(("maxinteger", Value::Integer(options.integer_bits.wrap(i64::MAX))));
        let smallest = match options.integer_bits {
            crate::IntegerBits::Bits64 => i64::MIN,
            crate::IntegerBits::Bits32 => i64::from(i32::MIN),
        };
        members.push(("mininteger", Value::Integer(smallest)));
    }
    let generator = Rc::new(Generator(Cell::new(options.seed)));
    let seeded = Rc::clone(&generator);
    members.push(("random", native::function(ctx, "random", move |call| random(call, &generator))));
    members.push(("randomseed", native::function(ctx, "randomseed", move |call| randomseed(call, &seeded))));
    library(ctx, options, "math", members);
}

/// A float as a result: a 32-bit build rounds it to what its floats hold.
fn float<'gc>(call: &Call<'gc, '_>, value: f64) -> Answer<'gc> {
    let narrow = call.dialect().is_53() && call.options().integer_bits == crate::IntegerBits::Bits32;
    Ok(call.one(Value::Number(if narrow { f64::from(value as f32) } else { value })))
}

/// The integer equal to `value` where 5.3 has one, else the float itself.
fn whole<'gc>(call: &Call<'gc, '_>, value: f64) -> Answer<'gc> {
    let integer = float_to_integer(value).filter(|&integer| call.options().integer_bits.wrap(integer) == integer);
    match integer {
        Some(integer) if call.dialect().is_53() => Ok(call.one(Value::Integer(integer))),
        _ => float(call, value),
    }
}

/// A function of one float.
macro_rules! of_one_float {
    ($($name:ident => $function:expr;)*) => {
        $(
            fn $name<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
                let function: fn(f64) -> f64 = $function;
                let value = call.check_number(1)?;
                float(&call, function(value))
            }
        )*
    };
}

of_one_float! {
    acos => libm::acos;
    asin => libm::asin;
    cos => libm::cos;
    cosh => libm::cosh;
    deg => |value| value * (180.0 / PI);
    exp => libm::exp;
    log10 => libm::log10;
    rad => |value| value * (PI / 180.0);
    sin => libm::sin;
    sinh => libm::sinh;
    sqrt => f64::sqrt;
    tan => libm::tan;
    tanh => libm::tanh;
}

/// `math.abs(x)`
fn abs<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    match call.arg(1) {
        Value::Integer(integer) => Ok(call.one(call.integer(integer.wrapping_abs()))),
        _ => float(&call, call.check_number(1)?.abs()),
    }
}

/// `math.atan(y [, x])` of 5.3, `math.atan(x)` of 5.1
fn atan<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let y = call.check_number(1)?;
    let x = if call.dialect().is_53() { call.opt_number(2, 1.0)? } else { 1.0 };
    float(&call, libm::atan2(y, x))
}

/// `math.atan2(y, x)`
fn atan2<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let [y, x] = two_numbers(&call)?;
    float(&call, libm::atan2(y, x))
}

/// `math.ceil(x)`
fn ceil<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    match call.check_numeric(1)? {
        Value::Number(value) => whole(&call, value.ceil()),
        integer => Ok(call.one(integer)),
    }
}

/// `math.floor(x)`
fn floor<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    match call.check_numeric(1)? {
        Value::Number(value) => whole(&call, value.floor()),
        integer => Ok(call.one(integer)),
    }
}

/// `math.fmod(x, y)`: the remainder with the sign of `x`.
fn fmod<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    if let (Value::Integer(x), Value::Integer(y), true) = (call.arg(1), call.arg(2), call.dialect().is_53()) {
        return match x.checked_rem(y) {
            Some(remainder) => Ok(call.one(Value::Integer(remainder))),
            None if y == 0 => Err(call.argument_error(2, "zero")),
            None => Ok(call.one(Value::Integer(0))),
        };
    }
    let [x, y] = two_numbers(&call)?;
    float(&call, x % y)
}

/// Both arguments as floats. The compiled reference evaluates the arguments of its C functions from the right, so that the
/// second one is refused first.
fn two_numbers<'gc>(call: &Call<'gc, '_>) -> Result<[f64; 2], Error<'gc>> {
    let second = call.check_number(2)?;
    Ok([call.check_number(1)?, second])
}

/// `math.frexp(x)`: a fraction in [0.5, 1) and an exponent of two.
fn frexp<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let (fraction, exponent) = libm::frexp(call.check_number(1)?);
    let exponent = call.integer(i64::from(exponent));
    Ok(call.many([Value::Number(fraction), exponent]))
}

/// `math.ldexp(x, exponent)`
fn ldexp<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    // The compiled reference looks at the second argument first.
    let exponent = i64::from(call.check_integer(2)? as i32).clamp(-10_000, 10_000);
    let value = call.check_number(1)?;
    float(&call, libm::ldexp(value, exponent as i32))
}

/// `math.log(x [, base])`; 5.1 has no base.
fn log<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let value = call.check_number(1)?;
    if !call.dialect().is_53() || call.is_none_or_nil(2) {
        return float(&call, libm::log(value));
    }
    let base = call.check_number(2)?;
    float(
        &call,
        if base == 2.0 {
            libm::log2(value)
        } else if base == 10.0 {
            libm::log10(value)
        } else {
            libm::log(value) / libm::log(base)
        },
    )
}

/// `math.max(x, ...)`
fn max<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    if call.dialect().is_53() {
        return extreme_53(&call, true);
    }
    extreme(&call, |best, next| number::less_than(best, next))
}

/// `math.min(x, ...)`
fn min<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    if call.dialect().is_53() {
        return extreme_53(&call, false);
    }
    extreme(&call, |best, next| number::less_than(next, best))
}

fn extreme<'gc>(call: &Call<'gc, '_>, is_better: impl Fn(Value<'gc>, Value<'gc>) -> Option<bool>) -> Answer<'gc> {
    let mut best = call.check_numeric(1)?;
    for argument in 2..=call.len() {
        let next = call.check_numeric(argument)?;
        if is_better(best, next) == Some(true) {
            best = next;
        }
    }
    Ok(call.one(best))
}

/// 5.3 compares whatever it is given, numbers or not; a single value is the answer unseen.
fn extreme_53<'gc>(call: &Call<'gc, '_>, is_max: bool) -> Answer<'gc> {
    if call.is_empty() {
        return Err(call.argument_error(1, "value expected"));
    }
    let mut best = call.arg(1);
    for argument in 2..=call.len() {
        let next = call.arg(argument);
        let (first, second) = if is_max { (best, next) } else { (next, best) };
        match call.less_than(first, second)? {
            Comparison::Known(true) => best = next,
            Comparison::Known(false) => {}
            // Metamethods are left out here.
            Comparison::Call(_) => return Err(call.type_error(argument, "number")),
        }
    }
    Ok(call.one(best))
}

/// `math.modf(x)`: the whole and the fractional part.
fn modf<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let value = match call.check_numeric(1)? {
        Value::Integer(integer) => integer as f64,
        _ => call.check_number(1)?,
    };
    let whole = value.trunc();
    let fraction = if whole == value { 0.0f64.copysign(value) } else { value - whole };
    // 5.3 computes the difference itself and gives a positive zero; C's modf keeps the sign.
    let fraction = if call.dialect().is_53() && fraction == 0.0 { 0.0 } else { fraction };
    let whole = match float_to_integer(whole) {
        Some(integer) if call.dialect().is_53() => Value::Integer(integer),
        _ => Value::Number(whole),
    };
    Ok(call.many([whole, Value::Number(fraction)]))
}

/// `math.pow(x, y)`
fn pow<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let [x, y] = two_numbers(&call)?;
    float(&call, libm::pow(x, y))
}

/// `math.tointeger(x)` of 5.3
fn tointeger<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    match number::to_exact_integer(call.arg(1), call.options()) {
        Some(integer) => Ok(call.one(Value::Integer(integer))),
        None => {
            call.check_any(1)?;
            Ok(call.one(Value::Nil))
        }
    }
}

/// `math.type(x)` of 5.3
fn number_type<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    match call.check_any(1)? {
        Value::Integer(_) => Ok(call.one(call.string(b"integer"))),
        Value::Number(_) => Ok(call.one(call.string(b"float"))),
        _ => Ok(call.one(Value::Nil)),
    }
}

/// `math.ult(a, b)` of 5.3: an unsigned comparison.
fn ult<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let (a, b) = (call.check_integer(1)?, call.check_integer(2)?);
    Ok(call.one(Value::Boolean((a as u64) < b as u64)))
}

/// SplitMix64: small, and good enough for games and retry delays.
struct Generator(Cell<u64>);

impl Generator {
    fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A float from 0 up to, not including, 1.
    fn unit(&self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// `math.random([low,] [high])`
fn random<'gc>(call: Call<'gc, '_>, generator: &Generator) -> Answer<'gc> {
    // 5.1 takes the bounds as C ints.
    let is_53 = call.dialect().is_53();
    let bound = |argument| -> Result<i64, Error<'gc>> {
        let value = call.check_integer(argument)?;
        Ok(if is_53 { value } else { i64::from(value as i32) })
    };
    let (low, high) = match call.len() {
        0 => return float(&call, generator.unit()),
        1 => (1, bound(1)?),
        2 => (bound(1)?, bound(2)?),
        _ => return Err(call.error("wrong number of arguments")),
    };
    if low > high {
        let culprit = if is_53 { 1 } else { call.len() };
        return Err(call.argument_error(culprit, "interval is empty"));
    }
    if low < 0 && high > i64::MAX + low {
        return Err(call.argument_error(1, "interval too large"));
    }
    let offset = generator.unit() * ((high - low) as f64 + 1.0);
    Ok(call.one(call.integer(low + (offset as i64).min(high - low))))
}

/// `math.randomseed(x)`
fn randomseed<'gc>(call: Call<'gc, '_>, generator: &Generator) -> Answer<'gc> {
    let seed = if call.dialect().is_53() {
        // The reference casts; a fraction is no error here.
        call.check_number(1)? as i64
    } else {
        i64::from(call.check_integer(1)? as i32)
    };
    generator.0.set(seed as u64);
    Ok(call.none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_draw_equal_numbers() {
        let draw = |seed| {
            let generator = Generator(Cell::new(seed));
            (0..100).map(|_| generator.next()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn the_unit_interval_is_covered() {
        let generator = Generator(Cell::new(1));
        let drawn: Vec<f64> = (0..1000).map(|_| generator.unit()).collect();
        assert!(drawn.iter().all(|value| (0.0..1.0).contains(value)));
        assert!(drawn.iter().any(|&value| value < 0.02) && drawn.iter().any(|&value| value > 0.98));
    }
}
