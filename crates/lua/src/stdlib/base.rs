//! The base library of both dialects (`lbaselib.c`).

use gc_arena::Collect;
use piccolo::{Context, Value};

use super::{Member, functions, library};
use crate::{
    Dialect, Function, Kind, Object, Options, Table, chunk, closure, kind,
    native::{self, Answer, Call, Continuation, Control, Error, Lookup, Outcome, then},
    number, raw_equal, reach, rom,
    shared::{Iterators, Shared},
};

const COMMON: &[Member] = &[
    ("assert", assert),
    ("collectgarbage", collectgarbage),
    ("dofile", dofile),
    ("error", error),
    ("getmetatable", getmetatable),
    ("load", load_chunk),
    ("loadfile", loadfile),
    ("pairs", pairs),
    ("pcall", pcall),
    ("print", print),
    ("rawequal", rawequal),
    ("rawget", rawget),
    ("rawset", rawset),
    ("select", select),
    ("setmetatable", setmetatable),
    ("tonumber", tonumber),
    ("tostring", tostring),
    ("type", type_of),
    ("xpcall", xpcall),
];

const ONLY_51: &[Member] = &[("gcinfo", gcinfo), ("getfenv", getfenv), ("newproxy", newproxy), ("setfenv", setfenv)];

/// Loads the base library.
pub(crate) fn load(ctx: Context<'_>, options: &Options) {
    let globals = rom::globals(ctx);
    let mut members = functions(ctx, COMMON);
    if options.dialect.is_53() {
        members.extend(functions(ctx, &[("rawlen", rawlen)]));
    } else {
        members.extend(functions(ctx, ONLY_51));
    }
    // The chip's 5.3 keeps two names of 5.1.
    if !options.dialect.is_53() || !options.full_libraries {
        members.extend(functions(ctx, &[("loadstring", loadstring), ("unpack", super::table::unpack)]));
    }
    let next = native::function(ctx, "next", next);
    let indexed = native::function(ctx, "ipairs_aux", ipairs_step);
    members.push(("next", next));
    members.push(("ipairs", native::function_with(ctx, "ipairs", vec![indexed], ipairs)));
    let shared = Shared::of(ctx);
    let (Value::UserData(next), Value::UserData(indexed)) = (next, indexed) else { return };
    shared.iterators.set(&ctx, Iterators { next: Some(next), indexed: Some(indexed) });
    for (name, value) in members {
        let target = if options.full_libraries { globals } else { shared.rom };
        target.set_field(ctx, name, value);
    }
    globals.set_field(ctx, "_G", globals);
    globals.set_field(ctx, "_VERSION", options.dialect.version());
    if !options.full_libraries {
        // A global that is not set falls through to the modules in ROM.
        shared.rom.set_read_only(&ctx);
        let metatable = Table::new(&ctx);
        metatable.set_field(ctx, "__index", shared.rom);
        globals.set_metatable(ctx, Some(metatable));
        shared.rom.set_field(ctx, "ROM", shared.rom);
    }
    string_dump(ctx, options);
}

/// `string.dump` belongs to the string library and needs the compiler.
fn string_dump(ctx: Context<'_>, options: &Options) {
    let existing = rom::global(ctx, "string");
    let table = Table::from_value(existing).unwrap_or_else(|| library(ctx, options, "string", Vec::new()));
    table.set_field(ctx, "dump", native::function(ctx, "dump", dump));
}

fn dump<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let function = call.check_function(1)?;
    let strip = call.dialect().is_53() && call.arg(2).to_bool();
    match call.dump(function, strip) {
        Some(bytes) => Ok(call.one(call.string_from(bytes))),
        None => Err(call.error("unable to dump given function")),
    }
}

fn assert<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    call.check_any(1)?;
    if call.arg(1).to_bool() {
        let values = call.args().to_vec();
        return Ok(call.many(values));
    }
    if call.dialect().is_53() && call.len() > 1 && !matches!(call.arg(2), Value::String(_)) {
        return Err(Error::from_value(call.arg(2)));
    }
    // Both versions put the caller's position before the text.
    Err(match call.opt_string(2)? {
        Some(message) => call.error_bytes(message.as_bytes()),
        None => call.error("assertion failed!"),
    })
}

fn collectgarbage<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    const OPTIONS: &[&str] = &[
        "collect",
        "stop",
        "restart",
        "count",
        "step",
        "setpause",
        "setstepmul",
        "isrunning",
        "generational",
        "incremental",
    ];
    let known = if call.dialect().is_53() { &OPTIONS[..8] } else { &OPTIONS[..7] };
    let option = call.check_option(1, Some("collect"), known)?;
    call.opt_integer(2, 0)?;
    Ok(match OPTIONS[option] {
        "collect" => Outcome::Control(Control::Collect(call.integer(0))),
        // Every step is a whole cycle.
        "step" => Outcome::Control(Control::Collect(Value::Boolean(true))),
        "count" => call.one(Value::Number(call.ctx().metrics().total_allocation() as f64 / 1024.0)),
        "isrunning" => call.one(Value::Boolean(true)),
        "setpause" => call.one(call.integer(200)),
        "setstepmul" => call.one(call.integer(200)),
        _ => call.one(call.integer(0)),
    })
}

fn gcinfo<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(call.integer((call.ctx().metrics().total_allocation() / 1024) as i64)))
}

pub(super) fn error<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let level = call.opt_integer(2, 1)?;
    let value = call.arg(1);
    let is_text = matches!(value, Value::String(_))
        || (!call.dialect().is_53() && matches!(value, Value::Number(_) | Value::Integer(_)));
    if is_text && level > 0 {
        let mut text = call.where_is(level as usize);
        if let Some(message) = call.to_string(value) {
            text.extend_from_slice(message.as_bytes());
        }
        return Err(Error::from_value(call.string_from(text)));
    }
    Err(Error::from_value(value))
}

fn getmetatable<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let value = call.check_any(1)?;
    Ok(match call.metatable(value) {
        None => call.one(Value::Nil),
        Some(metatable) => {
            let protected = metatable.get(call.ctx(), "__metatable");
            if protected.is_nil() { call.one(metatable) } else { call.one(protected) }
        }
    })
}

fn setmetatable<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let table = call.check_table(1)?;
    let metatable = match call.kind(2) {
        Kind::Nil if !call.is_none(2) => None,
        Kind::Table(metatable) => Some(metatable),
        _ => return Err(call.argument_error(2, "nil or table expected")),
    };
    if let Some(old) = table.metatable()
        && !old.get(call.ctx(), "__metatable").is_nil()
    {
        return Err(call.error("cannot change a protected metatable"));
    }
    table.set_metatable(call.ctx(), metatable);
    if let (Some(metatable), true) = (metatable, call.dialect().is_53()) {
        reach::watch(call.ctx(), table.into(), metatable);
    }
    Ok(call.one(table))
}

pub(super) fn rawequal<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(Value::Boolean(raw_equal(call.check_any(1)?, call.check_any(2)?))))
}

fn rawget<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let table = call.check_table(1)?;
    let key = call.check_any(2)?;
    Ok(call.one(table.get_value(&call.ctx(), key)))
}

fn rawset<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let table = call.check_table(1)?;
    let (key, value) = (call.check_any(2)?, call.check_any(3)?);
    if table.is_read_only() {
        return Err(call.error("invalid write to ROM variable"));
    }
    match table.set_value(&call.ctx(), key, value) {
        Ok(()) => Ok(call.one(table)),
        Err(crate::InvalidKey::Nil) => Err(call.plain_error("table index is nil")),
        Err(crate::InvalidKey::NaN) => Err(call.plain_error("table index is NaN")),
    }
}

fn rawlen<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    match call.kind(1) {
        Kind::Table(table) => Ok(call.one(call.integer(table.length()))),
        Kind::String(string) => Ok(call.one(call.integer(string.len()))),
        _ => Err(call.argument_error(1, "table or string expected")),
    }
}

pub(super) fn select<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    if let Value::String(text) = call.arg(1)
        && text.as_bytes().first() == Some(&b'#')
    {
        return Ok(call.one(call.integer(call.len() as i64 - 1)));
    }
    let index = call.check_integer(1)?;
    let count = call.len() as i64;
    let first = if index < 0 { count + index } else { index.min(count) };
    if first < 1 {
        return Err(call.argument_error(1, "index out of range"));
    }
    let values = call.args()[first as usize..].to_vec();
    Ok(call.many(values))
}

fn tonumber<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    if call.is_none_or_nil(2) {
        let value = call.check_any(1)?;
        return Ok(call.one(number::to_number(value, call.options()).unwrap_or_default()));
    }
    let base = call.check_integer(2)?;
    if base == 10 && !call.dialect().is_53() {
        let value = call.check_any(1)?;
        return Ok(call.one(number::to_number(value, call.options()).unwrap_or_default()));
    }
    let text = if call.dialect().is_53() {
        match call.arg(1) {
            Value::String(text) => text,
            _ => return Err(call.type_error(1, "string")),
        }
    } else {
        call.check_string(1)?
    };
    match u32::try_from(base) {
        Ok(base @ 2..=36) => {
            Ok(call.one(number::parse_in_base(text.as_bytes(), base, call.options()).unwrap_or_default()))
        }
        _ => Err(call.argument_error(2, "base out of range")),
    }
}

pub(super) fn type_of<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    call.check_any(1)?;
    Ok(call.one(Value::String(call.ctx().intern_static(call.raw_type(1).as_bytes()))))
}

fn tostring<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let value = call.check_any(1)?;
    if let Value::String(_) = value {
        return Ok(call.one(value));
    }
    let handler = call.metamethod(value, "__tostring");
    if handler.is_nil() {
        let text = call.display(value);
        return Ok(call.one(call.string_from(text)));
    }
    if !call.dialect().is_53() {
        return Ok(call.call(handler, [value], then((), |(), call| Ok(call.one(call.arg(1))))));
    }
    Ok(call.call(
        handler,
        [value],
        then((), |(), call| match call.to_string(call.arg(1)) {
            Some(text) => Ok(call.one(text)),
            None => Err(call.error("'__tostring' must return a string")),
        }),
    ))
}

/// `print` under way: the arguments, how many are printed, and the text so far.
#[derive(Collect)]
#[collect(no_drop)]
struct Print<'gc> {
    values: Vec<Value<'gc>>,
    next: usize,
    text: Vec<u8>,
}

fn print<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let values = call.args().to_vec();
    Box::new(Print { values, next: 0, text: Vec::new() }).go_on(call)
}

impl<'gc> Print<'gc> {
    fn go_on(mut self: Box<Self>, mut call: Call<'gc, '_>) -> Answer<'gc> {
        while let Some(&value) = self.values.get(self.next) {
            let handler = call.metamethod(value, "__tostring");
            if handler.is_nil() {
                let text = call.display(value);
                self.append(&text, call.dialect());
                continue;
            }
            return Ok(call.call(handler, [value], self));
        }
        self.text.push(b'\n');
        if let Some(print) = &call.options().print {
            print(&self.text);
        }
        Ok(call.none())
    }

    fn append(&mut self, text: &[u8], dialect: Dialect) {
        if self.next > 0 {
            self.text.push(b'\t');
        }
        // 5.1 prints C strings.
        let text = if dialect.is_53() { text } else { crate::lexer::until_nul(text) };
        self.text.extend_from_slice(text);
        self.next += 1;
    }
}

impl<'gc> Continuation<'gc> for Print<'gc> {
    fn resume(mut self: Box<Self>, call: Call<'gc, '_>) -> Answer<'gc> {
        match call.to_string(call.arg(1)) {
            Some(text) => {
                self.append(text.as_bytes(), call.dialect());
                self.go_on(call)
            }
            None if call.dialect().is_53() => Err(call.plain_error("'__tostring' must return a string")),
            None => Err(call.error("'tostring' must return a string to 'print'")),
        }
    }
}

// Iteration.

fn next<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let table = call.check_table(1)?;
    match table.next(&call.ctx(), call.arg(2)) {
        Ok(Some((key, value))) => Ok(call.two(call.dialect().present(key), value)),
        Ok(None) => Ok(call.one(Value::Nil)),
        Err(_) => Err(call.plain_error("invalid key to 'next'")),
    }
}

fn pairs<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let value = if call.dialect().is_53() { call.check_any(1)? } else { call.check_table(1)?.into() };
    let handler = call.metamethod(value, "__pairs");
    if !handler.is_nil() && (call.dialect().is_53() || !call.options().full_libraries) {
        return Ok(call.call(
            handler,
            [value],
            then((), |(), mut call| {
                let three = [call.arg(1), call.arg(2), call.arg(3)];
                Ok(call.many(three))
            }),
        ));
    }
    // 5.3 leaves it to `next` to refuse what is no table.
    if !call.dialect().is_53() {
        call.check_table(1)?;
    }
    let next = Shared::of(call.ctx()).iterators.get().next;
    Ok(call.many([next.map(Value::UserData).unwrap_or_default(), value, Value::Nil]))
}

fn ipairs<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    if call.dialect().is_53() {
        call.check_any(1)?;
    } else {
        call.check_table(1)?;
    }
    let three = [call.upvalue(0), call.arg(1), call.integer(0)];
    Ok(call.many(three))
}

fn ipairs_step<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let index = call.integer(call.check_integer(2)?.wrapping_add(1));
    let answer = |call: &Call<'gc, '_>, value: Value<'gc>, index: Value<'gc>| {
        if value.is_nil() { call.one(Value::Nil) } else { call.two(index, value) }
    };
    if !call.dialect().is_53() {
        let value = call.check_table(1)?.get_value(&call.ctx(), index);
        return Ok(answer(&call, value, index));
    }
    match call.index(call.arg(1), index)? {
        Lookup::Known(value) => Ok(answer(&call, value, index)),
        Lookup::Call(handler, object) => Ok(call.call(
            handler,
            [object, index],
            then(index, |index, call| {
                let value = call.arg(1);
                Ok(if value.is_nil() { call.one(Value::Nil) } else { call.two(index, value) })
            }),
        )),
    }
}

// Protected calls.

fn pcall<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    call.check_any(1)?;
    let values = call.args().to_vec();
    let pushed = values.len();
    for value in values {
        call.push(value);
    }
    Ok(Outcome::Control(Control::Protected { pushed, handler: None }))
}

fn xpcall<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let handler = if call.dialect().is_53() { call.check_function(2)?.into() } else { call.check_any(2)? };
    let function = call.arg(1);
    call.push(function);
    let mut pushed = 1;
    if call.dialect().is_53() {
        for argument in 3..=call.len() {
            let value = call.arg(argument);
            call.push(value);
            pushed += 1;
        }
    }
    Ok(Outcome::Control(Control::Protected { pushed, handler: Some(handler) }))
}

// Chunks.

fn compiled<'gc>(
    call: &Call<'gc, '_>,
    name: &[u8],
    source: &[u8],
    environment: Option<Value<'gc>>,
) -> Result<Function<'gc>, std::string::String> {
    let shared = Shared::of(call.ctx());
    let function = chunk::load(call.ctx(), shared, name, source, shared.globals).map_err(|error| error.message)?;
    if let Some(environment) = environment {
        closure::set_environment(&call.ctx(), function, environment);
    }
    Ok(function)
}

fn loaded<'gc>(call: &Call<'gc, '_>, result: Result<Function<'gc>, std::string::String>) -> Outcome<'gc> {
    match result {
        Ok(function) => call.one(function),
        Err(message) => call.nil_and(&message),
    }
}

fn loadstring<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let source = call.check_string(1)?;
    let name = call.opt_string(2)?.unwrap_or(source);
    Ok(loaded(&call, compiled(&call, name.as_bytes(), source.as_bytes(), None)))
}

/// `load` under way: its reader gives the source piece by piece.
#[derive(Collect)]
#[collect(no_drop)]
struct Loading<'gc> {
    reader: Value<'gc>,
    source: Vec<u8>,
    name: Vec<u8>,
    mode: Vec<u8>,
    environment: Option<Value<'gc>>,
}

impl<'gc> Loading<'gc> {
    fn finish(&self, call: &Call<'gc, '_>) -> Outcome<'gc> {
        let is_binary = self.source.first() == Some(&chunk::SIGNATURE);
        let wanted = if is_binary { b'b' } else { b't' };
        if !self.mode.contains(&wanted) {
            let what = if is_binary { "binary" } else { "text" };
            let mode = std::string::String::from_utf8_lossy(&self.mode);
            return call.nil_and(&format!("attempt to load a {what} chunk (mode is '{mode}')"));
        }
        loaded(call, compiled(call, &self.name, &self.source, self.environment))
    }
}

impl<'gc> Continuation<'gc> for Loading<'gc> {
    fn resume(mut self: Box<Self>, mut call: Call<'gc, '_>) -> Answer<'gc> {
        match call.arg(1) {
            Value::Nil => return Ok(self.finish(&call)),
            value => match call.to_string(value) {
                Some(piece) if piece.as_bytes().is_empty() => return Ok(self.finish(&call)),
                Some(piece) => {
                    // The reader may go on for ever.
                    if let Err(error) = call.reserve(self.source.len() + piece.as_bytes().len()) {
                        return Ok(call.two(Value::Nil, error.value()));
                    }
                    self.source.extend_from_slice(piece.as_bytes());
                }
                None => return Ok(call.nil_and("reader function must return a string")),
            },
        }
        let reader = self.reader;
        Ok(call.call(reader, [], self))
    }

    fn failed(self: Box<Self>, call: Call<'gc, '_>, error: Error<'gc>) -> Answer<'gc> {
        Ok(call.two(Value::Nil, error.value()))
    }
}

fn load_chunk<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let is_53 = call.dialect().is_53();
    let text = match call.arg(1) {
        Value::String(_) | Value::Number(_) | Value::Integer(_) if is_53 || !call.options().full_libraries => {
            call.to_string(call.arg(1))
        }
        _ => None,
    };
    let mode = if is_53 { call.opt_string(3)? } else { None };
    let name = match (call.opt_string(2)?, text) {
        (Some(name), _) => name.as_bytes().to_vec(),
        (None, Some(text)) => text.as_bytes().to_vec(),
        (None, None) => b"=(load)".to_vec(),
    };
    let loading = Loading {
        reader: call.arg(1),
        source: text.map(|text| text.as_bytes().to_vec()).unwrap_or_default(),
        name,
        mode: mode.map_or(b"bt".to_vec(), |mode| mode.as_bytes().to_vec()),
        environment: (is_53 && !call.is_none(4)).then(|| call.arg(4)),
    };
    if text.is_some() {
        return Ok(loading.finish(&call));
    }
    let reader = call.check_function(1)?;
    Ok(call.call(reader, [], Box::new(loading)))
}

/// The source of a file for `loadfile` and its kin.
pub(super) fn read_file(call: &Call<'_, '_>, name: &str) -> Option<Vec<u8>> {
    let read = call.options().read_file.as_ref()?;
    read(name)
}

fn file_chunk<'gc>(
    call: &Call<'gc, '_>,
    environment: Option<Value<'gc>>,
) -> Result<Result<Function<'gc>, std::string::String>, Error<'gc>> {
    let name = call.opt_string(1)?;
    let name = name.map(|name| name.to_str_lossy().into_owned()).unwrap_or_default();
    Ok(match read_file(call, &name) {
        Some(source) => compiled(call, format!("@{name}").as_bytes(), chunk::without_shebang(&source), environment),
        None if call.options().full_libraries => Err(format!("cannot open {name}")),
        None => Err(format!("cannot open {name}: ")),
    })
}

fn loadfile<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let environment = (call.dialect().is_53() && !call.is_none(3)).then(|| call.arg(3));
    let result = file_chunk(&call, environment)?;
    Ok(loaded(&call, result))
}

fn dofile<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    match file_chunk(&call, None)? {
        Ok(function) => {
            let continuation = then((), |(), mut call: Call<'_, '_>| {
                let values = call.args().to_vec();
                Ok(call.many(values))
            });
            Ok(call.call(function, [], continuation))
        }
        Err(message) => Err(call.plain_error(message)),
    }
}

// Environments of 5.1.

/// The function that `getfenv` and `setfenv` mean: given, or by level; `None` for level 0.
fn environment_owner<'gc>(call: &Call<'gc, '_>, default: Option<i64>) -> Result<Option<Function<'gc>>, Error<'gc>> {
    if let Some(function) = Function::from_value(call.arg(1)) {
        return Ok(Some(function));
    }
    let level = match default {
        Some(default) => call.opt_integer(1, default)?,
        None => call.check_integer(1)?,
    };
    // A C `int` in the reference.
    let level = i64::from(level as i32);
    if level < 0 {
        return Err(call.argument_error(1, "level must be non-negative"));
    }
    if level == 0 {
        return Ok(None);
    }
    match call.level_function(level as usize) {
        Some(Some(function)) => Ok(Some(function)),
        Some(None) => Err(call.error(format!("no function environment for tail call at level {level}"))),
        None => Err(call.argument_error(1, "invalid level")),
    }
}

fn getfenv<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let owner = environment_owner(&call, Some(1))?;
    let environment = match owner.and_then(Function::closure) {
        Some(closure) => closure.environment.get(),
        None => rom::globals(call.ctx()).into(),
    };
    if let Some(table) = Table::from_value(environment)
        && let Some(metatable) = table.metatable()
    {
        let protected = metatable.get(call.ctx(), "__fenv");
        if !protected.is_nil() {
            return Ok(call.one(protected));
        }
    }
    Ok(call.one(environment))
}

fn setfenv<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let table = call.check_table(2)?;
    match environment_owner(&call, None)? {
        Some(function) if function.closure().is_some() => {
            closure::set_environment(&call.ctx(), function, table.into());
            Ok(call.one(function))
        }
        // Level 0 is the thread's own, which only new chunks of the reference see.
        None if call.check_number(1)? == 0.0 => Ok(call.none()),
        _ => Err(call.error("'setfenv' cannot change environment of given object")),
    }
}

fn newproxy<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    /// What a proxy holds: nothing.
    struct Proxy;
    let ctx = call.ctx();
    let metatable = match kind(call.arg(1)) {
        Kind::Nil | Kind::Boolean(false) => None,
        Kind::Boolean(true) => Some(Table::new(&ctx)),
        Kind::Object(object) if object.payload::<Proxy>().is_some() && object.metatable().is_some() => {
            object.metatable()
        }
        _ => return Err(call.argument_error(1, "boolean or proxy expected")),
    };
    let proxy = Object::new(&ctx, Proxy, metatable);
    if metatable.is_some() {
        reach::watch_always(ctx, proxy.into());
    }
    Ok(call.one(proxy))
}
