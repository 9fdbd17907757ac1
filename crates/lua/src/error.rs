//! Errors: what the compiler reports, what a run reports, and where.

use std::fmt;

use gc_arena::Collect;
use piccolo::Value;

/// A failure inside a program: any Lua value, usually a string that begins with the position.
#[derive(Debug, Clone, Copy, Collect)]
#[collect(no_drop)]
pub struct Error<'gc>(Value<'gc>);

impl<'gc> Error<'gc> {
    /// The failure that `error` raises with this value.
    pub fn from_value(value: Value<'gc>) -> Self {
        Error(value)
    }

    /// The value that `pcall` returns.
    pub fn value(self) -> Value<'gc> {
        self.0
    }
}

/// A place in a source file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Position {
    /// The chunk's name as messages show it: `init.lua`, `stdin`, `[string "..."]`.
    pub file: String,
    /// One-based.
    pub line: u32,
    /// One-based, in bytes; 0 when not known.
    pub column: u32,
    /// Length of the marked text in bytes; 0 when not known.
    pub length: u32,
}

/// What kind of mistake the compiler met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompileErrorKind {
    /// The text cannot be split into tokens.
    Lexical,
    /// The tokens do not form a chunk.
    Syntax,
    /// The chunk is well formed but exceeds a limit or breaks a rule of scopes.
    Limit,
    /// Compiled code that is damaged or of another version.
    Bytecode,
}

/// A chunk that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// What kind of mistake it is.
    pub kind: CompileErrorKind,
    /// The whole message: `init.lua:3: '=' expected near 'x'`.
    pub message: String,
    /// The chunk's name as messages show it.
    pub file: String,
    /// One-based line.
    pub line: u32,
    /// One-based column in bytes.
    pub column: u32,
    /// Length of the offending token in bytes.
    pub length: u32,
    /// The chunk ends too early: a console asks for more with `>> `.
    pub incomplete: bool,
}

impl fmt::Display for CompileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for CompileError {}

/// Why a run failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuntimeErrorKind {
    /// An error of the program or of a function it called.
    Runtime,
    /// The memory limit was reached.
    Memory,
    /// Calls were nested too deeply.
    StackOverflow,
    /// The error handler of `xpcall` failed too.
    ErrorHandler,
}

/// An error that no `pcall` caught.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeError {
    /// The error value as text: `init.lua:7: not connected`.
    pub message: String,
    /// The place in the source that failed, when known.
    pub position: Option<Position>,
    /// `stack traceback:` and its lines, as the dialect's `debug.traceback` gives them.
    pub traceback: String,
    /// Why the run failed.
    pub kind: RuntimeErrorKind,
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for RuntimeError {}
