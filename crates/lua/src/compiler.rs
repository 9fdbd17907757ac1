//! Syntax tree to bytecode.
//!
//! The method is that of `lcode.c`: an expression is a small descriptor that is turned into instructions as late as possible,
//! with two lists of jumps for conditions. Registers are given out as a stack, locals first. What differs: upvalues never
//! point into the stack (see [`crate::ast::LocalInfo::is_boxed`]), and every instruction knows line, column and length of the
//! source it stands for.

mod expression;
mod function;

use std::rc::Rc;

use crate::{
    CompileErrorKind, Dialect,
    ast::FunctionBody,
    lexer::{SourceError, Span, Symbol, Symbols},
    opcode::Instruction,
};

pub(crate) use function::compile_function;

type Result<T> = std::result::Result<T, Box<SourceError>>;

/// Most registers of a function: `MAXSTACK`.
pub(crate) const REGISTERS_MAX: usize = 249;

/// Where an instruction stands in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    /// The line that messages give.
    pub(crate) line: u32,
    pub(crate) column: u16,
    pub(crate) length: u16,
}

impl Place {
    /// The text at `span`, reported on `line`.
    fn new(span: Span, line: u32) -> Place {
        if span.line != line {
            return Place { line, column: 0, length: 0 };
        }
        let narrow = |wide: u32| u16::try_from(wide).unwrap_or(0);
        Place { line, column: narrow(span.column), length: narrow(span.length) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Constant {
    Nil,
    Boolean(bool),
    Integer(i64),
    Number(f64),
    String(Symbol),
}

/// A local variable's register and the instructions during which it has it.
#[derive(Debug, Clone)]
pub(crate) struct LocalRange {
    pub(crate) name: Rc<[u8]>,
    pub(crate) register: u8,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// Where a new closure finds an upvalue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpvalueSource {
    /// A register of the function that creates it: the value, or the box in it.
    Register(u8),
    /// An upvalue of the function that creates it.
    Upvalue(u8),
    /// The function that creates it.
    Creator,
    /// The new closure itself; it finds itself without a slot.
    Own,
}

#[derive(Debug, Clone)]
pub(crate) struct CompiledUpvalue {
    pub(crate) name: Rc<[u8]>,
    pub(crate) source: UpvalueSource,
    pub(crate) is_boxed: bool,
}

/// A compiled function before it enters the heap.
#[derive(Debug)]
pub(crate) struct CompiledFunction {
    pub(crate) code: Vec<Instruction>,
    pub(crate) places: Vec<Place>,
    pub(crate) constants: Vec<Constant>,
    pub(crate) children: Vec<CompiledFunction>,
    pub(crate) locals: Vec<LocalRange>,
    pub(crate) upvalues: Vec<CompiledUpvalue>,
    pub(crate) environment_at: Option<u8>,
    pub(crate) parameters: u8,
    pub(crate) is_vararg: bool,
    pub(crate) needs_arg: bool,
    pub(crate) registers: u8,
    pub(crate) line_defined: u32,
    pub(crate) last_line: u32,
}

/// What all functions of a chunk are compiled with.
pub(crate) struct Chunk<'s> {
    pub(crate) symbols: &'s Symbols,
    pub(crate) dialect: Dialect,
    pub(crate) strip_local_names: bool,
}

/// What the enclosing function says about the upvalues of an inner one: where they are and whether they are boxed.
pub(crate) struct Outer<'o> {
    pub(crate) upvalues: &'o [CompiledUpvalue],
}

/// Compiles the main function of a chunk.
pub(crate) fn compile(main: &FunctionBody, chunk: &Chunk<'_>) -> Result<CompiledFunction> {
    compile_function(main, chunk, Outer { upvalues: &[] })
}

fn limit_error(dialect: Dialect, line_defined: u32, what: &str, limit: usize, span: Span) -> Box<SourceError> {
    let place = if line_defined == 0 { "main function".to_owned() } else { format!("function at line {line_defined}") };
    let text = if dialect.is_53() {
        format!("too many {what} (limit is {limit}) in {place}")
    } else {
        format!("{place} has more than {limit} {what}")
    };
    plain_error(text, span)
}

fn plain_error(text: impl Into<Vec<u8>>, span: Span) -> Box<SourceError> {
    Box::new(SourceError {
        kind: CompileErrorKind::Limit,
        text: text.into(),
        span,
        noticed_on: None,
        incomplete: false,
    })
}
