//! The interpreter: frames, calls, results, errors, coroutines.
//!
//! One machine runs one host call. All its Lua functions, native functions, protected calls and coroutines share one stack of
//! values and one stack of frames, so no Lua program can use the stack of Rust. A native function runs to its end within one
//! call of Rust; when it wants Lua code to run first it leaves a [`Frame`] with its continuation.
//!
//! In `execute` is the instruction loop, in `operations` what its instructions do when the short way does not apply, in
//! `describe` names, lines and tracebacks.

mod describe;
mod execute;
mod operations;

use gc_arena::{Collect, Rootable};
use piccolo::{Context, UserData, Value};

pub(crate) use describe::Level;

use crate::{
    Coroutine, Error, Function, RuntimeErrorKind,
    closure::ClosureCell,
    coroutine::Status,
    native::{Answer, Call, Continuation, Control, NativeCell, Outcome},
    reach::{self, RunFinalizers},
    shared::Shared,
};

/// Registers that every frame can address; the stack always has so many beyond the base of the top frame.
pub(crate) const WINDOW: usize = 256;

/// Most nested Lua calls of 5.1: `LUAI_MAXCALLS`.
const FRAMES_MAX_51: usize = 20_000;
/// Most values on the stack of 5.3: `LUAI_MAXSTACK`; the reference counts about this many levels of a small function.
const FRAMES_MAX_53: usize = 199_990;
const STACK_MAX: usize = 1_000_000;
/// Most nested calls through native code: `LUAI_MAXCCALLS`.
const NATIVE_CALLS_MAX: usize = 200;

/// Where the results of a call go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Collect)]
#[collect(require_static)]
pub(crate) enum Return {
    /// Into registers from `to` on, `wanted` of them, or all.
    Registers { to: u32, wanted: Option<u8> },
    /// As [`Return::Registers`], for the iterator of a `for` loop.
    Iterator { to: u32, wanted: u8 },
    /// The first one into a register.
    Store { to: u32 },
    /// The first one, negated or not, decides about the jump that comes next.
    Test { expected: bool, negated: bool },
    /// The first one into a register; then the concatenation from `first` to there goes on.
    Concat { first: u32, to: u32, target: u32 },
    /// They are the results of the frame below.
    Pass,
    /// Nowhere.
    Drop,
}

impl Return {
    /// Whether 5.1 would have to come back through C for this.
    fn crosses_native_code(self) -> bool {
        !matches!(self, Return::Registers { .. } | Return::Pass)
    }
}

/// What a frame is.
#[derive(Collect)]
#[collect(no_drop)]
pub(crate) enum FrameKind<'gc> {
    /// A Lua function.
    Lua,
    /// A native function that waits for a call it asked for.
    Native(Box<dyn Continuation<'gc> + 'gc>),
    /// `pcall` or `xpcall`; with the handler.
    Protected(Option<Value<'gc>>),
    /// The handler of `xpcall` runs above; its result is the error that this many frames are unwound for.
    Handler,
    /// A coroutine runs above.
    Resume { coroutine: Coroutine<'gc>, wrap: bool, previous: Option<Coroutine<'gc>> },
}

/// A call under way.
#[derive(Collect)]
#[collect(no_drop)]
pub(crate) struct Frame<'gc> {
    pub(crate) function: UserData<'gc>,
    pub(crate) kind: FrameKind<'gc>,
    /// The first register; values below belong to the frame from `bottom` on.
    pub(crate) base: u32,
    /// The next instruction.
    pub(crate) pc: u32,
    /// End of the values that an open call or `...` left.
    pub(crate) top: u32,
    /// Extra arguments, right below `base`.
    pub(crate) varargs: u32,
    /// Tail calls that this frame has absorbed.
    pub(crate) tail_calls: u32,
    pub(crate) results: Return,
}

/// How a run of the machine ended or paused.
pub(crate) enum Exit {
    OutOfFuel,
    /// Garbage must be collected before the program can go on.
    Collect,
    /// The results are the `count` values from `first` on.
    Finished {
        first: usize,
        count: usize,
    },
    /// A breakpoint or the end of a debugger's step.
    Paused,
}

/// What a run of the machine may use.
pub(crate) struct Slice {
    pub(crate) fuel: i64,
    /// Instructions that the step has used before.
    pub(crate) used: i64,
    /// Whether the debugger is to be asked before each instruction.
    pub(crate) is_watched: bool,
}

/// What an error that nobody caught looked like where it was raised.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) traceback: Vec<u8>,
    pub(crate) position: Option<crate::Position>,
    pub(crate) kind: RuntimeErrorKind,
}

/// See the module's text.
#[derive(Collect)]
#[collect(no_drop)]
pub(crate) struct Machine<'gc> {
    pub(crate) stack: Vec<Value<'gc>>,
    pub(crate) frames: Vec<Frame<'gc>>,
    /// End of the arguments and pushed values of the native function that runs.
    pub(crate) top: usize,
    /// The native function that runs; none while Lua does.
    pub(crate) native: Option<UserData<'gc>>,
    pub(crate) coroutine: Option<Coroutine<'gc>>,
    /// Frames that count as nested native calls.
    native_calls: usize,
    pub(crate) fuel: i64,
    /// Instructions that the step under way has used are this less `fuel`.
    pub(crate) fuel_granted: i64,
    /// Whether the debugger is asked before each instruction.
    is_watched: bool,
    /// A native call that waits for a collection: where, how many arguments, and where its results go.
    pending: Option<(usize, usize, Return)>,
    /// Whether the native function that runs can be called again from its beginning.
    pub(crate) is_repeatable: bool,
    /// What is to be called when the machine first runs.
    start: Option<(Value<'gc>, Vec<Value<'gc>>)>,
    #[collect(require_static)]
    pub(crate) memory: MemoryState,
    #[collect(require_static)]
    pub(crate) failure: Option<Failure>,
    #[collect(require_static)]
    pub(crate) wants_collection: bool,
    /// How many continuations are being resumed inside one another.
    nesting: usize,
    /// Where short strings are put together.
    scratch: Vec<u8>,
    /// The debugger has stopped the machine where fuel is not looked at: it goes on even without any.
    is_interrupted: bool,
}

/// How the limit of memory is watched.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MemoryState {
    /// The error on its way is no error of the program: its native call or instruction begins again after a collection.
    wants_retry: bool,
    /// What runs has been begun again. It is not begun a third time: memory that is missing now is an error.
    is_retry: bool,
    /// The last slice began with a collection: if it did not help, the program fails.
    has_collected_for_slice: bool,
}

/// Instructions that it takes to begin a native call or an instruction again.
const RETRY_FUEL: usize = 100;

/// Text of the error when memory runs out.
pub(crate) const NOT_ENOUGH_MEMORY: &str = "not enough memory";

/// Text of the error when a handler fails, or is none.
const ERROR_IN_HANDLER: &[u8] = b"error in error handling";

/// A continuation that calls native functions is resumed from within the call that ended; after so many levels the Rust
/// stack is left first.
const NESTING_MAX: usize = 16;

/// A continuation with the values that it gets when the Rust stack has been left.
#[derive(Collect)]
#[collect(no_drop)]
struct Later<'gc> {
    values: Vec<Value<'gc>>,
    continuation: Box<dyn Continuation<'gc> + 'gc>,
}

impl<'gc> Continuation<'gc> for Later<'gc> {
    fn resume(self: Box<Self>, call: Call<'gc, '_>) -> Answer<'gc> {
        let Later { values, continuation } = *self;
        let Call { ctx, shared, machine, base, function, .. } = call;
        let count = values.len();
        machine.top = base + count;
        machine.grow(base + count)?;
        machine.stack[base..base + count].copy_from_slice(&values);
        continuation.resume(Call { ctx, shared, machine, base, count, function })
    }

    fn failed(self: Box<Self>, call: Call<'gc, '_>, error: Error<'gc>) -> Answer<'gc> {
        self.continuation.failed(call, error)
    }

    fn visit(&self, visit: &mut dyn FnMut(Value<'gc>)) -> bool {
        self.values.iter().for_each(|value| visit(*value));
        self.continuation.visit(visit)
    }
}

impl<'gc> Machine<'gc> {
    pub(crate) fn new(function: Value<'gc>, arguments: Vec<Value<'gc>>) -> Self {
        Machine {
            stack: Vec::new(),
            frames: Vec::new(),
            top: 0,
            native: None,
            coroutine: None,
            native_calls: 0,
            fuel: 0,
            fuel_granted: 0,
            is_watched: false,
            pending: None,
            is_repeatable: false,
            start: Some((function, arguments)),
            memory: MemoryState::default(),
            failure: None,
            wants_collection: false,
            nesting: 0,
            scratch: Vec::new(),
            is_interrupted: false,
        }
    }

    /// Runs until the function is done, the slice's fuel is spent or garbage must be collected. What is left stands in `fuel`.
    pub(crate) fn run(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        slice: Slice,
    ) -> Result<Exit, Error<'gc>> {
        self.fuel = slice.fuel;
        self.fuel_granted = slice.used + slice.fuel;
        self.is_watched = slice.is_watched;
        self.wants_collection = false;
        self.is_interrupted &= self.fuel <= 0;
        let result = self.run_inner(ctx, shared);
        self.is_interrupted = matches!(result, Ok(Exit::Paused));
        // Registers that are not in use must not keep objects alive.
        if !matches!(result, Ok(Exit::Finished { .. })) {
            let end = self.live_end();
            self.stack.truncate(end);
        }
        result
    }

    fn run_inner(&mut self, ctx: Context<'gc>, shared: &'gc Shared<'gc>) -> Result<Exit, Error<'gc>> {
        self.grow(self.live_end())?;
        let mut result = match (self.start.take(), self.pending.take()) {
            (_, Some((at, count, results))) => {
                self.memory.is_retry = true;
                self.call(ctx, shared, at, count, results)
            }
            (Some((function, arguments)), None) => {
                self.grow(arguments.len() + 1)?;
                self.stack[0] = function;
                self.stack[1..=arguments.len()].copy_from_slice(&arguments);
                self.call(ctx, shared, 0, arguments.len(), Return::Pass)
            }
            (None, None) if reach::has_due(shared) && !self.memory.is_retry => {
                self.interrupt_for_finalizers(ctx, shared)
            }
            (None, None) => self.check_slice(ctx, shared),
        };
        loop {
            result = match result {
                Ok(Flow::Go) if self.wants_collection => return Ok(Exit::Collect),
                Ok(Flow::Go) => match self.frames.last() {
                    Some(_) => {
                        if self.fuel <= 0 && !self.is_interrupted {
                            return Ok(Exit::OutOfFuel);
                        }
                        self.execute(ctx, shared)
                    }
                    None => return Ok(Exit::Finished { first: 0, count: 0 }),
                },
                Ok(Flow::Exit(exit)) => return Ok(exit),
                // The instruction has left its frame as it was.
                Err(_) if std::mem::take(&mut self.memory.wants_retry) => {
                    self.memory.is_retry = true;
                    self.consume(RETRY_FUEL);
                    return Ok(Exit::Collect);
                }
                // Nobody is left to catch it: `unwind` has noted the traceback.
                Err(error) if self.frames.is_empty() => return Err(error),
                Err(error) => self.unwind(ctx, shared, error),
            }
        }
    }

    /// Calls the finalizers that are due before what comes next.
    fn interrupt_for_finalizers(&mut self, ctx: Context<'gc>, shared: &'gc Shared<'gc>) -> Result<Flow, Error<'gc>> {
        let running = self.frames.last().filter(|frame| matches!(frame.kind, FrameKind::Lua));
        let running = running.map(|frame| (frame.function, frame.end()));
        // Deep in native code they wait until the program has come back from there.
        let (Some((function, at)), true) = (running, self.native_calls + 10 < NATIVE_CALLS_MAX) else {
            return self.check_slice(ctx, shared);
        };
        let finalizers = Box::new(RunFinalizers { result: Value::Nil, is_closing: false });
        self.push_frame(ctx, function, FrameKind::Native(finalizers), at, Return::Drop)?;
        Ok(Flow::Go)
    }

    /// Shows what the machine keeps alive; false if a native function under way keeps values of its own.
    pub(crate) fn visit(&self, visit: &mut dyn FnMut(Value<'gc>)) -> bool {
        self.stack.iter().for_each(|value| visit(*value));
        if let Some((function, arguments)) = &self.start {
            visit(*function);
            arguments.iter().for_each(|value| visit(*value));
        }
        if let Some(coroutine) = self.coroutine {
            visit(coroutine.into());
        }
        self.frames.iter().all(|frame| frame.visit(visit))
    }

    /// The results of a finished run.
    pub(crate) fn values(&self, first: usize, count: usize) -> Vec<Value<'gc>> {
        self.stack.get(first..first + count).unwrap_or_default().to_vec()
    }

    /// What the error looked like that ended the run.
    pub(crate) fn take_failure(&mut self) -> Failure {
        self.failure.take().unwrap_or(Failure {
            traceback: b"stack traceback:".to_vec(),
            position: None,
            kind: RuntimeErrorKind::Runtime,
        })
    }

    /// End of the values that frames use. Above the arguments of a call that waits there are only leftovers.
    fn live_end(&self) -> usize {
        self.pending.map_or_else(|| self.frames_end(), |(at, count, _)| at + 1 + count)
    }

    fn frames_end(&self) -> usize {
        self.frames.last().map_or(0, Frame::end)
    }

    /// Makes room for a frame whose registers begin at `base`.
    #[inline]
    pub(crate) fn grow(&mut self, base: usize) -> Result<(), Error<'gc>> {
        let needed = base + WINDOW + 8;
        if self.stack.len() < needed {
            let wanted = needed.max(self.stack.len() + self.stack.len() / 2);
            self.stack.resize(wanted, Value::Nil);
        }
        Ok(())
    }

    pub(crate) fn push(&mut self, value: Value<'gc>) {
        if self.top + 8 >= self.stack.len() {
            let wanted = self.top + WINDOW + self.stack.len() / 2;
            self.stack.resize(wanted, Value::Nil);
        }
        self.stack[self.top] = value;
        self.top += 1;
    }

    pub(crate) fn consume(&mut self, fuel: usize) {
        self.fuel -= fuel as i64;
    }

    /// Bytes of the machine's own stacks.
    /// The registers in use.
    pub(crate) fn live_values(&self) -> &[Value<'gc>] {
        &self.stack[..self.live_end().min(self.stack.len())]
    }

    fn own_bytes(&self) -> usize {
        self.live_end() * 8 + self.frames.len() * 24
    }

    /// Checks whether `bytes` more would still be within the limit.
    ///
    /// If not, what runs fails and begins again after a collection, but only once: a native function may ask many times, and
    /// more each time, so that a first answer of yes says nothing about whether it can ever end.
    pub(crate) fn check_memory(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        bytes: usize,
    ) -> Result<(), Error<'gc>> {
        let Some(max) = shared.memory_max.get() else { return Ok(()) };
        let used = ctx.metrics().total_allocation() + self.own_bytes();
        let wanted = used.saturating_add(bytes);
        if wanted <= max {
            return Ok(());
        }
        if self.memory.is_retry {
            return Err(self.memory_error(ctx));
        }
        self.wants_collection = true;
        if self.native.is_some() && !self.is_repeatable {
            // Too late to begin again; a collection follows as soon as possible.
            return if wanted <= max.saturating_mul(2) { Ok(()) } else { Err(self.memory_error(ctx)) };
        }
        self.memory.wants_retry = true;
        Err(Error::from_value(Value::Nil))
    }

    /// Checks the memory at the beginning of a slice, for what grew by small steps.
    fn check_slice(&mut self, ctx: Context<'gc>, shared: &'gc Shared<'gc>) -> Result<Flow, Error<'gc>> {
        let used = ctx.metrics().total_allocation() + self.own_bytes();
        if shared.memory_max.get().is_none_or(|max| used <= max) {
            self.memory.has_collected_for_slice = false;
            return Ok(Flow::Go);
        }
        if std::mem::take(&mut self.memory.has_collected_for_slice) {
            return Err(self.memory_error(ctx));
        }
        self.memory.has_collected_for_slice = true;
        Ok(Flow::Exit(Exit::Collect))
    }

    fn memory_error(&self, ctx: Context<'gc>) -> Error<'gc> {
        Error::from_value(Value::String(ctx.intern_static(NOT_ENOUGH_MEMORY.as_bytes())))
    }

    /// [`Machine::check_memory`] for native functions.
    pub(crate) fn reserve(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        bytes: usize,
    ) -> Result<(), Error<'gc>> {
        // Even without a limit no single string may be larger than the reference allows.
        const STRING_MAX: usize = 1 << 30;
        if bytes > STRING_MAX {
            return Err(self.memory_error(ctx));
        }
        self.check_memory(ctx, shared, bytes)
    }

    /// [`Machine::check_memory`] for an instruction.
    pub(crate) fn reserve_for_instruction(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        bytes: usize,
    ) -> Result<(), Error<'gc>> {
        let result = self.reserve(ctx, shared, bytes);
        self.memory.is_retry = false;
        result
    }

    // Calls.

    /// Calls the value at `function` with the `count` arguments after it.
    pub(crate) fn call(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        function: usize,
        mut count: usize,
        results: Return,
    ) -> Result<Flow, Error<'gc>> {
        let mut is_handler = false;
        loop {
            let callee = self.stack[function];
            if let Value::UserData(userdata) = callee {
                if let Ok(closure) = userdata.downcast::<Rootable![ClosureCell<'_>]>() {
                    self.enter_lua(ctx, shared, userdata, closure, function, count, results)?;
                    return Ok(Flow::Go);
                }
                if userdata.is::<Rootable![NativeCell<'_>]>() {
                    return self.call_native(ctx, shared, userdata, function, count, results);
                }
            }
            let handler = match shared.metatable(callee) {
                Some(metatable) if !is_handler => metatable.get_value(&ctx, shared.names.call.into()),
                _ => Value::Nil,
            };
            // A handler must be a function: it is not asked for a handler of its own.
            if Function::from_value(handler).is_none() {
                return Err(self.call_error(ctx, shared, function));
            }
            is_handler = true;
            self.grow(function + count + 2)?;
            self.stack.copy_within(function..=function + count, function + 1);
            self.stack[function] = handler;
            count += 1;
        }
    }

    /// Pushes the frame of a Lua function.
    #[allow(clippy::too_many_arguments)]
    #[inline]
    pub(crate) fn enter_lua(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        function: UserData<'gc>,
        closure: &'gc ClosureCell<'gc>,
        at: usize,
        count: usize,
        results: Return,
    ) -> Result<(), Error<'gc>> {
        let prototype = closure.prototype;
        let parameters = usize::from(prototype.parameters);
        let mut base = at + 1;
        let mut varargs = 0;
        if count > parameters && prototype.is_vararg {
            // The extra arguments stay below the registers, the fixed ones move above them.
            varargs = count - parameters;
            base += count;
            self.grow(base)?;
            for index in 0..parameters {
                self.stack[base + index] = std::mem::take(&mut self.stack[at + 1 + index]);
            }
            // Below `base` stand the extra arguments, last.
        } else {
            self.grow(base)?;
        }
        let given = if varargs > 0 { parameters } else { count.min(parameters) };
        let registers = usize::from(prototype.registers);
        // Stale values must not be seen by the collector as locals, nor by `LoadNil`-free declarations.
        self.stack[base + given..base + registers].fill(Value::Nil);
        if prototype.needs_arg {
            self.make_arg(ctx, base, parameters, varargs);
        }
        if self.frames.len() >= if shared.options.dialect.is_53() { FRAMES_MAX_53 } else { FRAMES_MAX_51 }
            || base > STACK_MAX
        {
            return Err(self.error_here(ctx, b"stack overflow"));
        }
        if results.crosses_native_code() {
            self.count_native_call(ctx)?;
        }
        self.frames.push(Frame {
            function,
            kind: FrameKind::Lua,
            base: base as u32,
            pc: 0,
            top: base as u32,
            varargs: varargs as u32,
            tail_calls: 0,
            results,
        });
        Ok(())
    }

    /// 5.1: the table `arg` of a vararg function that does not use `...`.
    fn make_arg(&mut self, ctx: Context<'gc>, base: usize, parameters: usize, varargs: usize) {
        let table = crate::Table::with_capacity(&ctx, varargs, 1);
        for index in 0..varargs {
            let value = self.stack[base - varargs + index];
            let _ = table.set_value(&ctx, Value::Integer(index as i64 + 1), value);
        }
        table.set_field(ctx, "n", Value::Number(varargs as f64));
        self.stack[base + parameters] = table.into();
    }

    fn count_native_call(&mut self, ctx: Context<'gc>) -> Result<(), Error<'gc>> {
        if self.native_calls >= NATIVE_CALLS_MAX {
            return Err(self.error_here(ctx, b"C stack overflow"));
        }
        self.native_calls += 1;
        Ok(())
    }

    /// Runs a native function and does what it asks for.
    pub(crate) fn call_native(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        function: UserData<'gc>,
        at: usize,
        count: usize,
        results: Return,
    ) -> Result<Flow, Error<'gc>> {
        let Ok(native) = function.downcast::<Rootable![NativeCell<'_>]>() else { return Ok(Flow::Go) };
        self.top = at + 1 + count;
        self.grow(self.top)?;
        self.native = Some(function);
        self.is_repeatable = true;
        let call = Call { ctx, shared, machine: self, base: at + 1, count, function };
        let answer = (native.code.handler)(call);
        self.is_repeatable = false;
        self.memory.is_retry = false;
        if std::mem::take(&mut self.memory.wants_retry) && answer.is_err() {
            self.native = None;
            self.pending = Some((at, count, results));
            self.consume(RETRY_FUEL);
            return Ok(Flow::Go);
        }
        self.answer(ctx, shared, answer, function, at, results)
    }

    /// Does what a native function or continuation asks for.
    fn answer(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        answer: Answer<'gc>,
        function: UserData<'gc>,
        at: usize,
        results: Return,
    ) -> Result<Flow, Error<'gc>> {
        let outcome = answer?;
        let (first, count) = match outcome {
            Outcome::None => (at, 0),
            Outcome::One(value) => {
                self.stack[at] = value;
                (at, 1)
            }
            Outcome::Two(one, two) => {
                self.stack[at] = one;
                self.stack[at + 1] = two;
                (at, 2)
            }
            Outcome::Pushed(count) => (self.top - count, count),
            Outcome::Call { function: callee, pushed, then } => {
                return self.call_for_native(ctx, shared, function, callee, pushed, then, at, results);
            }
            Outcome::Again(continuation) => {
                self.native = None;
                self.push_frame(ctx, function, FrameKind::Native(continuation), at, results)?;
                return Ok(Flow::Go);
            }
            Outcome::Control(control) => return self.control(ctx, shared, control, function, at, results),
        };
        if !shared.options.dialect.is_53() {
            for value in &mut self.stack[first..first + count] {
                if let Value::Integer(integer) = *value {
                    *value = Value::Number(integer as f64);
                }
            }
        }
        self.native = None;
        // Few native functions reserve what they return; a slice of many calls must not go far past the limit.
        if shared.memory_max.get().is_some_and(|max| ctx.metrics().total_allocation() / 2 > max) {
            self.wants_collection = true;
        }
        self.deliver(ctx, shared, first, count, results)
    }

    /// The call of a native function whose continuation goes on: its arguments are the `count` values above `at`.
    fn continued_call<'a>(
        &'a mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        function: UserData<'gc>,
        at: usize,
        count: usize,
    ) -> Result<Call<'gc, 'a>, Error<'gc>> {
        self.top = at + 1 + count;
        self.grow(self.top)?;
        self.native = Some(function);
        Ok(Call { ctx, shared, machine: self, base: at + 1, count, function })
    }

    #[allow(clippy::too_many_arguments)]
    fn call_for_native(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        function: UserData<'gc>,
        callee: Value<'gc>,
        pushed: usize,
        then: Option<Box<dyn Continuation<'gc> + 'gc>>,
        at: usize,
        results: Return,
    ) -> Result<Flow, Error<'gc>> {
        let first = self.top - pushed;
        self.stack.copy_within(first..first + pushed, at + 1);
        self.stack[at] = callee;
        self.native = None;
        match then {
            None => self.call(ctx, shared, at, pushed, results),
            Some(continuation) => {
                self.push_frame(ctx, function, FrameKind::Native(continuation), at, results)?;
                self.call(ctx, shared, at, pushed, Return::Pass)
            }
        }
    }

    fn push_frame(
        &mut self,
        ctx: Context<'gc>,
        function: UserData<'gc>,
        kind: FrameKind<'gc>,
        at: usize,
        results: Return,
    ) -> Result<(), Error<'gc>> {
        if self.native_calls >= NATIVE_CALLS_MAX {
            // The native function itself is running, and has no position.
            return Err(Error::from_value(Value::String(ctx.intern_static(b"C stack overflow"))));
        }
        self.count_native_call(ctx)?;
        let at = at as u32;
        self.frames.push(Frame { function, kind, base: at, pc: 0, top: at, varargs: 0, tail_calls: 0, results });
        Ok(())
    }

    /// Takes the top frame away.
    fn pop_frame(&mut self) -> Option<Frame<'gc>> {
        let frame = self.frames.pop()?;
        self.native_calls = self.native_calls.saturating_sub(usize::from(frame.counts_as_native()));
        Some(frame)
    }

    /// Gives `count` values from `first` on to whoever called.
    pub(crate) fn deliver(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        mut first: usize,
        mut count: usize,
        mut results: Return,
    ) -> Result<Flow, Error<'gc>> {
        loop {
            match results {
                Return::Registers { to, wanted } => {
                    let to = to as usize;
                    match wanted {
                        Some(wanted) => self.move_values(first, count, to, usize::from(wanted)),
                        None => {
                            self.move_values(first, count, to, count);
                            if let Some(frame) = self.frames.last_mut() {
                                frame.top = (to + count) as u32;
                            }
                        }
                    }
                    return Ok(Flow::Go);
                }
                Return::Iterator { to, wanted } => {
                    self.move_values(first, count, to as usize, usize::from(wanted));
                    return Ok(Flow::Go);
                }
                Return::Store { to } => {
                    self.move_values(first, count, to as usize, 1);
                    return Ok(Flow::Go);
                }
                Return::Test { expected, negated } => {
                    let truth = count > 0 && self.stack[first].to_bool();
                    if let Some(frame) = self.frames.last_mut()
                        && (truth != negated) != expected
                    {
                        frame.pc += 1;
                    }
                    return Ok(Flow::Go);
                }
                Return::Concat { first: start, to, target } => {
                    self.move_values(first, count, to as usize, 1);
                    return self.concat(ctx, shared, start as usize, to as usize, target as usize);
                }
                Return::Drop => return Ok(Flow::Go),
                Return::Pass => {}
            }
            let Some(frame) = self.frames.last() else {
                return Ok(Flow::Exit(Exit::Finished { first, count }));
            };
            if matches!(frame.kind, FrameKind::Lua) {
                return Ok(Flow::Go);
            }
            let Some(frame) = self.pop_frame() else { return Ok(Flow::Go) };
            let at = frame.base as usize;
            match frame.kind {
                FrameKind::Native(continuation) if self.nesting >= NESTING_MAX => {
                    let later = Box::new(Later { values: self.values(first, count), continuation });
                    self.push_frame(ctx, frame.function, FrameKind::Native(later), at, frame.results)?;
                    return Ok(Flow::Go);
                }
                FrameKind::Native(continuation) => {
                    self.move_values(first, count, at + 1, count);
                    self.nesting += 1;
                    let answer = continuation.resume(self.continued_call(ctx, shared, frame.function, at, count)?);
                    let result = self.answer(ctx, shared, answer, frame.function, at, frame.results);
                    self.nesting -= 1;
                    return result;
                }
                FrameKind::Protected(_) => {
                    self.grow(at + count + 1)?;
                    self.move_values(first, count, at + 1, count);
                    self.stack[at] = Value::Boolean(true);
                    (first, count, results) = (at, count + 1, frame.results);
                }
                FrameKind::Handler => {
                    let value = if count > 0 { self.stack[first] } else { Value::Nil };
                    return self.unwind_to_protected(ctx, shared, value);
                }
                FrameKind::Resume { coroutine, wrap, previous } => {
                    self.leave_coroutine(ctx, coroutine, previous, Status::Dead);
                    self.grow(at + count + 1)?;
                    if wrap {
                        self.move_values(first, count, at, count);
                    } else {
                        self.move_values(first, count, at + 1, count);
                        self.stack[at] = Value::Boolean(true);
                        count += 1;
                    }
                    (first, results) = (at, frame.results);
                }
                FrameKind::Lua => return Ok(Flow::Go),
            }
        }
    }

    /// Moves `count` values to `to` and fills up to `wanted` with nil.
    #[inline]
    fn move_values(&mut self, first: usize, count: usize, to: usize, wanted: usize) {
        let moved = count.min(wanted);
        if to + wanted + 8 > self.stack.len() {
            self.stack.resize(to + wanted + WINDOW, Value::Nil);
        }
        if first != to {
            self.stack.copy_within(first..first + moved, to);
        }
        self.stack[to + moved..to + wanted].fill(Value::Nil);
    }

    // Requests of the base and coroutine libraries.

    fn control(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        control: Control<'gc>,
        function: UserData<'gc>,
        at: usize,
        results: Return,
    ) -> Result<Flow, Error<'gc>> {
        match control {
            Control::Protected { pushed, handler } => {
                let first = self.top - pushed;
                self.native = None;
                self.push_frame(ctx, function, FrameKind::Protected(handler), at, results)?;
                self.stack.copy_within(first..first + pushed, at + 1);
                self.call(ctx, shared, at + 1, pushed.saturating_sub(1), Return::Pass)
            }
            Control::Resume { coroutine, pushed, wrap } => {
                self.resume(ctx, shared, coroutine, pushed, wrap, function, at, results)
            }
            Control::Yield { pushed } => self.yield_values(ctx, shared, pushed, results),
            Control::Collect(result) => {
                self.wants_collection = true;
                self.native = None;
                let finalizers = Box::new(RunFinalizers { result, is_closing: false });
                self.push_frame(ctx, function, FrameKind::Native(finalizers), at, results)?;
                Ok(Flow::Go)
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn resume(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        coroutine: Coroutine<'gc>,
        pushed: usize,
        wrap: bool,
        function: UserData<'gc>,
        at: usize,
        results: Return,
    ) -> Result<Flow, Error<'gc>> {
        let status = coroutine.status();
        if status != Status::Suspended {
            let is_53 = shared.options.dialect.is_53();
            let text = match status {
                // The reference takes a running coroutine without arguments for one that has ended.
                Status::Running if is_53 && wrap && pushed == 0 => "cannot resume dead coroutine",
                Status::Dead => "cannot resume dead coroutine",
                Status::Running if !is_53 => "cannot resume running coroutine",
                Status::Normal if !is_53 => "cannot resume normal coroutine",
                _ => "cannot resume non-suspended coroutine",
            };
            if wrap {
                self.native = None;
                return Err(self.error_here(ctx, text.as_bytes()));
            }
            self.native = None;
            self.stack[at] = Value::Boolean(false);
            self.stack[at + 1] = Value::String(ctx.intern_static(text.as_bytes()));
            return self.deliver(ctx, shared, at, 2, results);
        }
        let first = self.top - pushed;
        self.native = None;
        let previous = self.coroutine;
        self.push_frame(ctx, function, FrameKind::Resume { coroutine, wrap, previous }, at, results)?;
        if let Some(previous) = previous {
            previous.write(&ctx, |state| state.status = Status::Normal);
        }
        self.coroutine = Some(coroutine);
        // The coroutine's values begin right above the frame that resumed it; the arguments move above them.
        let bottom = at + 1;
        let entered = coroutine.write(&ctx, |state| {
            state.status = Status::Running;
            let start = state.start.take();
            let end = bottom + state.values.len() + usize::from(start.is_some());
            self.grow(end + pushed)?;
            self.stack.copy_within(first..first + pushed, end);
            if let Some(start) = start {
                self.stack[bottom] = start;
                return Ok((end, None));
            }
            self.stack[bottom..end].copy_from_slice(&state.values);
            state.values.clear();
            for mut frame in state.frames.drain(..) {
                frame.shift(bottom as i64);
                self.native_calls += usize::from(frame.counts_as_native());
                self.frames.push(frame);
            }
            Ok((end, Some(state.pending)))
        });
        match entered {
            Some(Ok((end, Some(pending)))) => self.deliver(ctx, shared, end, pushed, pending.shifted(bottom as i64)),
            Some(Ok((_, None))) => self.call(ctx, shared, bottom, pushed, Return::Pass),
            Some(Err(error)) => Err(error),
            None => Ok(Flow::Go),
        }
    }

    /// Leaves the running coroutine; the `pushed` values are what its resume returns.
    fn yield_values(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        pushed: usize,
        pending: Return,
    ) -> Result<Flow, Error<'gc>> {
        let boundary = self.frames.iter().rposition(|frame| matches!(frame.kind, FrameKind::Resume { .. }));
        let is_53 = shared.options.dialect.is_53();
        let Some(boundary) = boundary else {
            let text: &[u8] = if is_53 {
                b"attempt to yield from outside a coroutine"
            } else {
                b"attempt to yield across metamethod/C-call boundary"
            };
            return Err(self.error_here(ctx, text));
        };
        let mut above = self.frames[boundary + 1..].iter();
        if !is_53 && (above.any(Frame::counts_as_native) || pending.crosses_native_code()) {
            return Err(self.error_here(ctx, b"attempt to yield across metamethod/C-call boundary"));
        }
        self.native = None;
        let first = self.top - pushed;
        let bottom = self.frames[boundary].base as usize + 1;
        // A frame that called the yield with open results keeps what stands below them.
        let end = self.live_end().max(bottom).min(first.max(bottom));
        let end = self.frames[boundary + 1..].last().map_or(bottom, Frame::end).max(end);
        let FrameKind::Resume { coroutine, wrap, previous } = self.frames[boundary].kind else { return Ok(Flow::Go) };
        coroutine.write(&ctx, |state| {
            state.values.extend_from_slice(&self.stack[bottom..end]);
            for mut frame in self.frames.drain(boundary + 1..) {
                self.native_calls -= usize::from(frame.counts_as_native());
                frame.shift(-(bottom as i64));
                state.frames.push(frame);
            }
            state.pending = pending.shifted(-(bottom as i64));
        });
        self.leave_coroutine(ctx, coroutine, previous, Status::Suspended);
        let Some(frame) = self.pop_frame() else { return Ok(Flow::Go) };
        let at = frame.base as usize;
        if wrap {
            self.move_values(first, pushed, at, pushed);
            return self.deliver(ctx, shared, at, pushed, frame.results);
        }
        self.move_values(first, pushed, at + 1, pushed);
        self.stack[at] = Value::Boolean(true);
        self.deliver(ctx, shared, at, pushed + 1, frame.results)
    }

    fn leave_coroutine(
        &mut self,
        ctx: Context<'gc>,
        coroutine: Coroutine<'gc>,
        previous: Option<Coroutine<'gc>>,
        status: Status,
    ) {
        coroutine.write(&ctx, |state| state.status = status);
        if let Some(previous) = previous {
            previous.write(&ctx, |state| state.status = Status::Running);
        }
        self.coroutine = previous;
    }

    // Errors.

    /// Carries `error` to the next frame that catches it.
    fn unwind(&mut self, ctx: Context<'gc>, shared: &'gc Shared<'gc>, error: Error<'gc>) -> Result<Flow, Error<'gc>> {
        // Another error took the place of what was to begin again.
        self.memory.is_retry = false;
        let mut error = error;
        match self.find_handler() {
            // 5.1 takes anything for a handler and finds out here.
            Some(Some(handler)) if Function::from_value(handler).is_none() => {
                error = Error::from_value(Value::String(ctx.intern_static(ERROR_IN_HANDLER)));
            }
            Some(Some(handler)) if !self.is_memory_error(error) => {
                return self.call_handler(ctx, shared, handler, error);
            }
            Some(_) => {}
            None => self.note_failure(ctx, shared, error),
        }
        self.native = None;
        while let Some(frame) = self.pop_frame() {
            let at = frame.base as usize;
            match frame.kind {
                FrameKind::Lua => {}
                FrameKind::Handler => {
                    error = Error::from_value(Value::String(ctx.intern_static(ERROR_IN_HANDLER)));
                }
                FrameKind::Native(continuation) => {
                    let call = self.continued_call(ctx, shared, frame.function, at, 0)?;
                    match continuation.failed(call, error) {
                        Ok(outcome) => {
                            return self.answer(ctx, shared, Ok(outcome), frame.function, at, frame.results);
                        }
                        Err(next) => {
                            self.native = None;
                            return self.unwind_rest(ctx, shared, next);
                        }
                    }
                }
                FrameKind::Protected(_) => {
                    self.grow(at + 2)?;
                    self.stack[at] = Value::Boolean(false);
                    self.stack[at + 1] = error.value();
                    return self.deliver(ctx, shared, at, 2, frame.results);
                }
                FrameKind::Resume { coroutine, wrap, previous } => {
                    self.leave_coroutine(ctx, coroutine, previous, Status::Dead);
                    if wrap {
                        // The error goes on in the resumer, whose handlers and traceback count from here.
                        let error = self.wrapped_error(ctx, error);
                        return Err(error);
                    }
                    self.grow(at + 2)?;
                    self.stack[at] = Value::Boolean(false);
                    self.stack[at + 1] = error.value();
                    return self.deliver(ctx, shared, at, 2, frame.results);
                }
            }
        }
        Err(error)
    }

    fn unwind_rest(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        error: Error<'gc>,
    ) -> Result<Flow, Error<'gc>> {
        if self.frames.is_empty() {
            return Err(error);
        }
        self.unwind(ctx, shared, error)
    }

    /// What `coroutine.wrap` makes of an error inside: the position of the caller comes before a text.
    fn wrapped_error(&self, ctx: Context<'gc>, error: Error<'gc>) -> Error<'gc> {
        match error.value() {
            Value::String(text) => self.error_here(ctx, text.as_bytes()),
            _ => error,
        }
    }

    fn is_memory_error(&self, error: Error<'gc>) -> bool {
        matches!(error.value(), Value::String(text) if text.as_bytes() == NOT_ENOUGH_MEMORY.as_bytes())
    }

    /// The nearest frame that catches errors: its handler, or that it has none.
    fn find_handler(&self) -> Option<Option<Value<'gc>>> {
        for frame in self.frames.iter().rev() {
            match &frame.kind {
                FrameKind::Protected(handler) => return Some(*handler),
                FrameKind::Handler => return Some(None),
                FrameKind::Resume { wrap: false, .. } => return Some(None),
                // A wrapped coroutine passes the error on; handlers are asked again at the frame below.
                FrameKind::Resume { .. } => return Some(None),
                FrameKind::Native(_) | FrameKind::Lua => {}
            }
        }
        None
    }

    fn call_handler(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        handler: Value<'gc>,
        error: Error<'gc>,
    ) -> Result<Flow, Error<'gc>> {
        let at = self.live_end().max(self.top) + 1;
        self.grow(at + 3)?;
        let native = self.native.take();
        let Some(function) = native.or_else(|| self.frames.last().map(|frame| frame.function)) else {
            return Err(error);
        };
        let base = at as u32;
        let value = error.value();
        self.native_calls += 1;
        self.frames.push(Frame {
            function,
            kind: FrameKind::Handler,
            base,
            // A native function that failed is a level of its own for the handler.
            pc: u32::from(native.is_some()),
            top: base,
            varargs: 0,
            tail_calls: 0,
            results: Return::Pass,
        });
        self.stack[at + 1] = handler;
        self.stack[at + 2] = value;
        self.call(ctx, shared, at + 1, 1, Return::Pass)
    }

    /// The handler has run: gives `value` to the frame of `xpcall`.
    fn unwind_to_protected(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        value: Value<'gc>,
    ) -> Result<Flow, Error<'gc>> {
        while let Some(frame) = self.pop_frame() {
            if let FrameKind::Protected(_) = frame.kind {
                let at = frame.base as usize;
                self.grow(at + 2)?;
                self.stack[at] = Value::Boolean(false);
                self.stack[at + 1] = value;
                return self.deliver(ctx, shared, at, 2, frame.results);
            }
        }
        Ok(Flow::Go)
    }

    /// Remembers where an error that nothing catches was raised.
    fn note_failure(&mut self, ctx: Context<'gc>, shared: &'gc Shared<'gc>, error: Error<'gc>) {
        if self.failure.is_some() {
            return;
        }
        let kind = if self.is_memory_error(error) {
            RuntimeErrorKind::Memory
        } else if matches!(error.value(), Value::String(text)
            if text.as_bytes().windows(14).any(|window| window == b"stack overflow"))
        {
            RuntimeErrorKind::StackOverflow
        } else {
            RuntimeErrorKind::Runtime
        };
        // The reference's `lua` asks for it from a handler, at level 2.
        let traceback = self.traceback(ctx, shared, 0, 2);
        self.failure = Some(Failure { traceback, position: self.failing_position(), kind });
    }
}

/// How the machine goes on after a call.
pub(crate) enum Flow {
    /// With its top frame.
    Go,
    Exit(Exit),
}

impl<'gc> Frame<'gc> {
    /// Shows what the frame keeps alive; false if it cannot show all of it.
    pub(crate) fn visit(&self, visit: &mut dyn FnMut(Value<'gc>)) -> bool {
        visit(Value::UserData(self.function));
        match &self.kind {
            FrameKind::Native(continuation) => return continuation.visit(visit),
            FrameKind::Protected(Some(handler)) => visit(*handler),
            FrameKind::Resume { coroutine, previous, .. } => {
                visit((*coroutine).into());
                previous.iter().for_each(|previous| visit((*previous).into()));
            }
            FrameKind::Protected(None) | FrameKind::Handler | FrameKind::Lua => {}
        }
        true
    }

    /// Moves the frame with its values.
    fn shift(&mut self, by: i64) {
        self.base = (i64::from(self.base) + by) as u32;
        self.top = (i64::from(self.top) + by) as u32;
        self.results = self.results.shifted(by);
    }

    /// Whether the frame is one more nested native call.
    fn counts_as_native(&self) -> bool {
        !matches!(self.kind, FrameKind::Lua) || self.results.crosses_native_code()
    }

    /// End of the values that the frame uses.
    fn end(&self) -> usize {
        let registers = self.closure().map_or(0, |closure| usize::from(closure.prototype.registers) + 1);
        (self.base as usize + registers).max(self.top as usize)
    }

    /// The Lua function of this frame.
    pub(crate) fn closure(&self) -> Option<&'gc ClosureCell<'gc>> {
        match self.kind {
            FrameKind::Lua => Function(self.function).closure(),
            _ => None,
        }
    }
}

impl Return {
    fn shifted(self, by: i64) -> Return {
        let shift = |position: u32| (i64::from(position) + by) as u32;
        match self {
            Return::Registers { to, wanted } => Return::Registers { to: shift(to), wanted },
            Return::Iterator { to, wanted } => Return::Iterator { to: shift(to), wanted },
            Return::Store { to } => Return::Store { to: shift(to) },
            Return::Concat { first, to, target } => {
                Return::Concat { first: shift(first), to: shift(to), target: shift(target) }
            }
            other => other,
        }
    }
}
