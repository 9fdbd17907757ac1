//! Compiled functions in the heap.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use gc_arena::{Collect, Gc, Mutation, metrics::Metrics};
use piccolo::{Context, String, Value};

use crate::{
    Dialect, Position,
    compiler::{CompiledFunction, CompiledUpvalue, Constant, LocalRange, Place},
    lexer::Symbols,
    opcode::{Instruction, Op},
};

/// What all functions of a chunk share.
#[derive(Debug)]
pub(crate) struct ChunkInfo {
    /// The name as messages show it.
    pub(crate) display_name: std::string::String,
    /// The name as it was given: `@init.lua`.
    pub(crate) name: Vec<u8>,
    /// The source, from which `string.dump` makes its text.
    pub(crate) source: Rc<[u8]>,
    /// Lines and names are not to be told, as for the chip's compiled files.
    pub(crate) is_stripped: bool,
}

/// A compiled function.
#[derive(Collect)]
#[collect(no_drop)]
pub(crate) struct Prototype<'gc> {
    pub(crate) constants: Box<[Value<'gc>]>,
    pub(crate) children: Box<[Gc<'gc, Prototype<'gc>>]>,
    #[collect(require_static)]
    pub(crate) code: Box<[Instruction]>,
    /// The code as a watched run has it; none before the first one.
    #[collect(require_static)]
    watched_code: OnceCell<Box<[Instruction]>>,
    #[collect(require_static)]
    pub(crate) places: Box<[Place]>,
    /// For each instruction, where it found its field last time.
    #[collect(require_static)]
    pub(crate) caches: Box<[Cell<u32>]>,
    #[collect(require_static)]
    pub(crate) locals: Box<[LocalRange]>,
    #[collect(require_static)]
    pub(crate) upvalues: Box<[CompiledUpvalue]>,
    #[collect(require_static)]
    pub(crate) chunk: Rc<ChunkInfo>,
    /// Position in the chunk's functions, outer before inner.
    pub(crate) index: u32,
    #[collect(require_static)]
    pub(crate) dialect: Dialect,
    pub(crate) environment_at: Option<u8>,
    pub(crate) parameters: u8,
    pub(crate) is_vararg: bool,
    pub(crate) needs_arg: bool,
    pub(crate) registers: u8,
    pub(crate) line_defined: u32,
    pub(crate) last_line: u32,
    #[collect(require_static)]
    _bytes: ExternalBytes,
}

/// Memory outside the collector's own cells, counted as long as this lives.
struct ExternalBytes {
    metrics: Metrics,
    bytes: usize,
}

impl Drop for ExternalBytes {
    fn drop(&mut self) {
        self.metrics.mark_external_deallocation(self.bytes);
    }
}

impl ExternalBytes {
    fn new(mc: &Mutation<'_>, bytes: usize) -> Self {
        let metrics = mc.metrics().clone();
        metrics.mark_external_allocation(bytes);
        ExternalBytes { metrics, bytes }
    }
}

/// Brings a compiled chunk into the heap.
pub(crate) fn instantiate<'gc>(
    ctx: Context<'gc>,
    main: CompiledFunction,
    symbols: &Symbols,
    chunk: &Rc<ChunkInfo>,
    dialect: Dialect,
) -> Gc<'gc, Prototype<'gc>> {
    let strings: Vec<String<'gc>> = symbols.iter().map(|text| ctx.intern(text)).collect();
    let mut next = 0;
    prototype(ctx, main, &strings, chunk, dialect, &mut next)
}

fn prototype<'gc>(
    ctx: Context<'gc>,
    function: CompiledFunction,
    strings: &[String<'gc>],
    chunk: &Rc<ChunkInfo>,
    dialect: Dialect,
    next: &mut u32,
) -> Gc<'gc, Prototype<'gc>> {
    let index = *next;
    *next += 1;
    let children: Box<[_]> =
        function.children.into_iter().map(|child| prototype(ctx, child, strings, chunk, dialect, next)).collect();
    let constants: Box<[_]> = function
        .constants
        .iter()
        .map(|constant| match *constant {
            Constant::Nil => Value::Nil,
            Constant::Boolean(boolean) => Value::Boolean(boolean),
            Constant::Integer(integer) => Value::Integer(integer),
            Constant::Number(number) => Value::Number(number),
            Constant::String(symbol) => Value::String(strings[symbol.0 as usize]),
        })
        .collect();
    // What the chip would keep: instructions and constants, and a byte or so of line information for each instruction.
    let bytes = function.code.len() * 5 + constants.len() * 12 + function.upvalues.len() * 8;
    Gc::new(
        &ctx,
        Prototype {
            constants,
            children,
            caches: function.code.iter().map(|_| Cell::new(0)).collect(),
            code: function.code.into(),
            watched_code: OnceCell::new(),
            places: function.places.into(),
            locals: function.locals.into(),
            upvalues: function.upvalues.into(),
            chunk: chunk.clone(),
            index,
            dialect,
            environment_at: function.environment_at,
            parameters: function.parameters,
            is_vararg: function.is_vararg,
            needs_arg: function.needs_arg,
            registers: function.registers,
            line_defined: function.line_defined,
            last_line: function.last_line,
            _bytes: ExternalBytes::new(&ctx, bytes),
        },
    )
}

impl<'gc> Prototype<'gc> {
    /// The code with [`Op::Watched`] for every operation. Operands stay, for some words are read as data.
    pub(crate) fn watched_code(&self) -> &[Instruction] {
        let watched = |instruction: &Instruction| Instruction { op: Op::Watched, ..*instruction };
        self.watched_code.get_or_init(|| self.code.iter().map(watched).collect())
    }

    /// Where the function is defined.
    pub(crate) fn position(&self) -> Position {
        Position { file: self.chunk.display_name.clone(), line: self.line_defined, column: 0, length: 0 }
    }

    /// The source of the instruction at `pc`.
    pub(crate) fn place(&self, pc: usize) -> Place {
        if self.chunk.is_stripped { Place::default() } else { self.places.get(pc).copied().unwrap_or_default() }
    }

    /// The place of the instruction at `pc` as data; none in a stripped function.
    pub(crate) fn position_at(&self, pc: usize) -> Option<Position> {
        let place = self.place(pc);
        (place.line > 0).then(|| Position {
            file: self.chunk.display_name.clone(),
            line: place.line,
            column: u32::from(place.column),
            length: u32::from(place.length),
        })
    }

    /// The name of the local that lives in `register` when the instruction at `pc` runs.
    pub(crate) fn local_name(&self, register: u8, pc: usize) -> Option<&[u8]> {
        let pc = pc as u32;
        let range =
            self.locals.iter().rev().find(|local| local.register == register && local.start <= pc && pc < local.end)?;
        Some(&range.name)
    }

    /// The function at position `index` of the chunk, outer before inner.
    pub(crate) fn find(this: Gc<'gc, Self>, index: u32) -> Option<Gc<'gc, Self>> {
        let mut current = this;
        while current.index != index {
            current = *current.children.iter().rev().find(|child| child.index <= index)?;
        }
        Some(current)
    }
}

/// Name of chunks that are part of a library: their functions count as the native function that calls them.
pub(crate) const INTERNAL_CHUNK: &[u8] = b"=[C]";

impl ChunkInfo {
    /// Whether the chunk is part of a library.
    pub(crate) fn is_internal(&self) -> bool {
        self.name == INTERNAL_CHUNK
    }
}

/// The name of a chunk as messages show it (`luaO_chunkid`).
pub(crate) fn display_name(name: &[u8]) -> std::string::String {
    // Room for 60 bytes, the last one for the terminator.
    const SIZE: usize = 60;
    let lossy = |bytes: &[u8]| std::string::String::from_utf8_lossy(bytes).into_owned();
    match name.first() {
        Some(b'=') => lossy(&name[1..name.len().min(SIZE)]),
        Some(b'@') => {
            let name = &name[1..];
            if name.len() < SIZE { lossy(name) } else { format!("...{}", lossy(&name[name.len() - (SIZE - 4)..])) }
        }
        _ => {
            let line = name.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
            let room = SIZE - "[string \"...\"]".len() - 1;
            if line.len() < name.len() || line.len() > room {
                format!("[string \"{}...\"]", lossy(&line[..line.len().min(room)]))
            } else {
                format!("[string \"{}\"]", lossy(line))
            }
        }
    }
}
