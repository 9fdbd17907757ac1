//! The debug library: what the chip has of it, and the rest with the complete libraries (`ldblib.c`).

use piccolo::{Context, Value};

use super::{Member, functions, library};
use crate::{
    Coroutine, Function, Kind, Options, Table, kind,
    native::{Answer, Call, Error},
    rom,
    shared::Shared,
};

const CHIP: &[Member] = &[("getregistry", getregistry), ("getstrings", getstrings), ("traceback", traceback)];

const FULL: &[Member] = &[
    ("gethook", gethook),
    ("getinfo", getinfo),
    ("getlocal", getlocal),
    ("getmetatable", getmetatable),
    ("getupvalue", getupvalue),
    ("sethook", sethook),
    ("setmetatable", setmetatable),
    ("setupvalue", setupvalue),
];

const ONLY_51: &[Member] = &[("getfenv", getfenv), ("setfenv", setfenv)];

/// Loads the debug library.
pub(crate) fn load(ctx: Context<'_>, options: &Options) {
    let mut members = functions(ctx, CHIP);
    if options.full_libraries || options.dialect.is_53() {
        members.extend(functions(ctx, FULL));
    }
    if options.full_libraries {
        members.retain(|(name, _)| *name != "getstrings");
        if !options.dialect.is_53() {
            members.extend(functions(ctx, ONLY_51));
        }
    }
    library(ctx, options, "debug", members);
}

fn getregistry<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(rom::registry(call.ctx())))
}

/// The chip's table of interned strings; this engine shows none of its own.
fn getstrings<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(Table::new(&call.ctx())))
}

fn traceback<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let (thread, shift) = match Coroutine::from_value(call.arg(1)) {
        Some(coroutine) => (Some(coroutine), 1),
        None => (None, 0),
    };
    if !call.dialect().is_53() {
        return traceback_51(call, thread, shift);
    }
    let message = call.arg(1 + shift);
    let text = call.to_string(message);
    // In 5.1 even a nil that was given comes back as it is.
    let is_given = if call.dialect().is_53() { !message.is_nil() } else { !call.is_none(1 + shift) };
    if text.is_none() && is_given {
        return Ok(call.one(message));
    }
    let level = call.opt_integer(2 + shift, if thread.is_some() { 0 } else { 1 })?.max(0) as usize;
    let head = text.map(|text| text.as_bytes().to_vec());
    Ok(call.one(call.string_from(call.traceback(thread, head.as_deref(), level))))
}

/// 5.1 joins all its arguments but a level before the trace, and gives back the last one if the first is no text.
fn traceback_51<'gc>(call: Call<'gc, '_>, thread: Option<Coroutine<'gc>>, shift: usize) -> Answer<'gc> {
    let mut given = call.args()[shift..].to_vec();
    let level = if call.is_number(2 + shift) {
        given.pop();
        call.check_integer(2 + shift)?
    } else {
        i64::from(thread.is_none())
    };
    if !given.is_empty() && call.to_string(given[0]).is_none() {
        return Ok(call.one(given[given.len() - 1]));
    }
    let mut head = Vec::new();
    for value in &given {
        let Some(text) = call.to_string(*value) else {
            return Err(call.plain_error(format!("attempt to concatenate a {} value", crate::type_name(*value))));
        };
        head.extend_from_slice(text.as_bytes());
    }
    let head = (!given.is_empty()).then_some(head);
    let level = usize::try_from(level).unwrap_or(0);
    Ok(call.one(call.string_from(call.traceback(thread, head.as_deref(), level))))
}

fn gethook<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(Value::Nil))
}

fn sethook<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.none())
}

fn getmetatable<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let value = call.check_any(1)?;
    Ok(call.one(call.metatable(value).map(Value::from).unwrap_or_default()))
}

fn setmetatable<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let metatable = match kind(call.arg(2)) {
        Kind::Nil => None,
        Kind::Table(table) => Some(table),
        _ => return Err(call.argument_error(2, "nil or table expected")),
    };
    let value = call.arg(1);
    Shared::of(call.ctx()).set_metatable(call.ctx(), value, metatable);
    Ok(call.one(if call.dialect().is_53() { value } else { Value::Boolean(true) }))
}

fn getfenv<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let environment = match Function::from_value(call.arg(1)).and_then(Function::closure) {
        Some(closure) => closure.environment.get(),
        None => rom::globals(call.ctx()).into(),
    };
    Ok(call.one(environment))
}

fn setfenv<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let table = call.check_table(2)?;
    match Function::from_value(call.arg(1)) {
        Some(function) if !function.is_native() => {
            crate::closure::set_environment(&call.ctx(), function, table.into());
            Ok(call.one(function))
        }
        _ => Err(call.error("'setfenv' cannot change environment of given object")),
    }
}

/// An upvalue by its number, counted as the program sees them: 5.3 counts `_ENV`.
enum Slot {
    Environment,
    Upvalue(usize),
}

fn upvalue_slot<'gc>(call: &Call<'gc, '_>, function: Function<'gc>, number: i64) -> Option<Slot> {
    let prototype = function.closure()?.prototype;
    let number = usize::try_from(number).ok()?.checked_sub(1)?;
    match prototype.environment_at.filter(|_| call.dialect().is_53()) {
        Some(at) if number == usize::from(at) => Some(Slot::Environment),
        Some(at) if number > usize::from(at) => (number <= prototype.upvalues.len()).then(|| Slot::Upvalue(number - 1)),
        _ => (number < prototype.upvalues.len()).then_some(Slot::Upvalue(number)),
    }
}

fn upvalue_name<'gc>(call: &Call<'gc, '_>, function: Function<'gc>, slot: usize) -> Value<'gc> {
    let name = function.closure().and_then(|closure| closure.prototype.upvalues.get(slot).map(|u| u.name.clone()));
    match name {
        Some(name) if name.is_empty() && call.dialect().is_53() => call.string(b"(*no name)"),
        Some(name) => call.string(&name),
        None => Value::Nil,
    }
}

fn getupvalue<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let number = call.check_integer(2)?;
    let function = call.check_function(1)?;
    let Some(closure) = function.closure() else { return Ok(call.none()) };
    Ok(match upvalue_slot(&call, function, number) {
        None => call.none(),
        Some(Slot::Environment) => call.two(call.string(b"_ENV"), closure.environment.get()),
        Some(Slot::Upvalue(slot)) => {
            let value = closure.upvalues[slot];
            let upvalue = &closure.prototype.upvalues[slot];
            let value = match upvalue.source {
                crate::compiler::UpvalueSource::Own => function.into(),
                _ if upvalue.is_boxed => crate::closure::get_box(value),
                _ => value,
            };
            call.two(upvalue_name(&call, function, slot), value)
        }
    })
}

fn setupvalue<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let value = call.check_any(3)?;
    let number = call.check_integer(2)?;
    let function = call.check_function(1)?;
    let Some(closure) = function.closure() else { return Ok(call.none()) };
    Ok(match upvalue_slot(&call, function, number) {
        None => call.none(),
        Some(Slot::Environment) => {
            crate::closure::set_environment(&call.ctx(), function, value);
            call.one(call.string(b"_ENV"))
        }
        Some(Slot::Upvalue(slot)) => {
            // A variable that is never assigned is no variable here but a copy in each closure.
            crate::closure::set_box(&call.ctx(), closure.upvalues[slot], value);
            call.one(upvalue_name(&call, function, slot))
        }
    })
}

fn getinfo<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let shift = usize::from(Coroutine::from_value(call.arg(1)).is_some());
    let wanted = match call.opt_string(2 + shift)? {
        Some(wanted) => wanted.as_bytes().to_vec(),
        None if call.dialect().is_53() => b"nSltufr".to_vec(),
        None => b"nSluf".to_vec(),
    };
    if wanted.iter().any(|option| !b"SlnufLtr".contains(option)) {
        return Err(call.argument_error(2 + shift, "invalid option"));
    }
    match Function::from_value(call.arg(1 + shift)) {
        Some(function) => Ok(call.one(call.describe_function(function, &wanted))),
        None => {
            let level = match call.arg(1 + shift) {
                Value::Integer(_) | Value::Number(_) => call.check_integer(1 + shift)?,
                _ => return Err(call.argument_error(1 + shift, "function or level expected")),
            };
            if shift == 1 {
                return Ok(call.one(Value::Nil));
            }
            Ok(match usize::try_from(level).ok().and_then(|level| call.describe_level(level, &wanted)) {
                Some(table) => call.one(table),
                None => call.one(Value::Nil),
            })
        }
    }
}

fn getlocal<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let number = call.check_integer(2)?;
    if let Some(function) = Function::from_value(call.arg(1)).filter(|_| call.dialect().is_53()) {
        let name = function.closure().and_then(|closure| {
            let index = usize::try_from(number - 1).ok()?;
            let prototype = closure.prototype;
            (index < usize::from(prototype.parameters))
                .then(|| prototype.local_name(index as u8, 0).map(<[u8]>::to_vec))?
        });
        return Ok(call.one(name.map(|name| call.string(&name)).unwrap_or_default()));
    }
    let level = call.check_integer(1)?;
    let level = usize::try_from(level).map_err(|_| out_of_range(&call))?;
    match call.level_local(level, number) {
        None => Err(out_of_range(&call)),
        Some(None) => Ok(call.one(Value::Nil)),
        Some(Some((name, value))) => Ok(call.two(call.string(&name), value)),
    }
}

fn out_of_range<'gc>(call: &Call<'gc, '_>) -> Error<'gc> {
    call.argument_error(1, "level out of range")
}
