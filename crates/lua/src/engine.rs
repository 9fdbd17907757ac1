//! The engine: one Lua state, and runs of functions in it.

use std::rc::Rc;

use piccolo::{Context, Value};

use crate::{CompileError, Dialect, Function, IntegerBits, RuntimeError, StashedFunction, shared::Shared, stdlib};

/// Receives what `print` prints, one call of `print` at a time, with the line's end.
pub type Printer = Rc<dyn Fn(&[u8])>;

/// Reads a file for `dofile`, `loadfile` and `require`.
pub type FileReader = Rc<dyn Fn(&str) -> Option<Vec<u8>>>;

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
    /// Seed of `math.random` before `math.randomseed` is called.
    pub seed: u64,
}

/// One Lua state.
pub struct Engine {
    lua: piccolo::Lua,
    options: Options,
}

/// A function under way. Dropping it abandons it.
pub struct Run {
    executor: piccolo::StashedExecutor,
}

/// How far [`Engine::step`] came.
#[derive(Debug)]
pub enum Step {
    /// The fuel is spent; step again to go on.
    OutOfFuel,
    /// The function returned; see [`Engine::results`].
    Finished,
    /// The function failed.
    Failed(RuntimeError),
}

impl Engine {
    /// Makes an engine with the libraries of its dialect.
    pub fn new(options: Options) -> Engine {
        let mut lua = piccolo::Lua::empty();
        lua.enter(|ctx| {
            Shared::install(ctx, options.clone());
            stdlib::load(ctx, &options);
        });
        Engine { lua, options }
    }

    /// The options this engine was made with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Looks at or changes the state. No Lua code runs inside.
    pub fn enter<R>(&mut self, f: impl for<'gc> FnOnce(Context<'gc>) -> R) -> R {
        self.lua.enter(f)
    }

    /// Compiles a chunk. `chunk_name` is as Lua has it: `@init.lua` for a file, `=stdin` for a plain name, else the source.
    ///
    /// # Errors
    /// If the chunk is not well formed.
    pub fn load(&mut self, chunk_name: &str, source: &[u8]) -> Result<StashedFunction, CompileError> {
        let _ = (chunk_name, source);
        todo!()
    }

    /// Begins a run of `function` with the arguments that `arguments` makes.
    pub fn start(
        &mut self,
        function: &StashedFunction,
        arguments: impl for<'gc> FnOnce(Context<'gc>) -> Vec<Value<'gc>>,
    ) -> Run {
        self.lua.enter(|ctx| {
            let _function: Function<'_> = function.fetch(ctx);
            let _arguments = arguments(ctx);
            Run { executor: ctx.stash(piccolo::Executor::new(ctx)) }
        })
    }

    /// Carries `run` on until it is done or `fuel` instructions are spent; `fuel` is reduced by what was used.
    pub fn step(&mut self, run: &Run, fuel: &mut u32) -> Step {
        let _ = (&run.executor, fuel);
        todo!()
    }

    /// The results of a finished run; none before that.
    pub fn results<R>(&mut self, run: &Run, f: impl for<'gc> FnOnce(Context<'gc>, Vec<Value<'gc>>) -> R) -> R {
        let _ = run;
        self.lua.enter(|ctx| f(ctx, Vec::new()))
    }

    /// Bytes in use. Cheap.
    pub fn memory_in_use(&self) -> usize {
        self.lua.total_memory()
    }

    /// Collects all garbage now.
    pub fn collect(&mut self) {
        self.lua.gc_collect();
    }
}

/// All syntax errors of a source, in order.
pub fn check(source: &[u8], dialect: Dialect) -> Vec<CompileError> {
    let _ = (source, dialect);
    Vec::new()
}
