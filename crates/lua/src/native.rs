//! What native functions are written with.
//!
//! A native function is a Rust closure that gets a [`Call`]: the arguments with the checks of Lua's auxiliary library, and
//! ways to fail that name the argument, the function and the line as reference Lua does. It answers with an [`Outcome`]:
//! results, or a call of a Lua function first. A native function never runs Lua code itself, for Lua code may be stopped at
//! any instruction; it hands over the function to call and a [`Continuation`] that gets the results.
//!
//! ```ignore
//! native::function(ctx, "double", |call| {
//!     let number = call.check_number(1)?;
//!     Ok(call.one(Value::Number(number * 2.0)))
//! })
//! ```

use gc_arena::{Collect, Rootable, lock::RefLock};
use piccolo::{Context, String, UserData, Value};

pub use crate::error::{Error, Position};
use crate::{
    CompileError, Dialect, Function, Object, Options, Table, census, chunk,
    machine::Machine,
    number,
    shared::Shared,
    value::{Kind, kind, type_name},
};

/// The result of a native function or continuation.
pub type Answer<'gc> = Result<Outcome<'gc>, Error<'gc>>;

type Handler = dyn for<'gc, 'a> Fn(Call<'gc, 'a>) -> Answer<'gc>;

/// A native function as it stands in the heap.
#[derive(Collect)]
#[collect(no_drop)]
pub(crate) struct NativeCell<'gc> {
    pub(crate) code: NativeCode,
    pub(crate) upvalues: RefLock<Vec<Value<'gc>>>,
}

#[derive(Collect)]
#[collect(require_static)]
pub(crate) struct NativeCode {
    pub(crate) name: &'static str,
    pub(crate) handler: Box<Handler>,
}

/// What a native function wants to happen next. Made by the methods of [`Call`].
pub enum Outcome<'gc> {
    /// Return nothing.
    None,
    /// Return one value.
    One(Value<'gc>),
    /// Return two values.
    Two(Value<'gc>, Value<'gc>),
    /// Return the last values given to [`Call::push`].
    Pushed(usize),
    /// Call a value with the last values given to [`Call::push`]. Without a continuation its results are the results.
    Call {
        /// What to call: a function, or a value with `__call`.
        function: Value<'gc>,
        /// How many pushed values are its arguments.
        pushed: usize,
        /// What gets the results; the call is a tail call without it.
        then: Option<Box<dyn Continuation<'gc> + 'gc>>,
    },
    /// Go on with this continuation, without arguments, after a look at the fuel: for work that may be long.
    Again(Box<dyn Continuation<'gc> + 'gc>),
    /// A request to the interpreter that only the base and coroutine libraries make.
    #[doc(hidden)]
    Control(Control<'gc>),
}

/// Requests of the base and coroutine libraries.
#[doc(hidden)]
#[non_exhaustive]
pub enum Control<'gc> {
    /// Call protected: the pushed values are the function and its arguments; with a handler for `xpcall`.
    Protected { pushed: usize, handler: Option<Value<'gc>> },
    /// Resume a coroutine with the pushed values; `wrap` passes errors on.
    Resume { coroutine: crate::Coroutine<'gc>, pushed: usize, wrap: bool },
    /// Leave the running coroutine with the pushed values.
    Yield { pushed: usize },
    /// Run a full collection and the finalizers it finds due, then return the value.
    Collect(Value<'gc>),
}

/// What goes on after the function that a native function called has returned.
pub trait Continuation<'gc>: Collect {
    /// Goes on; the results of the called function are the arguments of `call`.
    ///
    /// # Errors
    /// As a native function's.
    fn resume(self: Box<Self>, call: Call<'gc, '_>) -> Answer<'gc>;

    /// The called function failed with `error`. Passes it on unless overridden.
    ///
    /// # Errors
    /// As a native function's.
    fn failed(self: Box<Self>, call: Call<'gc, '_>, error: Error<'gc>) -> Answer<'gc> {
        let _ = call;
        Err(error)
    }

    /// Shows the Lua values inside to `visit`; false, as a continuation without this says, if it does not show all of them.
    ///
    /// Finalizers and weak keys wait while there is a continuation that does not.
    fn visit(&self, visit: &mut dyn FnMut(Value<'gc>)) -> bool {
        let _ = visit;
        false
    }
}

/// A continuation made of a state (Lua values, or `()`) and a plain closure.
#[derive(Collect)]
#[collect(no_drop)]
struct Then<S, F> {
    state: S,
    #[collect(require_static)]
    resume: F,
}

impl<'gc, S: Collect, F> Continuation<'gc> for Then<S, F>
where
    F: 'static + FnOnce(S, Call<'gc, '_>) -> Answer<'gc>,
{
    fn resume(self: Box<Self>, call: Call<'gc, '_>) -> Answer<'gc> {
        let this = *self;
        (this.resume)(this.state, call)
    }

    fn visit(&self, _: &mut dyn FnMut(Value<'gc>)) -> bool {
        size_of::<S>() == 0
    }
}

/// A continuation made of a state (any values, or `()`) and a closure that captures no Lua values.
pub fn then<'gc, S, F>(state: S, resume: F) -> Box<dyn Continuation<'gc> + 'gc>
where
    S: Collect + 'gc,
    F: 'static + FnOnce(S, Call<'gc, '_>) -> Answer<'gc>,
{
    Box::new(Then { state, resume })
}

/// Makes a native function. `name` serves tracebacks and messages where the call gives no better one.
pub fn function<'gc>(
    ctx: Context<'gc>,
    name: &'static str,
    handler: impl 'static + for<'a, 'b> Fn(Call<'a, 'b>) -> Answer<'a>,
) -> Value<'gc> {
    function_with(ctx, name, Vec::new(), handler)
}

/// Makes a native function that keeps Lua values: see [`Call::upvalue`].
pub fn function_with<'gc>(
    ctx: Context<'gc>,
    name: &'static str,
    upvalues: Vec<Value<'gc>>,
    handler: impl 'static + for<'a, 'b> Fn(Call<'a, 'b>) -> Answer<'a>,
) -> Value<'gc> {
    let cell = NativeCell { code: NativeCode { name, handler: Box::new(handler) }, upvalues: RefLock::new(upvalues) };
    Value::UserData(UserData::new::<Rootable![NativeCell<'_>]>(&ctx, cell))
}

#[allow(clippy::type_complexity)]
/// Sets `members` of `table`: `native::members(ctx, table, &[("len", length), ...])` with plain functions.
pub fn members<'gc>(
    ctx: Context<'gc>,
    table: Table<'gc>,
    members: &[(&'static str, for<'a, 'b> fn(Call<'a, 'b>) -> Answer<'a>)],
) {
    for &(name, handler) in members {
        table.set_field(ctx, name, function(ctx, name, handler));
    }
}

/// Where a Lua function is defined; `None` for native ones.
pub fn function_position(ctx: Context<'_>, function: Function<'_>) -> Option<Position> {
    let _ = ctx;
    function.closure().map(|closure| closure.prototype.position())
}

/// A call of a native function under way: its arguments and everything it can ask.
pub struct Call<'gc, 'a> {
    pub(crate) ctx: Context<'gc>,
    pub(crate) shared: &'gc Shared<'gc>,
    pub(crate) machine: &'a mut Machine<'gc>,
    /// Where the arguments start in the machine's stack.
    pub(crate) base: usize,
    pub(crate) count: usize,
    pub(crate) function: UserData<'gc>,
}

impl<'gc> Call<'gc, '_> {
    /// The piccolo context.
    pub fn ctx(&self) -> Context<'gc> {
        self.ctx
    }

    /// The dialect of the engine.
    pub fn dialect(&self) -> Dialect {
        self.shared.options.dialect
    }

    /// The options of the engine.
    pub fn options(&self) -> &'gc Options {
        &self.shared.options
    }

    /// How many arguments were given.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether no argument was given.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Argument `i`, from 1; nil when it was not given.
    #[inline]
    pub fn arg(&self, i: usize) -> Value<'gc> {
        if i <= self.count { self.machine.stack[self.base + i - 1] } else { Value::Nil }
    }

    /// All arguments.
    pub fn args(&self) -> &[Value<'gc>] {
        &self.machine.stack[self.base..self.base + self.count]
    }

    /// Whether argument `i` was not given at all.
    pub fn is_none(&self, i: usize) -> bool {
        i > self.count
    }

    /// Whether argument `i` is nil or was not given.
    pub fn is_none_or_nil(&self, i: usize) -> bool {
        self.arg(i).is_nil()
    }

    /// The type of argument `i` for messages: `no value` when it was not given.
    pub fn type_name(&self, i: usize) -> std::string::String {
        if self.is_none(i) { "no value".into() } else { self.shared.type_name_for_message(self.ctx, self.arg(i)) }
    }

    /// A whole number as the dialect's programs see it.
    pub fn integer(&self, integer: i64) -> Value<'gc> {
        self.dialect().integer(self.shared.options.integer_bits.wrap(integer))
    }

    /// A new string value.
    pub fn string(&self, bytes: &[u8]) -> Value<'gc> {
        Value::String(String::from_slice(&self.ctx, bytes))
    }

    /// A new string value from a buffer, without copying a long one.
    pub fn string_from(&self, bytes: Vec<u8>) -> Value<'gc> {
        Value::String(if bytes.len() > 256 {
            String::from_buffer(&self.ctx, bytes.into_boxed_slice())
        } else {
            String::from_slice(&self.ctx, bytes)
        })
    }

    /// Lua value `i` (from 0) given to [`function_with`].
    pub fn upvalue(&self, i: usize) -> Value<'gc> {
        match self.function.downcast::<Rootable![NativeCell<'_>]>() {
            Ok(native) => native.upvalues.borrow().get(i).copied().unwrap_or_default(),
            Err(_) => Value::Nil,
        }
    }

    /// Replaces Lua value `i` given to [`function_with`].
    pub fn set_upvalue(&self, i: usize, value: Value<'gc>) {
        if let Ok(native) = self.function.downcast_write::<Rootable![NativeCell<'_>]>(&self.ctx) {
            let mut upvalues = gc_arena::barrier::field!(native, NativeCell, upvalues).unlock().borrow_mut();
            if let Some(slot) = upvalues.get_mut(i) {
                *slot = value;
            }
        }
    }

    // Results.

    /// Return nothing.
    pub fn none(&self) -> Outcome<'gc> {
        Outcome::None
    }

    /// Return one value.
    pub fn one(&self, value: impl Into<Value<'gc>>) -> Outcome<'gc> {
        Outcome::One(value.into())
    }

    /// Return two values.
    pub fn two(&self, first: impl Into<Value<'gc>>, second: impl Into<Value<'gc>>) -> Outcome<'gc> {
        Outcome::Two(first.into(), second.into())
    }

    /// Return nil and a message.
    pub fn nil_and(&self, message: &str) -> Outcome<'gc> {
        Outcome::Two(Value::Nil, self.string(message.as_bytes()))
    }

    /// Return these values.
    pub fn many(&mut self, values: impl IntoIterator<Item = Value<'gc>>) -> Outcome<'gc> {
        let mut pushed = 0;
        for value in values {
            self.push(value);
            pushed += 1;
        }
        Outcome::Pushed(pushed)
    }

    /// Appends a value for [`Outcome::Pushed`] or [`Outcome::Call`].
    pub fn push(&mut self, value: Value<'gc>) {
        self.machine.push(value);
    }

    /// Call `function` with `arguments` and return its results.
    pub fn tail_call(
        &mut self,
        function: impl Into<Value<'gc>>,
        arguments: impl IntoIterator<Item = Value<'gc>>,
    ) -> Outcome<'gc> {
        self.request(function.into(), arguments, None)
    }

    /// Call `function` with `arguments`, then go on with `continuation` (see [`then`]).
    pub fn call(
        &mut self,
        function: impl Into<Value<'gc>>,
        arguments: impl IntoIterator<Item = Value<'gc>>,
        continuation: Box<dyn Continuation<'gc> + 'gc>,
    ) -> Outcome<'gc> {
        self.request(function.into(), arguments, Some(continuation))
    }

    /// Call `function` with `arguments`, drop its results and return `values`.
    pub fn call_then_return(
        &mut self,
        function: impl Into<Value<'gc>>,
        arguments: impl IntoIterator<Item = Value<'gc>>,
        values: Vec<Value<'gc>>,
    ) -> Outcome<'gc> {
        let continuation = then(values, |values, mut call| Ok(call.many(values)));
        self.request(function.into(), arguments, Some(continuation))
    }

    fn request(
        &mut self,
        function: Value<'gc>,
        arguments: impl IntoIterator<Item = Value<'gc>>,
        then: Option<Box<dyn Continuation<'gc> + 'gc>>,
    ) -> Outcome<'gc> {
        let mut pushed = 0;
        for value in arguments {
            self.push(value);
            pushed += 1;
        }
        Outcome::Call { function, pushed, then }
    }

    // Failures.

    /// An error with the caller's `file:line: ` before the text, as `luaL_error` makes it.
    pub fn error(&self, text: impl AsRef<str>) -> Error<'gc> {
        self.error_bytes(text.as_ref().as_bytes())
    }

    /// [`Call::error`] with bytes.
    pub fn error_bytes(&self, text: &[u8]) -> Error<'gc> {
        let mut message = self.machine.where_is_in(1, self.dialect());
        message.extend_from_slice(text);
        Error::from_value(self.string_from(message))
    }

    /// An error without a position, as `lua_error` with a plain string.
    pub fn plain_error(&self, text: impl AsRef<str>) -> Error<'gc> {
        Error::from_value(self.string(text.as_ref().as_bytes()))
    }

    /// `bad argument #i to 'name' (text)`; name and the count without self are decided by the call in the source.
    pub fn argument_error(&self, i: usize, text: impl AsRef<str>) -> Error<'gc> {
        let message = self.machine.argument_message_in(self.ctx, self.shared, self.function, i, text.as_ref());
        self.error(message)
    }

    /// `bad argument #i to 'name' (expected expected, got type)`.
    pub fn type_error(&self, i: usize, expected: &str) -> Error<'gc> {
        self.argument_error(i, format!("{expected} expected, got {}", self.type_name(i)))
    }

    // Checked arguments.

    /// Argument `i`, which must have been given.
    ///
    /// # Errors
    /// `value expected`
    pub fn check_any(&self, i: usize) -> Result<Value<'gc>, Error<'gc>> {
        if self.is_none(i) { Err(self.argument_error(i, "value expected")) } else { Ok(self.arg(i)) }
    }

    /// Argument `i` as a whole number. 5.1 truncates; 5.3 refuses fractions. Numeric strings convert.
    ///
    /// # Errors
    /// `number expected, got ...`, `number has no integer representation`
    pub fn check_integer(&self, i: usize) -> Result<i64, Error<'gc>> {
        match self.arg(i) {
            Value::Integer(integer) => Ok(integer),
            value => match number::to_number(value, self.options()) {
                Some(Value::Integer(integer)) => Ok(integer),
                Some(Value::Number(float)) if !self.dialect().is_53() => Ok(number::truncate(float)),
                Some(Value::Number(float)) => match crate::table::float_to_integer(float) {
                    Some(integer) => Ok(integer),
                    None => Err(self.argument_error(i, "number has no integer representation")),
                },
                _ => Err(self.type_error(i, "number")),
            },
        }
    }

    /// Argument `i` as a number: [`Value::Integer`] or [`Value::Number`]. Numeric strings convert.
    ///
    /// # Errors
    /// `number expected, got ...`
    pub fn check_numeric(&self, i: usize) -> Result<Value<'gc>, Error<'gc>> {
        number::to_number(self.arg(i), self.options()).ok_or_else(|| self.type_error(i, "number"))
    }

    /// Argument `i` as a float. Numeric strings convert.
    ///
    /// # Errors
    /// `number expected, got ...`
    pub fn check_number(&self, i: usize) -> Result<f64, Error<'gc>> {
        match self.check_numeric(i)? {
            Value::Integer(integer) => Ok(integer as f64),
            Value::Number(float) => Ok(float),
            _ => Ok(f64::NAN),
        }
    }

    /// Argument `i` as a string. Numbers convert.
    ///
    /// # Errors
    /// `string expected, got ...`
    pub fn check_string(&self, i: usize) -> Result<String<'gc>, Error<'gc>> {
        self.to_string(self.arg(i)).ok_or_else(|| self.type_error(i, "string"))
    }

    /// A string or number as a string.
    pub fn to_string(&self, value: Value<'gc>) -> Option<String<'gc>> {
        match value {
            Value::String(string) => Some(string),
            Value::Integer(_) | Value::Number(_) => {
                Some(String::from_slice(&self.ctx, number::to_string(value, self.options())))
            }
            _ => None,
        }
    }

    /// Argument `i` as a function.
    ///
    /// # Errors
    /// `function expected, got ...`
    pub fn check_function(&self, i: usize) -> Result<Function<'gc>, Error<'gc>> {
        Function::from_value(self.arg(i)).ok_or_else(|| self.type_error(i, "function"))
    }

    /// Argument `i` as a table.
    ///
    /// # Errors
    /// `table expected, got ...`
    pub fn check_table(&self, i: usize) -> Result<Table<'gc>, Error<'gc>> {
        Table::from_value(self.arg(i)).ok_or_else(|| self.type_error(i, "table"))
    }

    /// Argument `i` as a boolean.
    ///
    /// # Errors
    /// `boolean expected, got ...`
    pub fn check_boolean(&self, i: usize) -> Result<bool, Error<'gc>> {
        match self.arg(i) {
            Value::Boolean(boolean) => Ok(boolean),
            _ => Err(self.type_error(i, "boolean")),
        }
    }

    /// Argument `i` as an object around a `T`; `type_name` is what messages call it, `net.tcpsocket`.
    ///
    /// # Errors
    /// `net.tcpsocket expected, got ...`
    pub fn check_userdata<T: 'static>(&self, i: usize, type_name: &str) -> Result<&'gc T, Error<'gc>> {
        Object::from_value(self.arg(i))
            .and_then(|object| object.payload::<T>())
            .ok_or_else(|| self.type_error(i, type_name))
    }

    /// [`Call::check_integer`], or `default` when nil or absent.
    ///
    /// # Errors
    /// As [`Call::check_integer`].
    pub fn opt_integer(&self, i: usize, default: i64) -> Result<i64, Error<'gc>> {
        if self.is_none_or_nil(i) { Ok(default) } else { self.check_integer(i) }
    }

    /// [`Call::check_number`], or `default` when nil or absent.
    ///
    /// # Errors
    /// As [`Call::check_number`].
    pub fn opt_number(&self, i: usize, default: f64) -> Result<f64, Error<'gc>> {
        if self.is_none_or_nil(i) { Ok(default) } else { self.check_number(i) }
    }

    /// [`Call::check_string`], or `None` when nil or absent.
    ///
    /// # Errors
    /// As [`Call::check_string`].
    pub fn opt_string(&self, i: usize) -> Result<Option<String<'gc>>, Error<'gc>> {
        if self.is_none_or_nil(i) { Ok(None) } else { self.check_string(i).map(Some) }
    }

    /// [`Call::check_function`], or `None` when nil or absent.
    ///
    /// # Errors
    /// As [`Call::check_function`].
    pub fn opt_function(&self, i: usize) -> Result<Option<Function<'gc>>, Error<'gc>> {
        if self.is_none_or_nil(i) { Ok(None) } else { self.check_function(i).map(Some) }
    }

    /// Argument `i` as one of `options`, as `luaL_checkoption`.
    ///
    /// # Errors
    /// `invalid option '...'`
    pub fn check_option(&self, i: usize, default: Option<&str>, options: &[&str]) -> Result<usize, Error<'gc>> {
        let given = match (self.is_none_or_nil(i), default) {
            (true, Some(default)) => default.as_bytes(),
            _ => self.check_string(i)?.as_bytes(),
        };
        options.iter().position(|option| option.as_bytes() == given).ok_or_else(|| {
            self.argument_error(i, format!("invalid option '{}'", std::string::String::from_utf8_lossy(given)))
        })
    }

    // Bounds.

    /// What all values that the program can reach would take on the chip, in bytes; the same in every build. Goes through
    /// all of them.
    pub fn chip_bytes(&self) -> usize {
        census::weigh(self.ctx, self.shared, Some(self.machine))
    }

    /// Says that this function is about to allocate `bytes`.
    ///
    /// Call it before anything that has an effect: when the limit is near, the interpreter collects garbage and calls the
    /// function again from its beginning, once. In a continuation nothing begins again.
    ///
    /// # Errors
    /// `not enough memory`
    pub fn reserve(&mut self, bytes: usize) -> Result<(), Error<'gc>> {
        self.machine.reserve(self.ctx, self.shared, bytes)
    }

    /// Consumes fuel for work that is long for one call: about one unit for each simple step.
    pub fn consume(&mut self, fuel: usize) {
        self.machine.consume(fuel);
    }

    /// Instructions used in the current step so far.
    pub fn instructions_used(&self) -> u32 {
        u32::try_from(self.machine.fuel_granted - self.machine.fuel).unwrap_or(0)
    }

    /// Compiles a chunk, text or dumped code, with the globals as its environment.
    ///
    /// # Errors
    /// If the chunk is not well formed.
    pub fn compile(&self, chunk_name: &str, source: &[u8]) -> Result<Function<'gc>, CompileError> {
        chunk::load(self.ctx, self.shared, chunk_name.as_bytes(), source, self.shared.globals)
    }

    /// The dumped code of a Lua function, with or without names and lines; `None` for a native one.
    pub fn dump(&self, function: Function<'gc>, strip: bool) -> Option<Vec<u8>> {
        chunk::dump(function, strip)
    }

    // The state around.

    /// Go on with `continuation`, without arguments, after a look at the fuel.
    pub fn again(&self, continuation: Box<dyn Continuation<'gc> + 'gc>) -> Outcome<'gc> {
        Outcome::Again(continuation)
    }

    /// Whether argument `i` is a number or a string that spells one.
    pub fn is_number(&self, i: usize) -> bool {
        number::to_number(self.arg(i), self.options()).is_some()
    }

    /// Whether argument `i` is a string or a number.
    pub fn is_string(&self, i: usize) -> bool {
        matches!(self.arg(i), Value::String(_) | Value::Integer(_) | Value::Number(_))
    }

    /// The line of Lua that made this call.
    pub fn position(&self) -> Option<Position> {
        self.machine.position_in(1, self.dialect())
    }

    /// `file:line: ` of a level of the call stack, as `luaL_where`.
    pub(crate) fn where_is(&self, level: usize) -> Vec<u8> {
        self.machine.where_is_in(level, self.dialect())
    }

    /// The function of a level: `None` if there is no such level, `Some(None)` for one without a function.
    pub(crate) fn level_function(&self, level: usize) -> Option<Option<Function<'gc>>> {
        let level = self.machine.level(level, self.dialect())?;
        Some(self.machine.level_function(level))
    }

    pub(crate) fn current_coroutine(&self) -> Option<crate::Coroutine<'gc>> {
        self.machine.coroutine
    }

    /// What stands for the main program where 5.3 wants a coroutine.
    pub(crate) fn main_coroutine(&self) -> Value<'gc> {
        let registry = self.shared.registry;
        let known = registry.get(self.ctx, "_MAIN");
        if !known.is_nil() {
            return known;
        }
        let main = crate::coroutine::new_coroutine(&self.ctx, Value::Nil);
        main.write(&self.ctx, |state| state.status = crate::coroutine::Status::Running);
        registry.set_field(self.ctx, "_MAIN", main);
        main.into()
    }

    /// The text of `debug.traceback`.
    pub(crate) fn traceback(
        &self,
        thread: Option<crate::Coroutine<'gc>>,
        message: Option<&[u8]>,
        level: usize,
    ) -> Vec<u8> {
        let head = message.map(|message| [message, b"\n"].concat()).unwrap_or_default();
        let rest = match thread {
            Some(thread) if Some(thread) != self.machine.coroutine => {
                self.machine.coroutine_traceback(self.ctx, self.shared, thread, level)
            }
            _ => self.machine.traceback(self.ctx, self.shared, level, level),
        };
        [head, rest].concat()
    }

    /// The table of `debug.getinfo` for a function.
    pub(crate) fn describe_function(&self, function: Function<'gc>, wanted: &[u8]) -> Table<'gc> {
        self.machine.info(self.ctx, self.shared, None, Some(function), wanted)
    }

    /// The table of `debug.getinfo` for a level.
    pub(crate) fn describe_level(&self, level: usize, wanted: &[u8]) -> Option<Table<'gc>> {
        let level = self.machine.level(level, self.dialect())?;
        let function = self.machine.level_function(level);
        Some(self.machine.info(self.ctx, self.shared, Some(level), function, wanted))
    }

    /// Local `number` of a level: `None` if there is no such level, `Some(None)` if no such local.
    #[allow(clippy::type_complexity)]
    pub(crate) fn level_local(&self, level: usize, number: i64) -> Option<Option<(Vec<u8>, Value<'gc>)>> {
        match self.machine.level(level, self.dialect())? {
            crate::machine::Level::Frame(index) => {
                let locals = self.machine.locals(index);
                let index = usize::try_from(number - 1).ok();
                Some(index.and_then(|index| locals.into_iter().nth(index)))
            }
            _ => Some(None),
        }
    }

    /// Whether the source says `object:method(...)`.
    pub fn is_method_call(&self) -> bool {
        self.machine.is_method_call()
    }

    /// The metamethod `event` (`"__index"`) of `value`; nil when it has none.
    pub fn metamethod(&self, value: Value<'gc>, event: &'static str) -> Value<'gc> {
        match self.shared.metatable(value) {
            Some(metatable) => metatable.get(self.ctx, event),
            None => Value::Nil,
        }
    }

    /// The metatable of any value.
    pub fn metatable(&self, value: Value<'gc>) -> Option<Table<'gc>> {
        self.shared.metatable(value)
    }

    /// The metatable that all strings share.
    pub fn set_string_metatable(&self, metatable: Option<Table<'gc>>) {
        self.shared.set_string_metatable(self.ctx, metatable);
    }

    /// The text that `tostring` gives without metamethods.
    pub fn display(&self, value: Value<'gc>) -> Vec<u8> {
        self.shared.display(self.ctx, value)
    }

    /// `a < b` as far as it is known without calling Lua.
    ///
    /// # Errors
    /// `attempt to compare two nil values` and the like, with the position.
    pub fn less_than(&self, a: Value<'gc>, b: Value<'gc>) -> Result<Comparison<'gc>, Error<'gc>> {
        if let Some(result) = number::less_than(a, b) {
            return Ok(Comparison::Known(result));
        }
        match self.shared.comparison_handler(self.ctx, a, b, "__lt") {
            Some(handler) => Ok(Comparison::Call(handler)),
            None => Err(self.plain_error(self.shared.comparison_message(self.ctx, a, b))),
        }
    }

    /// `value[key]` as far as it is known without calling Lua.
    ///
    /// # Errors
    /// `attempt to index a ... value`
    pub fn index(&self, value: Value<'gc>, key: Value<'gc>) -> Result<Lookup<'gc>, Error<'gc>> {
        self.shared.index(self.ctx, value, key).map_err(|message| self.plain_error(message))
    }

    /// The same call with other arguments: what a continuation goes on with when the ones of the call still count.
    pub(crate) fn with_arguments(self, arguments: &[Value<'gc>]) -> Result<Self, Error<'gc>> {
        let (base, count) = (self.base, arguments.len());
        self.machine.grow(base + count)?;
        self.machine.stack[base..base + count].copy_from_slice(arguments);
        self.machine.top = base + count;
        Ok(Call { count, ..self })
    }

    /// The kind of argument `i`.
    pub fn kind(&self, i: usize) -> Kind<'gc> {
        kind(self.arg(i))
    }

    /// The plain type name of argument `i`.
    pub fn raw_type(&self, i: usize) -> &'static str {
        type_name(self.arg(i))
    }
}

/// The result of a comparison that may need Lua.
pub enum Comparison<'gc> {
    /// The answer.
    Known(bool),
    /// Call this with both values; the truth of its result is the answer.
    Call(Value<'gc>),
}

/// The result of an index operation that may need Lua.
pub enum Lookup<'gc> {
    /// The value.
    Known(Value<'gc>),
    /// Call this function with this object and the key; its first result is the value.
    Call(Value<'gc>, Value<'gc>),
}
