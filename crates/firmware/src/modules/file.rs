//! `file`: the flat file system in flash (`docs/behaviour.md` §6.4; file manual).
//!
//! A name may begin with `/FLASH/`, as the manual writes full paths. The object opened last is also what the functions of
//! the module without an object work on.
//!
//! Left out: SD cards (`mount`, `chdir`), which are not in the default build, and time stamps: `stat` gives those of a file
//! system without a clock.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use lua::native::{self, Answer, Call};
use lua::piccolo::Value;
use lua::{Function, Object, Table, rom};

use crate::chip::Chip;
use crate::limits;
use crate::module::{Member, Module, ObjectType, function};

/// Bytes that `read` returns unless told otherwise, and the most that `readline` does.
const READ_BYTES: usize = 1024;

/// The module.
pub(crate) const MODULE: Module = Module {
    name: "file",
    doc: "Files in flash.",
    members: &[
        function("open", "(name, [mode]): file", open, "Opens a file; nil when that fails.")
            .parameters(&[("name", "at most 31 characters"), ("mode", "r, w, a, r+, w+ or a+; r unless given")]),
        function("close", "([file])", close, "Closes a file, or the one opened last."),
        function("read", "([n or char]): text", read, READ_DOC).parameters(READ_PARAMETERS),
        function("readline", "(): text", read_line, READ_LINE_DOC),
        function("write", "(text): true", write, WRITE_DOC).parameters(WRITE_PARAMETERS),
        function("writeline", "(text): true", write_line, WRITE_LINE_DOC).parameters(WRITE_PARAMETERS),
        function("seek", "([whence], [offset]): position", seek, SEEK_DOC).parameters(SEEK_PARAMETERS),
        function("flush", "(): true", flush, FLUSH_DOC),
        function("exists", "(name): boolean", exists, "Whether there is such a file.").parameters(NAME_PARAMETER),
        function("list", "([pattern]): table", list, "Sizes of all files by name.")
            .parameters(&[("pattern", "a Lua pattern that names must match")]),
        function("remove", "(name)", remove, "Deletes a file.").parameters(NAME_PARAMETER),
        function("rename", "(old, new): boolean", rename, "Renames a file.")
            .parameters(&[("old", "its name"), ("new", "a name that is free")]),
        function("stat", "(name): table", stat, "Size and attributes of a file; nil when there is none.")
            .parameters(NAME_PARAMETER),
        function("getcontents", "(name): text", get_contents, "A whole file; nothing when there is none.")
            .parameters(NAME_PARAMETER),
        function("putcontents", "(name, text): true", put_contents, "Writes a whole file; nil when that fails.")
            .parameters(&[("name", "at most 31 characters"), ("text", "its new content")]),
        function("fsinfo", "(): remaining, used, total", fs_info, "Bytes left, used and in all."),
        function("fscfg", "(): address, size", fs_config, "Where the file system lies in flash."),
        function("format", "()", format, "Deletes everything."),
        function("on", "(event, [callback])", on, "Registers a function that tells the time for time stamps.")
            .parameters(&[("event", "rtc"), ("callback", "returns a table with year, mon, day, hour, min, sec")]),
    ],
    types: &[ObjectType {
        name: "file.obj",
        manual_name: "file.obj",
        doc: "An open file, from file.open().",
        methods: METHODS,
    }],
};

const READ_DOC: &str = "Reads up to n bytes, 1024 unless given, or up to a character; nil at the end.";
const READ_LINE_DOC: &str = "Reads a line with its end; nil at the end.";
const WRITE_DOC: &str = "Writes text; nil when there is no space.";
const WRITE_LINE_DOC: &str = "Writes text and a line end; nil when there is no space.";
const SEEK_DOC: &str = "Moves where the next read or write happens; nil when that is before the beginning.";
const FLUSH_DOC: &str = "Makes sure that everything written is in flash.";
const NAME_PARAMETER: &[(&str, &str)] = &[("name", "the file's name")];
const READ_PARAMETERS: &[(&str, &str)] = &[("n or char", "a number of bytes, or the character to stop after")];
const WRITE_PARAMETERS: &[(&str, &str)] = &[("text", "a string or number")];
const SEEK_PARAMETERS: &[(&str, &str)] =
    &[("whence", "set, cur or end; cur unless given"), ("offset", "bytes from there; 0 unless given")];

const METHODS: &[Member] = &[
    function("close", "()", close, "Closes the file."),
    function("read", "([n or char]): text", read, READ_DOC).parameters(READ_PARAMETERS),
    function("readline", "(): text", read_line, READ_LINE_DOC),
    function("write", "(text): true", write, WRITE_DOC).parameters(WRITE_PARAMETERS),
    function("writeline", "(text): true", write_line, WRITE_LINE_DOC).parameters(WRITE_PARAMETERS),
    function("seek", "([whence], [offset]): position", seek, SEEK_DOC).parameters(SEEK_PARAMETERS),
    function("flush", "(): true", flush, FLUSH_DOC),
];

/// What the module keeps.
#[derive(Default)]
pub(crate) struct State {
    open: BTreeMap<u32, OpenFile>,
    next: u32,
    /// The file opened last.
    default: Option<u32>,
    /// Files whose objects were collected.
    dropped: Rc<RefCell<Vec<u32>>>,
}

struct OpenFile {
    name: Vec<u8>,
    position: usize,
    mode: Mode,
}

#[derive(Clone, Copy)]
struct Mode {
    reads: bool,
    writes: bool,
    appends: bool,
    /// Empties the file, or makes it.
    creates: bool,
    truncates: bool,
}

/// The payload of a file object.
struct Handle {
    file: u32,
    dropped: Rc<RefCell<Vec<u32>>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.dropped.borrow_mut().push(self.file);
    }
}

/// A whole file, for the interpreter's own loading.
pub(crate) fn read_whole(chip: &Chip, name: &[u8]) -> Option<Vec<u8>> {
    chip.flash.borrow().files.read(plain_name(name)).map(<[u8]>::to_vec)
}

/// Whether `object` is a file that has been closed.
pub(crate) fn is_closed(chip: &Chip, object: Object<'_>) -> bool {
    object.payload::<Handle>().is_some_and(|handle| !chip.modules.file.borrow().open.contains_key(&handle.file))
}

/// Files whose objects are gone are closed. The file opened last stays open.
pub(crate) fn collected(chip: &Chip) {
    let mut state = chip.modules.file.borrow_mut();
    let dropped = std::mem::take(&mut *state.dropped.borrow_mut());
    let default = state.default;
    for file in dropped.into_iter().filter(|file| Some(*file) != default) {
        state.open.remove(&file);
    }
}

fn plain_name(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"/FLASH/").unwrap_or(name)
}

fn check_name<'gc>(call: &Call<'gc, '_>, i: usize) -> Result<&'gc [u8], lua::Error<'gc>> {
    let name = call.check_string(i)?.as_bytes();
    let base = name.rsplit(|byte| *byte == b'/').next().unwrap_or(name);
    if base.len() > limits::FILE_NAME_BYTES_MAX || name.contains(&0) {
        return Err(call.argument_error(i, "filename invalid"));
    }
    Ok(plain_name(name))
}

fn mode(text: &[u8]) -> Option<Mode> {
    let mode = |reads, writes, appends, creates, truncates| Some(Mode { reads, writes, appends, creates, truncates });
    match text {
        b"r" => mode(true, false, false, false, false),
        b"r+" => mode(true, true, false, false, false),
        b"w" => mode(false, true, false, true, true),
        b"w+" => mode(true, true, false, true, true),
        b"a" => mode(false, true, true, true, false),
        b"a+" => mode(true, true, true, true, false),
        _ => None,
    }
}

/// Garbage goes first when four files seem open: on the chip, which collects at every allocation, it would be gone.
fn open<'gc>(chip: &Chip, mut call: Call<'gc, '_>) -> Answer<'gc> {
    chip.modules.file.borrow_mut().default = None;
    let name = check_name(&call, 1)?.to_vec();
    let wanted = match call.opt_string(2)? {
        Some(text) => mode(text.as_bytes()),
        None => mode(b"r"),
    };
    let is_full = chip.modules.file.borrow().open.len() >= limits::OPEN_FILES_MAX;
    match Function::from_value(rom::global(call.ctx(), "collectgarbage")).filter(|_| is_full) {
        Some(collect) => {
            let chip = chip.clone();
            let then = native::then((), move |(), call| {
                collected(&chip);
                Ok(open_now(&chip, &call, name, wanted))
            });
            Ok(call.call(collect, [], then))
        }
        None => Ok(open_now(chip, &call, name, wanted)),
    }
}

fn open_now<'gc>(chip: &Chip, call: &Call<'gc, '_>, name: Vec<u8>, mode: Option<Mode>) -> native::Outcome<'gc> {
    match mode.and_then(|mode| open_file(chip, name, mode)) {
        Some(file) => {
            let dropped = Rc::clone(&chip.modules.file.borrow().dropped);
            call.one(rom::object(call.ctx(), "file.obj", Handle { file, dropped }))
        }
        None => call.one(Value::Nil),
    }
}

fn open_file(chip: &Chip, name: Vec<u8>, mode: Mode) -> Option<u32> {
    let mut state = chip.modules.file.borrow_mut();
    if state.open.len() >= limits::OPEN_FILES_MAX {
        return None;
    }
    let files = &mut chip.flash.borrow_mut().files;
    match files.read(&name) {
        Some(_) if !mode.truncates => {}
        None if !mode.creates => return None,
        _ => files.write(&name, "").ok()?,
    }
    let file = state.next;
    state.next += 1;
    state.open.insert(file, OpenFile { name, position: 0, mode });
    state.default = Some(file);
    Some(file)
}

/// The file that a call is about, if it is open, and the position of the argument after it.
fn target<'gc>(chip: &Chip, call: &Call<'gc, '_>) -> Result<(Option<u32>, usize), lua::Error<'gc>> {
    if Object::from_value(call.arg(1)).is_some() {
        let file = call.check_userdata::<Handle>(1, "file.obj")?.file;
        let is_open = chip.modules.file.borrow().open.contains_key(&file);
        Ok((is_open.then_some(file), 2))
    } else {
        Ok((chip.modules.file.borrow().default, 1))
    }
}

fn open_target<'gc>(chip: &Chip, call: &Call<'gc, '_>) -> Result<(u32, usize), lua::Error<'gc>> {
    let (file, next) = target(chip, call)?;
    file.map(|file| (file, next)).ok_or_else(|| call.error("open a file first"))
}

fn close<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    if let (Some(file), _) = target(chip, &call)? {
        let mut state = chip.modules.file.borrow_mut();
        state.open.remove(&file);
        state.default = None;
    }
    Ok(call.none())
}

fn read<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let (file, i) = target(chip, &call)?;
    let (bytes_max, end) = match call.arg(i) {
        Value::Integer(_) | Value::Number(_) => (usize::try_from(call.check_integer(i)?).unwrap_or(0), None),
        Value::String(text) => match text.as_bytes() {
            [end] => (READ_BYTES, Some(*end)),
            _ => return Err(call.error("wrong arg range")),
        },
        _ => (READ_BYTES, None),
    };
    read_part(chip, call, file, bytes_max, end)
}

fn read_line<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let (file, _) = target(chip, &call)?;
    read_part(chip, call, file, READ_BYTES, Some(b'\n'))
}

fn read_part<'gc>(
    chip: &Chip,
    mut call: Call<'gc, '_>,
    file: Option<u32>,
    bytes_max: usize,
    end: Option<u8>,
) -> Answer<'gc> {
    let Some(file) = file else { return Err(call.error("open a file first")) };
    call.reserve(bytes_max.min(limits::FILE_SYSTEM_BYTES))?;
    let mut state = chip.modules.file.borrow_mut();
    let Some(open) = state.open.get_mut(&file) else { return Err(call.error("open a file first")) };
    let flash = chip.flash.borrow();
    let content = flash.files.read(&open.name).filter(|_| open.mode.reads).unwrap_or_default();
    let rest = &content[open.position.min(content.len())..];
    let part = &rest[..rest.len().min(bytes_max)];
    if part.is_empty() {
        return Ok(call.one(Value::Nil));
    }
    let length = match end.and_then(|end| part.iter().position(|byte| *byte == end)) {
        Some(position) => position + 1,
        None => part.len(),
    };
    open.position += length;
    Ok(call.one(call.string(&part[..length])))
}

fn write<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let (file, i) = open_target(chip, &call)?;
    let text = call.check_string(i)?;
    Ok(call.one(true_or_nil(write_bytes(chip, file, text.as_bytes()))))
}

fn write_line<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let (file, i) = open_target(chip, &call)?;
    let text = call.check_string(i)?;
    let written = write_bytes(chip, file, text.as_bytes()) && write_bytes(chip, file, b"\n");
    Ok(call.one(true_or_nil(written)))
}

fn true_or_nil<'gc>(done: bool) -> Value<'gc> {
    if done { Value::Boolean(true) } else { Value::Nil }
}

fn write_bytes(chip: &Chip, file: u32, bytes: &[u8]) -> bool {
    let mut state = chip.modules.file.borrow_mut();
    let Some(open) = state.open.get_mut(&file).filter(|open| open.mode.writes) else { return false };
    let files = &mut chip.flash.borrow_mut().files;
    if open.mode.appends {
        open.position = files.read(&open.name).map_or(0, <[u8]>::len);
    }
    let written = files.write_at(&open.name, open.position, bytes);
    if written {
        open.position += bytes.len();
    }
    written
}

fn seek<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let (file, i) = open_target(chip, &call)?;
    let whence = call.check_option(i, Some("cur"), &["set", "cur", "end"])?;
    let offset = call.opt_integer(i + 1, 0)?;
    let mut state = chip.modules.file.borrow_mut();
    let Some(open) = state.open.get_mut(&file) else { return Ok(call.one(Value::Nil)) };
    let size = chip.flash.borrow().files.read(&open.name).map_or(0, <[u8]>::len);
    let base = match whence {
        0 => 0,
        1 => open.position,
        _ => size,
    };
    let Ok(position) = usize::try_from((base as i64).saturating_add(offset)) else {
        return Ok(call.one(Value::Nil));
    };
    // Beyond the end SPIFFS goes to the end, and calls it an error (`SPIFFS_lseek`).
    open.position = position.min(size);
    Ok(call.one(if position > size { Value::Nil } else { call.integer(position as i64) }))
}

fn flush<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    open_target(chip, &call)?;
    Ok(call.one(Value::Boolean(true)))
}

fn exists<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let name = check_name(&call, 1)?;
    let exists = chip.flash.borrow().files.read(name).is_some();
    Ok(call.one(Value::Boolean(exists)))
}

/// With a pattern, `string.match` decides about each name, one after the other.
fn list<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let ctx = call.ctx();
    let table = Table::new(&ctx);
    let entries: Vec<(Vec<u8>, usize)> =
        chip.flash.borrow().files.iter().map(|(name, content)| (name.to_vec(), content.len())).collect();
    let Some(pattern) = call.opt_string(1)? else {
        for (name, size) in &entries {
            set_size(&call, table, name, *size);
        }
        return Ok(call.one(table));
    };
    let matcher = Table::from_value(rom::global(ctx, "string")).map(|string| string.get(ctx, "match"));
    match matcher.and_then(Function::from_value) {
        Some(matcher) => list_matching(call, matcher, pattern, table, entries),
        None => Ok(call.one(table)),
    }
}

fn set_size<'gc>(call: &Call<'gc, '_>, table: Table<'gc>, name: &[u8], size: usize) {
    // A string is always a possible key.
    let _ = table.set(call.ctx(), call.string(name), call.integer(size as i64));
}

fn list_matching<'gc>(
    mut call: Call<'gc, '_>,
    matcher: Function<'gc>,
    pattern: lua::piccolo::String<'gc>,
    table: Table<'gc>,
    mut entries: Vec<(Vec<u8>, usize)>,
) -> Answer<'gc> {
    let Some((name, size)) = entries.pop() else { return Ok(call.one(table)) };
    let state = (Value::from(matcher), Value::String(pattern), Value::from(table));
    let subject = call.string(&name);
    let then = native::then(state, move |(matcher, pattern, table), call| {
        let (Some(matcher), Value::String(pattern), Some(table)) =
            (Function::from_value(matcher), pattern, Table::from_value(table))
        else {
            return Ok(call.none());
        };
        if !call.arg(1).is_nil() {
            set_size(&call, table, &name, size);
        }
        list_matching(call, matcher, pattern, table, entries)
    });
    Ok(call.call(matcher, [subject, Value::String(pattern)], then))
}

fn remove<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let name = check_name(&call, 1)?;
    chip.flash.borrow_mut().files.remove(name);
    Ok(call.none())
}

fn rename<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let from = check_name(&call, 1)?;
    let to = check_name(&call, 2)?;
    let renamed = chip.flash.borrow_mut().files.rename(from, to);
    Ok(call.one(Value::Boolean(renamed)))
}

fn stat<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let name = check_name(&call, 1)?;
    let Some(size) = chip.flash.borrow().files.read(name).map(<[u8]>::len) else {
        return Ok(call.one(Value::Nil));
    };
    let ctx = call.ctx();
    let table = Table::new(&ctx);
    table.set_field(ctx, "size", call.integer(size as i64));
    table.set_field(ctx, "name", call.string(name));
    for attribute in ["is_dir", "is_rdonly", "is_hidden", "is_sys", "is_arch"] {
        table.set_field(ctx, attribute, Value::Boolean(false));
    }
    let time = Table::new(&ctx);
    for (field, value) in [("year", 1970), ("mon", 1), ("day", 1), ("hour", 0), ("min", 0), ("sec", 0)] {
        time.set_field(ctx, field, call.integer(value));
    }
    table.set_field(ctx, "time", time);
    Ok(call.one(table))
}

fn get_contents<'gc>(chip: &Chip, mut call: Call<'gc, '_>) -> Answer<'gc> {
    let name = check_name(&call, 1)?;
    let content = chip.flash.borrow().files.read(name).map(<[u8]>::to_vec);
    chip.modules.file.borrow_mut().default = None;
    match content {
        Some(content) if content.is_empty() => Ok(call.one(Value::Nil)),
        Some(content) => {
            call.reserve(content.len())?;
            Ok(call.one(call.string_from(content)))
        }
        None => Ok(call.none()),
    }
}

fn put_contents<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let name = check_name(&call, 1)?;
    let content = call.check_string(2)?;
    chip.modules.file.borrow_mut().default = None;
    let written = chip.flash.borrow_mut().files.write(name, content.as_bytes());
    Ok(call.one(true_or_nil(written.is_ok())))
}

fn fs_info<'gc>(chip: &Chip, mut call: Call<'gc, '_>) -> Answer<'gc> {
    let (used, total) = chip.flash.borrow().files.usage();
    let values = [total.saturating_sub(used), used, total].map(|bytes| call.integer(bytes as i64));
    Ok(call.many(values))
}

fn fs_config<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.two(call.integer(i64::from(FILE_SYSTEM_ADDRESS)), call.integer(i64::from(FILE_SYSTEM_SIZE))))
}

/// Where the file system lies in a 4 MB flash chip with the default partitions.
pub(crate) const FILE_SYSTEM_ADDRESS: u32 = 0x10_0000;

/// How much flash it has.
pub(crate) const FILE_SYSTEM_SIZE: u32 = limits::FLASH_BYTES - FILE_SYSTEM_ADDRESS - 0x3000;

fn format<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    {
        let mut state = chip.modules.file.borrow_mut();
        state.open.clear();
        state.default = None;
    }
    chip.flash.borrow_mut().files.format();
    chip.print(b"format done.\n");
    Ok(call.none())
}

/// SPIFFS keeps no time stamps, so that the function is checked and never called.
fn on<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    call.check_option(1, Some("rtc"), &["rtc"])?;
    match lua::kind(call.arg(2)) {
        lua::Kind::Nil | lua::Kind::Function(_) => Ok(call.none()),
        _ => Err(call.error("Callback should be function or nil")),
    }
}
