//! From text or dumped code to a function.
//!
//! A dumped function is the source of its chunk with the function's number in it: nothing in such a file can mislead the
//! interpreter, for it is compiled again. The chip's files hold bytecode of its own, which no other program reads either.

use std::rc::Rc;

use gc_arena::Gc;
use piccolo::Context;

use crate::{
    CompileError, CompileErrorKind, Dialect, Function, IntegerBits, Options, Table, closure,
    compiler::{self, Chunk},
    lexer::SourceError,
    parser,
    prototype::{self, ChunkInfo, Prototype},
    shared::Shared,
};

/// First byte of dumped code.
pub(crate) const SIGNATURE: u8 = 0x1b;
const HEADER: &[u8] = b"\x1bLuaP\x01";

/// Compiles `source`, text or dumped code, to a function with `environment`.
pub(crate) fn load<'gc>(
    ctx: Context<'gc>,
    shared: &'gc Shared<'gc>,
    name: &[u8],
    source: &[u8],
    environment: Table<'gc>,
) -> Result<Function<'gc>, CompileError> {
    let prototype = prototype(ctx, shared, name, source)?;
    Ok(closure::main_closure(&ctx, prototype, environment))
}

fn prototype<'gc>(
    ctx: Context<'gc>,
    shared: &'gc Shared<'gc>,
    name: &[u8],
    source: &[u8],
) -> Result<Gc<'gc, Prototype<'gc>>, CompileError> {
    if source.first() != Some(&SIGNATURE) {
        let info = Rc::new(ChunkInfo {
            display_name: prototype::display_name(name),
            name: name.to_vec(),
            source: source.into(),
            is_stripped: false,
        });
        return compile(ctx, &shared.options, &info);
    }
    let dumped = read_dump(source, shared.options.dialect).ok_or_else(|| bad_dump(name))?;
    let info = Rc::new(ChunkInfo {
        display_name: if dumped.is_stripped { "?".into() } else { prototype::display_name(dumped.name) },
        name: dumped.name.to_vec(),
        source: dumped.source.into(),
        is_stripped: dumped.is_stripped,
    });
    let main = compile(ctx, &shared.options, &info)?;
    Prototype::find(main, dumped.index).ok_or_else(|| bad_dump(name))
}

fn compile<'gc>(
    ctx: Context<'gc>,
    options: &Options,
    info: &Rc<ChunkInfo>,
) -> Result<Gc<'gc, Prototype<'gc>>, CompileError> {
    let describe = |error: Box<SourceError>| compile_error(*error, &info.display_name);
    let chunk = parser::parse(&info.source, options.dialect, options.integer_bits).map_err(describe)?;
    let context = Chunk {
        symbols: &chunk.symbols,
        dialect: options.dialect,
        strip_local_names: options.strip_local_names || info.is_stripped,
    };
    let main = compiler::compile(&chunk.main, &context).map_err(describe)?;
    Ok(prototype::instantiate(ctx, main, &chunk.symbols, info, options.dialect))
}

/// All mistakes in a source.
pub(crate) fn check(name: &[u8], source: &[u8], dialect: Dialect, bits: IntegerBits) -> Vec<CompileError> {
    let display_name = prototype::display_name(name);
    let mut errors: Vec<_> = parser::check(source, dialect, bits);
    if errors.is_empty()
        && let Ok(chunk) = parser::parse(source, dialect, bits)
    {
        let context = Chunk { symbols: &chunk.symbols, dialect, strip_local_names: false };
        errors.extend(compiler::compile(&chunk.main, &context).err().map(|error| *error));
    }
    errors.into_iter().map(|error| compile_error(error, &display_name)).collect()
}

fn compile_error(error: SourceError, file: &str) -> CompileError {
    CompileError {
        kind: error.kind,
        message: format!(
            "{file}:{}: {}",
            error.noticed_on.unwrap_or(error.span.line),
            String::from_utf8_lossy(&error.text)
        ),
        file: file.to_owned(),
        line: error.span.line,
        column: error.span.column,
        length: error.span.length,
        incomplete: error.incomplete,
    }
}

fn bad_dump(name: &[u8]) -> CompileError {
    let file = prototype::display_name(name);
    CompileError {
        kind: CompileErrorKind::Bytecode,
        message: format!("{file}: bad header in precompiled chunk"),
        file,
        line: 0,
        column: 0,
        length: 0,
        incomplete: false,
    }
}

/// The text of `string.dump`.
pub(crate) fn dump(function: Function<'_>, strip: bool) -> Option<Vec<u8>> {
    let prototype = function.closure()?.prototype;
    let info = &prototype.chunk;
    let mut bytes = HEADER.to_vec();
    bytes.push(u8::from(strip || info.is_stripped));
    bytes.extend(prototype.index.to_le_bytes());
    bytes.extend((info.name.len() as u32).to_le_bytes());
    bytes.extend(&info.name);
    bytes.extend(&*info.source);
    Some(bytes)
}

struct Dumped<'d> {
    is_stripped: bool,
    index: u32,
    name: &'d [u8],
    source: &'d [u8],
}

fn read_dump(bytes: &[u8], _dialect: Dialect) -> Option<Dumped<'_>> {
    let rest = bytes.strip_prefix(HEADER)?;
    let (&flags, rest) = rest.split_first()?;
    let (index, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (name, source) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    // Dumped code holds source, never dumped code again.
    let is_source = source.first() != Some(&SIGNATURE);
    is_source.then_some(Dumped { is_stripped: flags != 0, index: u32::from_le_bytes(*index), name, source })
}

/// What `loadfile` skips: a first line that begins with `#`.
pub(crate) fn without_shebang(source: &[u8]) -> &[u8] {
    if source.first() != Some(&b'#') {
        return source;
    }
    // The line's end stays, so that lines keep their numbers.
    let end = source.iter().position(|byte| *byte == b'\n').unwrap_or(source.len());
    &source[end..]
}
