//! The debugger's side of the engine: where runs stop, and what a person sees there.
//!
//! An engine without breakpoints, steps or a wish to pause runs code that does not know of any of this; with one it runs a
//! copy of the code in which every operation is [`crate::opcode::Op::Watched`]: ask a [`Watch`], then do what stands there in
//! the original. Neither costs other fuel than the other, so a run that was stopped and goes on is the run that it would have
//! been.
//!
//! A line is *entered* by its first instruction, by a jump backwards onto it, or when the line before was another one, as for
//! the line hook of reference Lua (`luaG_traceexec`).
//!
//! Left out: changing variables, and conditions of breakpoints.

use gc_arena::Gc;
use piccolo::{Context, Value};

use crate::{
    Function, Kind, Position, Table,
    closure::{self, ClosureCell},
    compiler::UpvalueSource,
    coroutine::Status,
    kind,
    machine::{Level, Machine},
    number,
    prototype::Prototype,
    shared::Shared,
};

/// How a run that stopped goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// To the next breakpoint.
    Continue,
    /// To the next line that is entered, in whatever function; when the run ends before, in the next run.
    Into,
    /// To the next line of the same function, or back in its caller.
    Over,
    /// Back in the caller.
    Out,
}

/// A call under way, as a debugger shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct CallLevel {
    /// The function as its caller names it, `main chunk`, or where it is defined.
    pub function: String,
    /// The line that it is at; none in native functions.
    pub position: Option<Position>,
    /// Its local variables, the innermost declared last.
    pub locals: Vec<Variable>,
    /// Variables of enclosing functions that it uses.
    pub upvalues: Vec<Variable>,
}

/// A variable or a field of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Its name; a key that is no name as it would be written in brackets: `[1]`.
    pub name: String,
    /// The name of its type.
    pub type_name: &'static str,
    /// Its value in short: `"text"`, `12`, `table (3)`, `function init.lua:7`.
    pub text: String,
    /// The first fields of a table, two levels deep.
    pub fields: Vec<Variable>,
}

/// Most bytes of a string that are shown.
const TEXT_MAX: usize = 120;
/// Most fields of a table that are shown.
const FIELDS_MAX: usize = 40;
/// Most global variables that are shown.
const GLOBALS_MAX: usize = 100;
/// Globals that an engine begins with, beside native functions.
const OWN_GLOBALS: [&[u8]; 11] =
    [b"_G", b"_VERSION", b"coroutine", b"debug", b"io", b"math", b"os", b"package", b"string", b"table", b"utf8"];
/// How deep tables are opened.
const DEPTH_MAX: usize = 2;

/// When watched runs stop next.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Lines to stop at, with the file's name as messages show it.
    breakpoints: Vec<(String, u32)>,
    goal: Goal,
    /// The instruction that was looked at last.
    last: Option<Place>,
    /// The run stopped before that instruction, which is to run now.
    is_resuming: bool,
}

/// What a watched run waits for beside breakpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Goal {
    #[default]
    None,
    /// The next instruction.
    Pause,
    /// The next line entered.
    Line,
    /// The next line entered in this many calls or fewer.
    LineOf(usize),
    /// Fewer calls than this.
    Caller(usize),
}

/// An instruction: how many calls deep, where in its function, and its line.
#[derive(Debug, Clone, Copy)]
struct Place {
    depth: usize,
    pc: usize,
    line: u32,
}

impl Watch {
    pub(crate) fn set_breakpoints(&mut self, breakpoints: impl IntoIterator<Item = (String, u32)>) {
        self.breakpoints = breakpoints.into_iter().collect();
    }

    pub(crate) fn pause(&mut self) {
        self.goal = Goal::Pause;
    }

    pub(crate) fn resume(&mut self, how: Resume) {
        let depth = self.last.map_or(0, |place| place.depth);
        self.goal = match how {
            Resume::Continue => Goal::None,
            Resume::Into => Goal::Line,
            Resume::Over => Goal::LineOf(depth),
            Resume::Out => Goal::Caller(depth),
        };
    }

    /// Whether anything can make a run stop.
    pub(crate) fn is_needed(&self) -> bool {
        self.goal != Goal::None || !self.breakpoints.is_empty()
    }

    /// A run has begun or ended: what was counted in its calls means nothing in another one.
    pub(crate) fn forget_run(&mut self) {
        self.last = None;
        self.is_resuming = false;
        if matches!(self.goal, Goal::LineOf(_) | Goal::Caller(_)) {
            self.goal = Goal::None;
        }
    }

    /// Whether the run is to stop before the instruction at `pc`, with `depth` calls under way.
    pub(crate) fn stops_at(&mut self, prototype: &Prototype<'_>, pc: usize, depth: usize) -> bool {
        let here = Place { depth, pc, line: prototype.place(pc).line };
        let last = self.last.replace(here);
        if std::mem::take(&mut self.is_resuming) {
            return false;
        }
        let stops = match self.goal {
            Goal::Pause => true,
            Goal::LineOf(calls) | Goal::Caller(calls) if depth < calls => true,
            goal => {
                here.is_entered(last, prototype) && (goal.is_reached(depth) || self.has_breakpoint(prototype, here))
            }
        };
        if stops {
            self.goal = Goal::None;
            self.is_resuming = true;
        }
        stops
    }

    fn has_breakpoint(&self, prototype: &Prototype<'_>, here: Place) -> bool {
        self.breakpoints.iter().any(|(file, line)| *line == here.line && *file == prototype.chunk.display_name)
    }
}

impl Goal {
    /// Whether a line that is entered `depth` calls deep is the one waited for.
    fn is_reached(self, depth: usize) -> bool {
        match self {
            Goal::Line => true,
            Goal::LineOf(calls) => depth <= calls,
            Goal::None | Goal::Pause | Goal::Caller(_) => false,
        }
    }
}

impl Place {
    /// Whether this instruction, which comes after `last`, begins its line.
    fn is_entered(self, last: Option<Place>, prototype: &Prototype<'_>) -> bool {
        if self.pc == 0 {
            return true;
        }
        match last {
            Some(last) if last.depth == self.depth => self.line != last.line || self.pc <= last.pc,
            // After a call: its line has been entered before it.
            _ => self.line != prototype.place(self.pc - 1).line,
        }
    }
}

impl<'gc> Machine<'gc> {
    /// The calls under way, the innermost first, across coroutines.
    pub(crate) fn call_levels(&self, ctx: Context<'gc>, shared: &Shared<'gc>) -> Vec<CallLevel> {
        let show = Show { ctx, shared };
        (0..self.frames.len()).rev().filter_map(|index| self.call_level(&show, index)).collect()
    }

    fn call_level(&self, show: &Show<'_, 'gc>, index: usize) -> Option<CallLevel> {
        let frame = self.frames.get(index)?;
        let name = self.function_name(Level::Frame(index), show.shared.options.dialect);
        let Some(closure) = frame.closure() else {
            let function = name?.1.into_owned();
            return Some(CallLevel { function, position: None, locals: Vec::new(), upvalues: Vec::new() });
        };
        let prototype = Gc::as_ref(closure.prototype);
        // The innermost function is about to run its instruction, the others wait in theirs.
        let is_innermost = index + 1 == self.frames.len();
        let pc = if is_innermost { frame.pc as usize } else { (frame.pc as usize).saturating_sub(1) };
        let locals = self.locals_at(index, pc).into_iter();
        Some(CallLevel {
            function: match name {
                Some((_, name)) => name.into_owned(),
                None if prototype.line_defined == 0 => "main chunk".into(),
                None => format!("function at line {}", prototype.line_defined),
            },
            position: prototype.position_at(pc),
            locals: locals
                .filter(|(name, _)| !name.starts_with(b"("))
                .map(|(name, value)| show.variable(lossy(&name), value, DEPTH_MAX))
                .collect(),
            upvalues: show.upvalues(closure, frame.function.into()),
        })
    }
}

/// The global variables that programs have set, in the order in which they were.
pub(crate) fn globals<'gc>(ctx: Context<'gc>, shared: &Shared<'gc>) -> Vec<Variable> {
    let show = Show { ctx, shared };
    let is_native = |value| matches!(kind(value), Kind::Function(function) if function.closure().is_none());
    let is_own = |key| matches!(key, Value::String(name) if !OWN_GLOBALS.contains(&name.as_bytes()));
    let set = shared.globals.pairs(&ctx).into_iter().filter(|(key, value)| is_own(*key) && !is_native(*value));
    set.take(GLOBALS_MAX).map(|(key, value)| show.variable(show.key(key), value, DEPTH_MAX)).collect()
}

/// Makes values readable. Addresses are not among what is shown: they are given out in the order of asking, so that looking
/// would change what a program prints later.
struct Show<'a, 'gc> {
    ctx: Context<'gc>,
    shared: &'a Shared<'gc>,
}

impl<'gc> Show<'_, 'gc> {
    fn upvalues(&self, closure: &ClosureCell<'gc>, own: Value<'gc>) -> Vec<Variable> {
        let named = closure.prototype.upvalues.iter().zip(&closure.upvalues);
        let named = named.filter(|(upvalue, _)| !upvalue.name.is_empty() && &*upvalue.name != b"_ENV");
        named
            .map(|(upvalue, &value)| {
                let value = match upvalue.source {
                    UpvalueSource::Own => own,
                    _ => closure::open_box(value),
                };
                self.variable(lossy(&upvalue.name), value, DEPTH_MAX)
            })
            .collect()
    }

    fn variable(&self, name: String, value: Value<'gc>, depth: usize) -> Variable {
        let fields = match kind(value) {
            Kind::Table(table) if depth > 0 => self.fields(table, depth - 1),
            _ => Vec::new(),
        };
        Variable { name, type_name: crate::type_name(value), text: self.text(value), fields }
    }

    fn fields(&self, table: Table<'gc>, depth: usize) -> Vec<Variable> {
        let pairs = table.pairs(&self.ctx).into_iter().take(FIELDS_MAX);
        pairs.map(|(key, value)| self.variable(self.key(key), value, depth)).collect()
    }

    fn key(&self, key: Value<'gc>) -> String {
        match key {
            Value::String(name) if is_name(name.as_bytes()) => lossy(name.as_bytes()),
            key => format!("[{}]", self.text(key)),
        }
    }

    fn text(&self, value: Value<'gc>) -> String {
        match kind(value) {
            Kind::Nil => "nil".into(),
            Kind::Boolean(boolean) => boolean.to_string(),
            Kind::Integer(_) | Kind::Number(_) => lossy(&number::to_string(value, &self.shared.options)),
            Kind::String(string) => quoted(string.as_bytes()),
            Kind::Table(table) => format!("table ({})", table.pairs(&self.ctx).len()),
            Kind::Function(function) => function_text(function),
            Kind::Thread(thread) => match thread.status() {
                Status::Suspended => "thread (suspended)".into(),
                Status::Running => "thread (running)".into(),
                Status::Normal => "thread (normal)".into(),
                Status::Dead => "thread (dead)".into(),
            },
            Kind::Object(object) => match object.metatable().map(|metatable| metatable.get(self.ctx, "__name")) {
                Some(Value::String(name)) => lossy(name.as_bytes()),
                _ => "userdata".into(),
            },
        }
    }
}

fn function_text(function: Function<'_>) -> String {
    match (function.closure(), function.native()) {
        (Some(closure), _) => {
            let position = closure.prototype.position();
            format!("function {}:{}", position.file, position.line)
        }
        (_, Some(native)) => format!("native function {}", native.code.name),
        _ => "function".into(),
    }
}

fn quoted(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(TEXT_MAX)];
    let mut text = String::from("\"");
    for &byte in shown {
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\{byte:03}")),
        }
    }
    text.push('"');
    if shown.len() < bytes.len() {
        text.push_str(&format!("... ({} bytes)", bytes.len()));
    }
    text
}

fn is_name(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
