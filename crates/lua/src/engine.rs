//! The engine: one Lua state, and runs of functions in it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gc_arena::{Collect, DynamicRoot, Gc, Rootable, lock::RefLock};
use piccolo::{Context, Value};

use crate::{
    CompileError, Dialect, IntegerBits, RuntimeError, StashedFunction, census, chunk,
    debugger::{self, CallLevel, Resume, Variable, Watch},
    machine::{Exit, Machine, Slice},
    missing::{Hint, Hints},
    reach,
    shared::Shared,
    stdlib,
};

/// Receives what `print` prints, one call of `print` at a time, with the line's end.
pub type Printer = Rc<dyn Fn(&[u8])>;

/// Reads a file for `dofile`, `loadfile` and `require`.
pub type FileReader = Rc<dyn Fn(&str) -> Option<Vec<u8>>>;

/// Tells the time.
pub type Clock = Rc<dyn Fn() -> f64>;

/// What an engine is made with.
#[derive(Clone, Default)]
pub struct Options {
    /// 5.1 or 5.3.
    pub dialect: Dialect,
    /// The width of 5.3's integers.
    pub integer_bits: IntegerBits,
    /// The complete libraries of desktop Lua instead of those of the chip.
    pub full_libraries: bool,
    /// Forget the names of locals and upvalues, as the chip's compiler does.
    pub strip_local_names: bool,
    /// Most bytes in use beyond those of a fresh engine; an allocation past it fails with `not enough memory`.
    pub memory_max: Option<usize>,
    /// Where `print` goes; nowhere by default.
    pub print: Option<Printer>,
    /// How files are read; there are none by default.
    pub read_file: Option<FileReader>,
    /// Seconds since 1970 for `os.time` and `os.clock` of the complete libraries; a core has no clock of its own.
    pub wall_clock: Option<Clock>,
    /// Seed of `math.random` before `math.randomseed` is called.
    pub seed: u64,
}

/// One Lua state.
pub struct Engine {
    lua: piccolo::Lua,
    options: Options,
    /// Bytes in use when the first run began: libraries and firmware modules, which stand in flash on the chip.
    baseline: Option<usize>,
    /// Shared with the state, so that a debugger's wishes need not enter it.
    watch: Rc<RefCell<Watch>>,
    hints: Rc<RefCell<Hints>>,
    is_paused: bool,
}

/// A function under way. Dropping it abandons it.
pub struct Run {
    state: DynamicRoot<Rootable![SharedRunState<'_>]>,
    /// The step that the debugger interrupted, which the next one goes on with.
    interrupted: Cell<Option<Interrupted>>,
}

/// A step that is to go on as if it had not been interrupted.
#[derive(Clone, Copy)]
struct Interrupted {
    /// Instructions left; fewer than none when straight code has overdrawn them.
    left: i64,
    used: i64,
}

/// A run as it stands in the heap.
#[derive(Collect)]
#[collect(no_drop)]
pub(crate) enum RunState<'gc> {
    Running(Box<Machine<'gc>>),
    /// The function has returned these values, or failed and returned none.
    Done(Vec<Value<'gc>>),
}

impl<'gc> RunState<'gc> {
    /// Shows what the run keeps alive; false if a native function under way keeps values of its own.
    pub(crate) fn visit(&self, visit: &mut dyn FnMut(Value<'gc>)) -> bool {
        match self {
            RunState::Running(machine) => machine.visit(visit),
            RunState::Done(values) => {
                values.iter().for_each(|value| visit(*value));
                true
            }
        }
    }
}

type SharedRunState<'gc> = Gc<'gc, RefLock<RunState<'gc>>>;

/// How far [`Engine::step`] came.
#[derive(Debug)]
pub enum Step {
    /// The fuel is spent, or the debugger stopped the run (see [`Engine::is_paused`]); step again to go on.
    OutOfFuel,
    /// The function returned; see [`Engine::results`].
    Finished,
    /// The function failed.
    Failed(RuntimeError),
}

/// Most instructions between two looks of the collector at its debts.
const SLICE: i64 = 10_000;

impl Engine {
    /// Makes an engine with the libraries of its dialect.
    pub fn new(options: Options) -> Engine {
        let mut lua = piccolo::Lua::empty();
        let (watch, hints) = enter(&mut lua, |ctx| {
            let shared = Shared::install(ctx, options.clone());
            stdlib::load(ctx, &options);
            (Rc::clone(&shared.watch), Rc::clone(&shared.hints))
        });
        Engine { lua, options, baseline: None, watch, hints, is_paused: false }
    }

    /// The options this engine was made with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Looks at or changes the state. No Lua code runs inside.
    pub fn enter<R>(&mut self, f: impl for<'gc> FnOnce(Context<'gc>) -> R) -> R {
        enter(&mut self.lua, f)
    }

    /// Compiles a chunk. `chunk_name` is as Lua has it: `@init.lua` for a file, `=stdin` for a plain name, else the source.
    ///
    /// # Errors
    /// If the chunk is not well formed.
    pub fn load(&mut self, chunk_name: &str, source: &[u8]) -> Result<StashedFunction, CompileError> {
        enter(&mut self.lua, |ctx| {
            let shared = Shared::of(ctx);
            let source = chunk::without_shebang(source);
            let function = chunk::load(ctx, shared, chunk_name.as_bytes(), source, shared.globals)?;
            Ok(StashedFunction::new(ctx, function))
        })
    }

    /// Begins a run of `function` with the arguments that `arguments` makes.
    pub fn start(
        &mut self,
        function: &StashedFunction,
        arguments: impl for<'gc> FnOnce(Context<'gc>) -> Vec<Value<'gc>>,
    ) -> Run {
        if self.baseline.is_none() {
            self.lua.gc_collect();
            self.baseline = Some(self.lua.total_memory());
        }
        let limit = self.options.memory_max.map(|max| max + self.baseline.unwrap_or(0));
        enter(&mut self.lua, |ctx| {
            Shared::of(ctx).memory_max.set(limit);
            let machine = Machine::new(function.fetch(ctx).into(), arguments(ctx));
            let state: SharedRunState<'_> = Gc::new(&ctx, RefLock::new(RunState::Running(Box::new(machine))));
            Shared::of(ctx).roots.borrow_mut(&ctx).add_run(ctx, state);
            Run { state: ctx.registry().roots().stash(&ctx, state), interrupted: Cell::new(None) }
        })
    }

    /// Carries `run` on until it is done, `fuel` instructions are spent or the debugger stops it; `fuel` is reduced by what
    /// was used. After a stop the next step goes on with the one that was interrupted, with what it had left.
    pub fn step(&mut self, run: &Run, fuel: &mut u32) -> Step {
        self.is_paused = false;
        let is_watched = self.watch.borrow().is_needed();
        let Interrupted { mut left, mut used } =
            run.interrupted.take().unwrap_or(Interrupted { left: i64::from(*fuel).min(SLICE), used: 0 });
        loop {
            let slice = Slice { fuel: left, used, is_watched };
            let (after, exit) = enter(&mut self.lua, |ctx| {
                let end = run_slice(ctx, run, slice);
                if reach::wants_walk(Shared::of(ctx)) {
                    reach::walk(ctx);
                }
                end
            });
            let spent = left - after;
            used += spent;
            *fuel = u32::try_from(i64::from(*fuel) - spent).unwrap_or(0);
            match exit {
                SliceEnd::Done(step) => {
                    self.watch.borrow_mut().forget_run();
                    return step;
                }
                SliceEnd::Paused => {
                    self.is_paused = true;
                    run.interrupted.set(Some(Interrupted { left: after, used }));
                    return Step::OutOfFuel;
                }
                SliceEnd::Collect => self.collect(),
                SliceEnd::OutOfFuel => {}
            }
            if *fuel == 0 {
                return Step::OutOfFuel;
            }
            left = i64::from(*fuel).min(SLICE);
        }
    }

    /// The results of a finished run; none before that, nor a second time.
    pub fn results<R>(&mut self, run: &Run, f: impl for<'gc> FnOnce(Context<'gc>, Vec<Value<'gc>>) -> R) -> R {
        enter(&mut self.lua, |ctx| {
            let values = match &mut *state_of(ctx, run).borrow_mut(&ctx) {
                RunState::Done(values) => std::mem::take(values),
                RunState::Running(_) => Vec::new(),
            };
            f(ctx, values)
        })
    }

    /// Functions of desktop Lua that programs have called in vain since this was asked last; each is named once.
    pub fn take_hints(&mut self) -> Vec<Hint> {
        self.hints.borrow_mut().take()
    }

    // The debugger.

    /// Makes runs stop before these lines: files as messages name them (`init.lua`), lines from 1.
    pub fn set_breakpoints(&mut self, breakpoints: impl IntoIterator<Item = (String, u32)>) {
        self.watch.borrow_mut().set_breakpoints(breakpoints);
    }

    /// Makes the run under way, or else the next one, stop before its next instruction.
    pub fn pause(&mut self) {
        self.watch.borrow_mut().pause();
    }

    /// Says how far the next [`Engine::step`] carries a run that the debugger has stopped.
    pub fn resume(&mut self, how: Resume) {
        self.watch.borrow_mut().resume(how);
    }

    /// Whether the debugger ended the last step.
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// The calls under way in `run`, which the debugger has stopped, the innermost first.
    pub fn call_levels(&mut self, run: &Run) -> Vec<CallLevel> {
        enter(&mut self.lua, |ctx| match &*state_of(ctx, run).borrow() {
            RunState::Running(machine) => machine.call_levels(ctx, Shared::of(ctx)),
            RunState::Done(_) => Vec::new(),
        })
    }

    /// The global variables that programs have set, for a debugger: no functions and libraries that the engine began with.
    pub fn globals(&mut self) -> Vec<Variable> {
        self.lua.enter(|ctx| debugger::globals(ctx, Shared::of(ctx)))
    }

    /// Changes [`Options::memory_max`] for the runs that begin from now on.
    pub fn set_memory_max(&mut self, bytes: usize) {
        self.options.memory_max = Some(bytes);
    }

    /// What all reachable values together would take on the chip, in bytes; the same in every build. Goes through all of
    /// them. To be asked while no function runs; a native function asks [`Call::chip_bytes`](crate::native::Call::chip_bytes).
    pub fn chip_bytes(&mut self) -> usize {
        enter(&mut self.lua, |ctx| census::weigh(ctx, Shared::of(ctx), None))
    }

    /// Bytes in use beyond those of a fresh engine. Cheap; differs between builds.
    pub fn memory_in_use(&self) -> usize {
        self.lua.total_memory().saturating_sub(self.baseline.unwrap_or(0))
    }

    /// Collects all garbage now. Finalizers that are due are called when a run goes on.
    pub fn collect(&mut self) {
        enter(&mut self.lua, |ctx| {
            if reach::is_needed(Shared::of(ctx)) {
                reach::walk(ctx);
            }
        });
        self.lua.gc_collect();
    }

    /// Begins the last run of the state: the finalizers of all objects that still wait for them, as `lua_close` calls them.
    pub fn close(&mut self) -> Run {
        let closer = enter(&mut self.lua, |ctx| {
            reach::close(ctx);
            StashedFunction(crate::stash(ctx, reach::closer(ctx)))
        });
        self.start(&closer, |_| Vec::new())
    }
}

/// Runs `f` in the heap of `lua`. piccolo's own function would be compiled, with the collector in it, for each `f` anew.
fn enter<R>(lua: &mut piccolo::Lua, f: impl for<'gc> FnOnce(Context<'gc>) -> R) -> R {
    fn enter_once(lua: &mut piccolo::Lua, f: &mut dyn for<'gc> FnMut(Context<'gc>)) {
        lua.enter(f);
    }
    let (mut f, mut result) = (Some(f), None);
    enter_once(lua, &mut |ctx| result = f.take().map(|f| f(ctx)));
    result.expect("entering a heap runs the function once")
}

/// Why a slice of a run ended.
enum SliceEnd {
    Done(Step),
    Paused,
    Collect,
    OutOfFuel,
}

fn state_of<'gc>(ctx: Context<'gc>, run: &Run) -> SharedRunState<'gc> {
    *ctx.registry().roots().fetch(&run.state)
}

/// Carries `run` on by one slice; with the fuel that is left of it.
fn run_slice(ctx: Context<'_>, run: &Run, slice: Slice) -> (i64, SliceEnd) {
    let shared = Shared::of(ctx);
    let state = &mut *state_of(ctx, run).borrow_mut(&ctx);
    let RunState::Running(machine) = state else { return (slice.fuel, SliceEnd::Done(Step::Finished)) };
    let result = machine.run(ctx, shared, slice);
    let left = machine.fuel;
    let end = match result {
        Ok(Exit::Finished { first, count }) => {
            *state = RunState::Done(machine.values(first, count));
            SliceEnd::Done(Step::Finished)
        }
        Ok(Exit::Collect) => SliceEnd::Collect,
        Ok(Exit::Paused) => SliceEnd::Paused,
        Ok(Exit::OutOfFuel) => SliceEnd::OutOfFuel,
        Err(error) => {
            let failure = machine.take_failure();
            *state = RunState::Done(Vec::new());
            SliceEnd::Done(Step::Failed(RuntimeError {
                message: error_text(ctx, shared, error.value()),
                position: failure.position,
                traceback: String::from_utf8_lossy(&failure.traceback).into_owned(),
                kind: failure.kind,
            }))
        }
    };
    (left, end)
}

/// The text that a host prints for an error value.
fn error_text<'gc>(ctx: Context<'gc>, shared: &Shared<'gc>, value: Value<'gc>) -> String {
    match value {
        Value::String(_) | Value::Integer(_) | Value::Number(_) => {
            String::from_utf8_lossy(&shared.display(ctx, value)).into_owned()
        }
        _ => format!("(error object is a {} value)", crate::type_name(value)),
    }
}

/// All syntax errors of a source, in order.
pub fn check(source: &[u8], dialect: Dialect) -> Vec<CompileError> {
    check_named("=?", source, dialect)
}

/// [`check`] for a chunk with a name.
pub fn check_named(chunk_name: &str, source: &[u8], dialect: Dialect) -> Vec<CompileError> {
    let source = chunk::without_shebang(source);
    chunk::check(chunk_name.as_bytes(), source, dialect, IntegerBits::Bits64)
}
