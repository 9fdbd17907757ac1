//! `bit`: operations on the bits of 32-bit whole numbers (bit manual).
//!
//! Arguments are cut to 32 bits and results are signed, as in the firmware. A shift by 32 or more, which the firmware leaves
//! to the processor, uses the lowest five bits of the distance.

use lua::native::{Answer, Call};
use lua::piccolo::Value;

use crate::chip::Chip;
use crate::module::{Module, function};

const VALUES: &[(&str, &str)] = &[("value, ...", "whole numbers")];
const SHIFT: &[(&str, &str)] = &[("value", "a whole number"), ("distance", "0 to 31")];
const POSITION: &[(&str, &str)] = &[("value", "a whole number"), ("position", "0 for the lowest bit")];

/// The module.
pub(crate) const MODULE: Module = Module {
    name: "bit",
    doc: "Operations on the bits of 32-bit whole numbers.",
    members: &[
        function("bnot", "(value): number", bnot, "All bits turned.")
            .parameters(&[("value", "a whole number")])
            .quiet(),
        function("band", "(value, ...): number", band, "Bits set in all values.").parameters(VALUES).quiet(),
        function("bor", "(value, ...): number", bor, "Bits set in any value.").parameters(VALUES).quiet(),
        function("bxor", "(value, ...): number", bxor, "Bits set in an odd number of values.")
            .parameters(VALUES)
            .quiet(),
        function("lshift", "(value, distance): number", lshift, "Moved towards the high bits.")
            .parameters(SHIFT)
            .quiet(),
        function("rshift", "(value, distance): number", rshift, "Moved towards the low bits, zeros following.")
            .parameters(SHIFT)
            .quiet(),
        function("arshift", "(value, distance): number", arshift, "Moved towards the low bits, the sign following.")
            .parameters(SHIFT)
            .quiet(),
        function("bit", "(position): number", bit, "A number with one bit set.")
            .parameters(&[("position", "0 for the lowest bit")])
            .quiet(),
        function("set", "(value, position, ...): number", set, "With these bits set.").parameters(POSITION).quiet(),
        function("clear", "(value, position, ...): number", clear, "With these bits cleared.")
            .parameters(POSITION)
            .quiet(),
        function("isset", "(value, position): boolean", is_set, "Whether the bit is set.").parameters(POSITION).quiet(),
        function("isclear", "(value, position): boolean", is_clear, "Whether the bit is clear.")
            .parameters(POSITION)
            .quiet(),
    ],
    types: &[],
};

fn check<'gc>(call: &Call<'gc, '_>, i: usize) -> Result<i32, lua::Error<'gc>> {
    Ok(call.check_integer(i)? as i32)
}

fn distance<'gc>(call: &Call<'gc, '_>, i: usize) -> Result<u32, lua::Error<'gc>> {
    Ok(call.check_integer(i)? as u32)
}

fn number<'gc>(call: &Call<'gc, '_>, number: i32) -> Answer<'gc> {
    Ok(call.one(call.integer(i64::from(number))))
}

fn fold<'gc>(call: &Call<'gc, '_>, join: fn(i32, i32) -> i32) -> Answer<'gc> {
    let mut result = check(call, 1)?;
    for i in 2..=call.len() {
        result = join(result, check(call, i)?);
    }
    number(call, result)
}

fn bnot<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    number(&call, !check(&call, 1)?)
}

fn band<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    fold(&call, |a, b| a & b)
}

fn bor<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    fold(&call, |a, b| a | b)
}

fn bxor<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    fold(&call, |a, b| a ^ b)
}

fn lshift<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    number(&call, check(&call, 1)?.wrapping_shl(distance(&call, 2)?))
}

fn rshift<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let shifted = (check(&call, 1)? as u32).wrapping_shr(distance(&call, 2)?);
    number(&call, shifted as i32)
}

fn arshift<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    number(&call, check(&call, 1)?.wrapping_shr(distance(&call, 2)?))
}

fn bit<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    number(&call, 1i32.wrapping_shl(distance(&call, 1)?))
}

/// The bits at the positions from argument 2 on.
fn mask<'gc>(call: &Call<'gc, '_>) -> Result<i32, lua::Error<'gc>> {
    let mut mask = 0;
    for i in 2..=call.len() {
        mask |= 1i32.wrapping_shl(distance(call, i)?);
    }
    Ok(mask)
}

fn set<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    number(&call, check(&call, 1)? | mask(&call)?)
}

fn clear<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    number(&call, check(&call, 1)? & !mask(&call)?)
}

fn has_bit<'gc>(call: &Call<'gc, '_>) -> Result<bool, lua::Error<'gc>> {
    Ok(check(call, 1)? & 1i32.wrapping_shl(distance(call, 2)?) != 0)
}

fn is_set<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(Value::Boolean(has_bit(&call)?)))
}

fn is_clear<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(Value::Boolean(!has_bit(&call)?)))
}
