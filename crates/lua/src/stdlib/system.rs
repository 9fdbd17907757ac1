//! What is left of `io` and `os` without a system: `io.write` to where `print` goes, and time as the host tells it.
//!
//! Only the complete libraries have them. Files other than those of `dofile` and `require`, processes, calendars and locales are
//! left out: a program of the playground has none.

use piccolo::{Context, Value};

use super::{Member, functions, library};
use crate::{
    Options, Table,
    native::{Answer, Call},
};

const OS: &[Member] = &[("clock", clock), ("difftime", difftime), ("getenv", getenv), ("time", time)];

/// Loads what there is of `io` and `os`.
pub(crate) fn load(ctx: Context<'_>, options: &Options) {
    if !options.full_libraries {
        return;
    }
    library(ctx, options, "os", functions(ctx, OS));
    let io = library(ctx, options, "io", functions(ctx, &[("write", write)]));
    let stdout = Table::new(&ctx);
    for (name, function) in functions(ctx, &[("write", write_method), ("flush", flush), ("setvbuf", flush)]) {
        stdout.set_field(ctx, name, function);
    }
    io.set_field(ctx, "stdout", stdout);
}

fn print_from<'gc>(call: &Call<'gc, '_>, first: usize) -> Result<(), crate::Error<'gc>> {
    let mut text = Vec::new();
    for argument in first..=call.len() {
        text.extend_from_slice(call.check_string(argument)?.as_bytes());
    }
    if let Some(print) = &call.options().print {
        print(&text);
    }
    Ok(())
}

fn write<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    print_from(&call, 1)?;
    Ok(if call.dialect().is_53() { call.none() } else { call.one(Value::Boolean(true)) })
}

fn write_method<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    print_from(&call, 2)?;
    Ok(call.one(call.arg(1)))
}

fn flush<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.none())
}

fn seconds(call: &Call<'_, '_>) -> f64 {
    call.options().wall_clock.as_ref().map_or(0.0, |clock| clock())
}

fn clock<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(Value::Number(seconds(&call))))
}

fn time<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    if call.is_none_or_nil(1) {
        return Ok(call.one(call.integer(seconds(&call) as i64)));
    }
    let table = call.check_table(1)?;
    let field = |name: &'static str, default: Option<i64>| match crate::number::to_exact_integer(
        table.get(call.ctx(), name),
        call.options(),
    ) {
        Some(number) => Ok(number),
        None => default.ok_or_else(|| call.error(format!("field '{name}' missing in date table"))),
    };
    let (year, month, day) = (field("year", None)?, field("month", None)?, field("day", None)?);
    let (hour, minute, second) = (field("hour", Some(12))?, field("min", Some(0))?, field("sec", Some(0))?);
    let days = days_from_civil(year, month, day);
    Ok(call.one(call.integer(days.saturating_mul(86_400) + hour * 3600 + minute * 60 + second)))
}

/// Days since 1970 of a date of the Gregorian calendar; months out of range carry into the year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let months = year.saturating_mul(12).saturating_add(month - 1);
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    // Years begin in March here, so that the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let days = (153 * month + 2) / 5 + day - 1;
    year.saturating_mul(365) + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + days - 719_468
}

fn difftime<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    if call.dialect().is_53() {
        return Ok(call.one(Value::Number((call.check_integer(1)? as f64) - (call.check_integer(2)? as f64))));
    }
    // C evaluates the arguments of its function from the right.
    let earlier = call.opt_number(2, 0.0)?;
    // Times are whole seconds.
    Ok(call.one(Value::Number(call.check_number(1)?.trunc() - earlier.trunc())))
}

fn getenv<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    call.check_string(1)?;
    Ok(call.one(Value::Nil))
}
