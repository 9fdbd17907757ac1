//! The coroutine library (`lcorolib.c`). The work is the interpreter's.

use piccolo::{Context, Value};

use super::{Member, functions, library};
use crate::{
    Coroutine, Function, Options,
    coroutine::{Status, new_coroutine},
    native::{self, Answer, Call, Control, Outcome},
};

const COMMON: &[Member] = &[
    ("create", create),
    ("resume", resume),
    ("running", running),
    ("status", status),
    ("wrap", wrap),
    ("yield", yield_values),
];

/// Loads the coroutine library.
pub(crate) fn load(ctx: Context<'_>, options: &Options) {
    let mut members = functions(ctx, COMMON);
    if options.dialect.is_53() {
        members.extend(functions(ctx, &[("isyieldable", isyieldable)]));
    }
    library(ctx, options, "coroutine", members);
}

fn create<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let function = check_body(&call)?;
    Ok(call.one(new_coroutine(&call.ctx(), function.into())))
}

/// The function of a new coroutine: in 5.1 not a native one.
fn check_body<'gc>(call: &Call<'gc, '_>) -> Result<Function<'gc>, native::Error<'gc>> {
    if call.dialect().is_53() {
        return call.check_function(1);
    }
    match Function::from_value(call.arg(1)) {
        Some(function) if !function.is_native() => Ok(function),
        _ => Err(call.argument_error(1, "Lua function expected")),
    }
}

fn check_coroutine<'gc>(call: &Call<'gc, '_>) -> Result<Coroutine<'gc>, native::Error<'gc>> {
    match Coroutine::from_value(call.arg(1)) {
        Some(coroutine) => Ok(coroutine),
        None if call.dialect().is_53() => Err(call.argument_error(1, "thread expected")),
        None => Err(call.argument_error(1, "coroutine expected")),
    }
}

fn resume<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let coroutine = check_coroutine(&call)?;
    let values = call.args()[1..].to_vec();
    let pushed = values.len();
    values.into_iter().for_each(|value| call.push(value));
    Ok(Outcome::Control(Control::Resume { coroutine, pushed, wrap: false }))
}

fn wrap<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let function = check_body(&call)?;
    let coroutine = new_coroutine(&call.ctx(), function.into());
    Ok(call.one(native::function_with(call.ctx(), "wrap", vec![coroutine.into()], |mut call| {
        let Some(coroutine) = Coroutine::from_value(call.upvalue(0)) else { return Ok(call.none()) };
        let values = call.args().to_vec();
        let pushed = values.len();
        values.into_iter().for_each(|value| call.push(value));
        Ok(Outcome::Control(Control::Resume { coroutine, pushed, wrap: true }))
    })))
}

fn yield_values<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let values = call.args().to_vec();
    let pushed = values.len();
    values.into_iter().for_each(|value| call.push(value));
    Ok(Outcome::Control(Control::Yield { pushed }))
}

fn status<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let coroutine = check_coroutine(&call)?;
    let text = match coroutine.status() {
        Status::Suspended => "suspended",
        Status::Running => "running",
        Status::Normal => "normal",
        Status::Dead => "dead",
    };
    Ok(call.one(call.string(text.as_bytes())))
}

fn running<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let current = call.current_coroutine();
    if !call.dialect().is_53() {
        return Ok(call.one(current.map(Value::from).unwrap_or_default()));
    }
    Ok(match current {
        Some(coroutine) => call.two(coroutine, Value::Boolean(false)),
        None => call.two(call.main_coroutine(), Value::Boolean(true)),
    })
}

fn isyieldable<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(Value::Boolean(call.current_coroutine().is_some())))
}
