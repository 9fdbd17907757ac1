//! NodeMCU's Lua, in both versions the firmware is built with.
//!
//! An [`Engine`] owns one Lua state. [`Engine::load`] compiles a chunk, [`Engine::start`] makes a [`Run`] of a function,
//! [`Engine::step`] carries it on for so many instructions. Native functions are written with [`native`], read-only modules
//! with [`rom`].
//!
//! piccolo is the runtime beneath: its collector, values, strings, userdata and registry. The language is this crate's: lexer,
//! parser, compiler to register bytecode, interpreter, tables, functions, coroutines, libraries, errors. It does no I/O, reads
//! no clock, and two engines given the same calls behave alike.
//!
//! In reading order: `dialect`, `value`, `table`, `number`, `error`; `lexer`, `ast`, `parser`, `compiler`, `opcode`,
//! `prototype`; `machine`, `closure`, `coroutine`, `shared`, `reach`, `debugger`, `missing`; [`native`], [`rom`], `stdlib`.

#![warn(clippy::unwrap_used)]

mod ast;
mod census;
mod chunk;
mod closure;
mod compiler;
mod coroutine;
mod debugger;
mod dialect;
mod engine;
mod error;
mod lexer;
mod machine;
mod missing;
pub mod native;
pub mod number;
mod opcode;
mod parser;
mod prototype;
mod reach;
pub mod rom;
mod shared;
mod stdlib;
mod table;
mod value;

pub use piccolo;

pub use crate::{
    debugger::{CallLevel, Resume, Variable},
    dialect::{Dialect, IntegerBits},
    engine::{Clock, Engine, FileReader, Options, Printer, Run, Step, check, check_named},
    error::{CompileError, CompileErrorKind, Error, Position, RuntimeError, RuntimeErrorKind},
    missing::Hint,
    table::{InvalidKey, Table, UnknownKey},
    value::{
        Coroutine, Function, Kind, Object, PlainValue, Stashed, StashedFunction, fetch, kind, raw_equal, stash,
        type_name,
    },
};
