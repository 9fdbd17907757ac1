//! How a firmware module is declared: one static table that registration, the editor's completion and the tests read.
//!
//! A module is a [`Module`] constant in `modules/<name>.rs`. [`install`] makes its read-only tables; every function is
//! wrapped so that its calls are recorded and what it does is caused by them. Nothing about a function is written twice.

use std::rc::Rc;

use lua::native::{self, Answer, Call};
use lua::piccolo::{Context, Value};
use lua::{Dialect, rom};
use trace::{Kind, Position, SocketId};

use crate::chip::Chip;

/// A native function of a module.
pub(crate) type Native = for<'gc, 'a> fn(&Chip, Call<'gc, 'a>) -> Answer<'gc>;

/// The socket that a call concerns, for its record.
pub(crate) type SocketOf = for<'gc, 'a, 'b> fn(&Chip, &'b Call<'gc, 'a>) -> Option<SocketId>;

/// A module: a read-only global table and the types of its objects.
#[derive(Clone, Copy)]
pub(crate) struct Module {
    /// The global's name.
    pub(crate) name: &'static str,
    /// One sentence.
    pub(crate) doc: &'static str,
    /// Its functions and constants.
    pub(crate) members: &'static [Member],
    /// Its objects.
    pub(crate) types: &'static [ObjectType],
}

/// A type of userdata.
#[derive(Clone, Copy)]
pub(crate) struct ObjectType {
    /// The metatable's name, as messages give it: `net.tcpsocket`.
    pub(crate) name: &'static str,
    /// What the manual calls it: `net.socket`.
    pub(crate) manual_name: &'static str,
    /// One sentence.
    pub(crate) doc: &'static str,
    /// Its methods.
    pub(crate) methods: &'static [Member],
}

/// A function, method or constant.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    /// `(ms, mode, callback)`, optional parameters in brackets, results after `: `; empty for constants.
    pub(crate) signature: &'static str,
    /// One sentence.
    pub(crate) doc: &'static str,
    pub(crate) value: MemberValue,
    pub(crate) presence: Presence,
    /// Whether calls are worth a record: not those of pure helpers.
    pub(crate) recorded: bool,
    pub(crate) socket: Option<SocketOf>,
    /// Name and meaning of each parameter.
    pub(crate) parameters: &'static [(&'static str, &'static str)],
}

/// What a member is.
#[derive(Clone, Copy)]
pub(crate) enum MemberValue {
    Function(Native),
    Integer(i64),
    Table(&'static [Member]),
    /// A value that is made when the module is installed.
    Made(for<'gc> fn(&Chip, Context<'gc>) -> Value<'gc>),
}

/// Where a member exists.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// In every release and dialect.
    Always,
    /// Not in release 3.0; the text says what to use instead.
    Removed(&'static str),
    /// In the 5.1 build alone.
    Lua51,
}

/// A function or method. `signature` is `(a, [b]): result`.
pub(crate) const fn function(name: &'static str, signature: &'static str, native: Native, doc: &'static str) -> Member {
    Member {
        name,
        signature,
        doc,
        value: MemberValue::Function(native),
        presence: Presence::Always,
        recorded: true,
        socket: None,
        parameters: &[],
    }
}

/// A whole-number constant.
pub(crate) const fn constant(name: &'static str, value: i64, doc: &'static str) -> Member {
    Member { value: MemberValue::Integer(value), signature: "", ..function(name, "", absent_native, doc) }
}

/// A table of members.
pub(crate) const fn table(name: &'static str, members: &'static [Member], doc: &'static str) -> Member {
    Member { value: MemberValue::Table(members), ..constant(name, 0, doc) }
}

impl Member {
    /// The same with another kind of value.
    pub(crate) const fn with_value(self, value: MemberValue) -> Member {
        Member { value, ..self }
    }

    /// The same with its parameters explained.
    pub(crate) const fn parameters(self, parameters: &'static [(&'static str, &'static str)]) -> Member {
        Member { parameters, ..self }
    }

    /// The same, but its calls are not recorded.
    pub(crate) const fn quiet(self) -> Member {
        Member { recorded: false, ..self }
    }

    /// The same, absent from release 3.0; `instead` is what replaced it.
    pub(crate) const fn removed(self, instead: &'static str) -> Member {
        Member { presence: Presence::Removed(instead), ..self }
    }

    /// The same, absent from the 5.3 build.
    pub(crate) const fn lua51(self) -> Member {
        Member { presence: Presence::Lua51, ..self }
    }

    /// The same; its record names the socket that `socket` finds.
    pub(crate) const fn socket(self, socket: SocketOf) -> Member {
        Member { socket: Some(socket), ..self }
    }

    /// Whether the member exists on this board.
    pub(crate) fn exists_on(&self, chip: &Chip) -> bool {
        match self.presence {
            Presence::Always => true,
            Presence::Removed(_) => chip.release().has_removed_names(),
            Presence::Lua51 => chip.dialect() == Dialect::Lua51,
        }
    }
}

/// Stands where a member has a value that is not a function.
fn absent_native<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.none())
}

/// Makes the module's global table and its types.
pub(crate) fn install(ctx: Context<'_>, chip: &Chip, module: &'static Module) {
    let members = values(ctx, chip, &format!("{}.", module.name), module.members);
    rom::module(ctx, module.name, members);
    for object_type in module.types {
        let methods = values(ctx, chip, &format!("{}:", object_type.manual_name), object_type.methods);
        rom::userdata_type(ctx, object_type.name, methods);
    }
}

fn values<'gc>(
    ctx: Context<'gc>,
    chip: &Chip,
    prefix: &str,
    members: &'static [Member],
) -> Vec<(&'static str, Value<'gc>)> {
    let existing = members.iter().filter(|member| member.exists_on(chip));
    existing.map(|member| (member.name, value(ctx, chip, prefix, member))).collect()
}

fn value<'gc>(ctx: Context<'gc>, chip: &Chip, prefix: &str, member: &'static Member) -> Value<'gc> {
    match member.value {
        MemberValue::Function(native) => wrapped(ctx, chip, prefix, member, native),
        MemberValue::Integer(integer) => integer_value(chip, integer),
        MemberValue::Made(make) => make(chip, ctx),
        MemberValue::Table(members) => {
            rom::table(ctx, values(ctx, chip, &format!("{prefix}{}.", member.name), members)).into()
        }
    }
}

/// A whole number as the board's dialect has it.
pub(crate) fn integer_value<'gc>(chip: &Chip, integer: i64) -> Value<'gc> {
    chip.dialect().integer(integer)
}

/// The native function behind its record: what it does is caused by the call.
fn wrapped<'gc>(ctx: Context<'gc>, chip: &Chip, prefix: &str, member: &'static Member, native: Native) -> Value<'gc> {
    let chip = chip.clone();
    let full_name: Rc<str> = format!("{prefix}{}", member.name).into();
    native::function(ctx, member.name, move |call| {
        chip.set_slice(call.instructions_used());
        if let Presence::Removed(instead) = member.presence
            && chip.release().hints_removed_names()
        {
            let text = format!("{full_name} was removed from the firmware in release 3.0; use {instead}");
            chip.hint(&text, position(&call));
        }
        if !member.recorded || !chip.trace.keeps_records() {
            return native(&chip, call);
        }
        let record = chip.record(Kind::Call {
            function: Rc::clone(&full_name),
            arguments: arguments_in_short(&call),
            position: position(&call),
            socket: member.socket.and_then(|socket| socket(&chip, &call)),
        });
        let scope = chip.trace.enter(Some(record));
        let answer = native(&chip, call);
        if let Err(error) = &answer {
            chip.record(Kind::CallFailed { call: record, error: error_text(error) });
        }
        drop(scope);
        // A callback that the call leads to at once is the cause of what comes next.
        chip.trace.set_current(chip.lua_cause.get());
        answer
    })
}

/// The calling line, as the trace has it.
pub(crate) fn position(call: &Call<'_, '_>) -> Option<Position> {
    call.position().map(trace_position)
}

/// A position of the engine as the trace has it.
pub(crate) fn trace_position(position: lua::Position) -> Position {
    Position { file: position.file.into(), line: position.line }
}

/// The text of an error value.
pub(crate) fn error_text(error: &native::Error<'_>) -> String {
    match error.value() {
        Value::String(text) => text.to_str_lossy().into_owned(),
        value => format!("(error object is a {} value)", lua::type_name(value)),
    }
}

/// The arguments of a call, without self, as a person would write them, shortened.
fn arguments_in_short(call: &Call<'_, '_>) -> String {
    let first = usize::from(call.is_method_call()) + 1;
    values_in_short(call.ctx(), (first..=call.len()).map(|i| call.arg(i)))
}

/// Values as a person would write them, shortened.
pub(crate) fn values_in_short<'gc>(ctx: Context<'gc>, values: impl Iterator<Item = Value<'gc>>) -> String {
    const CHARACTERS_MAX: usize = 120;
    let mut text = String::new();
    for value in values {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&value_in_short(ctx, value));
        if text.len() > CHARACTERS_MAX {
            text.push_str(", ...");
            break;
        }
    }
    text
}

fn value_in_short<'gc>(ctx: Context<'gc>, value: Value<'gc>) -> String {
    match lua::kind(value) {
        lua::Kind::Nil => "nil".to_owned(),
        lua::Kind::Boolean(boolean) => boolean.to_string(),
        lua::Kind::Integer(integer) => integer.to_string(),
        lua::Kind::Number(number) => number.to_string(),
        lua::Kind::String(string) => quoted(string.as_bytes()),
        lua::Kind::Table(_) => "{...}".to_owned(),
        lua::Kind::Function(function) => match native::function_position(ctx, function) {
            Some(position) => format!("function {}:{}", position.file, position.line),
            None => "function".to_owned(),
        },
        lua::Kind::Thread(_) => "coroutine".to_owned(),
        lua::Kind::Object(_) => "object".to_owned(),
    }
}

/// Bytes as a short string literal.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    const BYTES_MAX: usize = 40;
    let shown = &bytes[..bytes.len().min(BYTES_MAX)];
    let text: String = String::from_utf8_lossy(shown).chars().flat_map(char::escape_debug).collect();
    let rest = if bytes.len() > BYTES_MAX { format!("... ({} bytes)", bytes.len()) } else { String::new() };
    format!("\"{text}\"{rest}")
}
