//! `pipe`: a queue of bytes between tasks (pipe manual).
//!
//! The firmware's pipes are tables with a metatable, and `type` says so; here they are userdata. `node.output` uses them too.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use lua::native::{self, Answer, Call};
use lua::piccolo::{Context, Value};
use lua::{Function, Object, Stashed, StashedFunction, rom};

use crate::callback::Callback;
use crate::chip::Chip;
use crate::module::{Member, Module, ObjectType, function};
use crate::task::Priority;

/// Bytes of one of the firmware's records.
const RECORD_BYTES: usize = 256;

/// Where the object keeps its reader function.
const READER: usize = 0;

const END_PARAMETER: &[(&str, &str)] =
    &[("size or end", "a number of bytes, or the character that ends a record, with + behind it to keep it")];

/// The module.
pub(crate) const MODULE: Module = Module {
    name: "pipe",
    doc: "Queues of bytes between tasks.",
    members: &[function("create", "([reader], [priority]): pipe", create, "Makes an empty pipe.")
        .parameters(&[
            ("reader", "called with the pipe in a task of its own when something was written; false ends that, true repeats it"),
            ("priority", "of that task; node.task.MEDIUM_PRIORITY unless given"),
        ])
        .quiet()],
    types: &[ObjectType { name: "pipe", manual_name: "pobj", doc: "A pipe.", methods: METHODS }],
};

const METHODS: &[Member] = &[
    function("read", "([size or end]): text", read, "Takes a record out; nil when the pipe is empty.")
        .parameters(END_PARAMETER)
        .quiet(),
    function("reader", "([size or end]): function", reader, "A function that takes the next record out at each call.")
        .parameters(END_PARAMETER)
        .quiet(),
    function("unread", "(text)", unread, "Puts text back at the front.").parameters(&[("text", "any bytes")]).quiet(),
    function("write", "(text)", write, "Adds text at the end.").parameters(&[("text", "any bytes")]).quiet(),
    function("nrec", "(): count", record_count, "How many records of up to 256 bytes the pipe holds.").quiet(),
    function("__len", "", length, "").quiet(),
    function("__tostring", "", to_string, "").quiet(),
];

/// A pipe's content and what is under way with its reader.
pub(crate) struct Pipe {
    bytes: RefCell<VecDeque<u8>>,
    priority: Priority,
    /// Whether the reader's task is posted.
    posted: Cell<bool>,
    /// Whether something was written since the reader began.
    written: Cell<bool>,
}

/// Makes a pipe; `reader` gets its tasks at `priority`.
pub(crate) fn new<'gc>(
    ctx: Context<'gc>,
    reader: Option<Function<'gc>>,
    priority: Priority,
) -> (Object<'gc>, Rc<Pipe>) {
    let pipe =
        Rc::new(Pipe { bytes: RefCell::default(), priority, posted: Cell::new(false), written: Cell::new(false) });
    let object = rom::object(ctx, "pipe", Rc::clone(&pipe));
    if let Some(reader) = reader {
        object.set_value(&ctx, READER, reader.into());
    }
    (object, pipe)
}

impl Pipe {
    /// Adds bytes at the end.
    pub(crate) fn push(&self, bytes: &[u8]) {
        self.bytes.borrow_mut().extend(bytes);
        self.written.set(true);
    }
}

/// A pipe whose reader may have to run.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) pipe: Rc<Pipe>,
    pub(crate) object: Stashed,
    pub(crate) function: StashedFunction,
}

/// Posts the reader's task unless it is.
pub(crate) fn wake(chip: &Chip, reader: &Reader) {
    if reader.pipe.posted.replace(true) {
        return;
    }
    let task = reader.clone();
    if chip.post(reader.pipe.priority, move |chip| run(chip, task)).is_err() {
        reader.pipe.posted.set(false);
    }
}

fn run(chip: &Chip, reader: Reader) {
    reader.pipe.posted.set(false);
    reader.pipe.written.set(false);
    let object = reader.object.clone();
    let callback =
        Callback::new(chip, "pipe.reader", reader.function.clone(), move |ctx| vec![lua::fetch(ctx, &object)]);
    chip.enqueue(callback.results(move |chip, _, results| {
        let is_empty = reader.pipe.bytes.borrow().is_empty();
        let again = match results.first() {
            Some(Value::Boolean(again)) => *again,
            _ => reader.pipe.written.get(),
        };
        if again && !is_empty {
            wake(chip, &reader);
        }
    }));
}

fn create<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let reader = call.opt_function(1)?;
    let priority = match (reader, call.arg(2)) {
        (None, _) | (_, Value::Nil) => Priority::Medium,
        _ => {
            let priority = Priority::from_number(call.check_integer(2)?);
            priority.ok_or_else(|| call.argument_error(2, "invalid priority"))?
        }
    };
    Ok(call.one(new(call.ctx(), reader, priority).0))
}

fn this<'gc>(call: &Call<'gc, '_>) -> Result<&'gc Rc<Pipe>, lua::Error<'gc>> {
    let pipe = Object::from_value(call.arg(1)).and_then(|object| object.payload::<Rc<Pipe>>());
    pipe.ok_or_else(|| call.argument_error(1, "pipe table"))
}

/// How a record ends.
#[derive(Clone, Copy)]
enum End {
    Size(usize),
    Byte { byte: u8, is_kept: bool },
}

fn check_end<'gc>(chip: &Chip, call: &Call<'gc, '_>) -> Result<End, lua::Error<'gc>> {
    match call.arg(2) {
        // The manual keeps the line end by default, the firmware does not.
        Value::Nil => Ok(End::Byte { byte: b'\n', is_kept: !chip.is_chip() }),
        Value::String(text) => match text.as_bytes() {
            [byte] => Ok(End::Byte { byte: *byte, is_kept: false }),
            [byte, b'+'] => Ok(End::Byte { byte: *byte, is_kept: true }),
            _ => Err(call.argument_error(2, "invalid delimiter")),
        },
        _ => match usize::try_from(call.check_integer(2)?) {
            Ok(size @ 1..) => Ok(End::Size(size)),
            _ => Err(call.argument_error(2, "invalid chunk size")),
        },
    }
}

fn take(pipe: &Pipe, end: End) -> Option<Vec<u8>> {
    let mut bytes = pipe.bytes.borrow_mut();
    if bytes.is_empty() {
        return None;
    }
    let (length, dropped) = match end {
        End::Size(size) => (size.min(bytes.len()), 0),
        End::Byte { byte, is_kept } => match bytes.iter().position(|candidate| *candidate == byte) {
            Some(position) if is_kept => (position + 1, 0),
            Some(position) => (position, 1),
            None => (bytes.len(), 0),
        },
    };
    let record = bytes.drain(..length).collect();
    bytes.drain(..dropped);
    Some(record)
}

fn read<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let pipe = this(&call)?;
    let end = check_end(chip, &call)?;
    Ok(take_one(&call, pipe, end))
}

fn take_one<'gc>(call: &Call<'gc, '_>, pipe: &Pipe, end: End) -> native::Outcome<'gc> {
    match take(pipe, end) {
        Some(record) => call.one(call.string(&record)),
        None => call.one(Value::Nil),
    }
}

fn reader<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let pipe = Rc::clone(this(&call)?);
    let end = check_end(chip, &call)?;
    // The object is kept so that its reader function lives as long as the iterator.
    let iterator =
        native::function_with(call.ctx(), "reader", vec![call.arg(1)], move |call| Ok(take_one(&call, &pipe, end)));
    Ok(call.one(iterator))
}

fn check_text<'gc>(call: &Call<'gc, '_>) -> Result<&'gc [u8], lua::Error<'gc>> {
    call.to_string(call.arg(2)).map(|text| text.as_bytes()).ok_or_else(|| call.argument_error(2, "must be a string"))
}

fn unread<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let text = check_text(&call)?;
    let mut bytes = this(&call)?.bytes.borrow_mut();
    for byte in text.iter().rev() {
        bytes.push_front(*byte);
    }
    Ok(call.none())
}

fn write<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let text = check_text(&call)?;
    let pipe = this(&call)?;
    if text.is_empty() {
        return Ok(call.none());
    }
    pipe.push(text);
    let ctx = call.ctx();
    let function = Object::from_value(call.arg(1)).and_then(|object| Function::from_value(object.value(READER)));
    if let Some(function) = function {
        let function = StashedFunction::new(ctx, function);
        wake(chip, &Reader { pipe: Rc::clone(pipe), object: lua::stash(ctx, call.arg(1)), function });
    }
    Ok(call.none())
}

fn record_count<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let records = this(&call)?.bytes.borrow().len().div_ceil(RECORD_BYTES);
    Ok(call.one(call.integer(records as i64)))
}

/// The firmware counts its reader slot too.
fn length<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let records = this(&call)?.bytes.borrow().len().div_ceil(RECORD_BYTES);
    Ok(call.one(call.integer(records as i64 + 1)))
}

fn to_string<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let text = String::from_utf8_lossy(&call.display(call.arg(1))).replacen("userdata", "Pipe", 1);
    Ok(call.one(call.string(text.as_bytes())))
}
