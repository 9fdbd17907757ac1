//! Names, lines and tracebacks: everything an error says about the program (`ldebug.c`).

use gc_arena::{Gc, Rootable};
use piccolo::{Context, String, UserData, Value};

use super::{FrameKind, Machine, Return};
use crate::{
    Coroutine, Dialect, Error, Function, Position, Table,
    closure::ClosureCell,
    missing,
    native::NativeCell,
    number,
    opcode::{Instruction, Op},
    prototype::Prototype,
    shared::Shared,
};

/// A level of the call stack as `debug.getinfo` counts them.
#[derive(Clone, Copy)]
pub(crate) enum Level<'gc> {
    /// The native function that runs.
    Native(UserData<'gc>),
    /// A frame, by its index.
    Frame(usize),
    /// 5.1: a call that was lost to tail calls.
    Tail,
    /// The host, which called the first function.
    Host,
}

/// The kind and name of a variable or function: `global`, `print`.
type Name<'n> = (&'static str, std::borrow::Cow<'n, str>);

impl<'gc> Machine<'gc> {
    /// The levels of the running coroutine from the top.
    pub(crate) fn levels(&self, dialect: Dialect) -> impl Iterator<Item = Level<'gc>> + '_ {
        let native = self.native.map(Level::Native);
        let start = self.frames.iter().rposition(|frame| matches!(frame.kind, FrameKind::Resume { .. }));
        let first = start.map_or(0, |start| start + 1);
        let frames = (first..self.frames.len()).rev().flat_map(move |index| {
            let frame = &self.frames[index];
            let is_level = (!matches!(frame.kind, FrameKind::Handler) || frame.pc > 0) && !self.is_internal(index);
            let tails = if dialect.is_53() { 0 } else { frame.tail_calls as usize };
            is_level
                .then_some(Level::Frame(index))
                .into_iter()
                .chain(std::iter::repeat_n(Level::Tail, if is_level { tails } else { 0 }))
        });
        let host = start.is_none().then_some(Level::Host);
        native.into_iter().chain(frames).chain(host)
    }

    /// Whether a frame runs Lua code of a library: whoever looks sees only the native function that called it.
    fn is_internal(&self, index: usize) -> bool {
        self.frames[index].closure().is_some_and(|closure| closure.prototype.chunk.is_internal())
    }

    pub(crate) fn level(&self, level: usize, dialect: Dialect) -> Option<Level<'gc>> {
        self.levels(dialect).nth(level)
    }

    /// The Lua function of a frame with the instruction it is at.
    pub(crate) fn at(&self, index: usize) -> Option<(&'gc ClosureCell<'gc>, usize)> {
        let frame = self.frames.get(index)?;
        let closure = frame.closure()?;
        Some((closure, (frame.pc as usize).saturating_sub(1)))
    }

    /// `file:line: ` of a level, or nothing.
    pub(crate) fn where_is_in(&self, level: usize, dialect: Dialect) -> Vec<u8> {
        match self.level(level, dialect) {
            Some(Level::Frame(index)) => self.prefix(index),
            _ => Vec::new(),
        }
    }

    fn prefix(&self, index: usize) -> Vec<u8> {
        match self.at(index) {
            Some((closure, pc)) => match closure.prototype.place(pc).line {
                0 => Vec::new(),
                line => format!("{}:{line}: ", closure.prototype.chunk.display_name).into_bytes(),
            },
            None => Vec::new(),
        }
    }

    /// An error with the position of the running Lua function (`luaG_runerror`).
    pub(crate) fn error_here(&self, ctx: Context<'gc>, text: &[u8]) -> Error<'gc> {
        // While a native function runs, it is the running function, and it has no position.
        let mut message = match self.frames.len().checked_sub(1) {
            Some(top) if self.native.is_none() && !self.is_internal(top) => {
                let prefix = self.prefix(top);
                match self.at(top) {
                    // Without lines 5.1 and 5.3 still say that there is a place.
                    Some((closure, _)) if prefix.is_empty() => {
                        format!("{}:?: ", closure.prototype.chunk.display_name).into_bytes()
                    }
                    _ => prefix,
                }
            }
            _ => Vec::new(),
        };
        message.extend_from_slice(text);
        Error::from_value(Value::String(String::from_slice(&ctx, message)))
    }

    /// The place of a level as data.
    pub(crate) fn position_in(&self, level: usize, dialect: Dialect) -> Option<Position> {
        match self.level(level, dialect)? {
            Level::Frame(index) => self.frame_position(index),
            _ => None,
        }
    }

    pub(crate) fn frame_position(&self, index: usize) -> Option<Position> {
        let (closure, pc) = self.at(index)?;
        closure.prototype.position_at(pc)
    }

    /// Where an error that is being raised comes from: the topmost Lua function.
    pub(super) fn failing_position(&self) -> Option<Position> {
        let is_program = |&index: &usize| matches!(self.frames[index].kind, FrameKind::Lua) && !self.is_internal(index);
        self.frame_position((0..self.frames.len()).rev().find(is_program)?)
    }

    pub(crate) fn is_method_call(&self) -> bool {
        matches!(self.native_name(), Some(("method", _)))
    }

    /// How the source calls the running native function.
    fn native_name(&self) -> Option<Name<'gc>> {
        let top = self.frames.len().checked_sub(1)?;
        self.called_name(top)
    }

    /// How the Lua function at frame `index` names what it is calling.
    fn called_name(&self, index: usize) -> Option<Name<'gc>> {
        let (closure, pc) = self.at(index)?;
        let prototype = Gc::as_ref(closure.prototype);
        let instruction = *prototype.code.get(pc)?;
        match instruction.op {
            Op::Call | Op::TailCall => register_name(prototype, pc, instruction.a),
            Op::ForCall if prototype.dialect.is_53() => Some(("for iterator", "for iterator".into())),
            _ => None,
        }
    }

    /// The name of the function of a level, as its caller calls it.
    pub(crate) fn function_name(&self, level: Level<'gc>, dialect: Dialect) -> Option<Name<'gc>> {
        match level {
            Level::Native(_) => self.native_name(),
            Level::Frame(index) => {
                let frame = &self.frames[index];
                if frame.tail_calls > 0 {
                    return None;
                }
                let below = index.checked_sub(1)?;
                // A handler counts as called by the instruction that failed.
                if let FrameKind::Handler = self.frames[below].kind {
                    let failed = below.checked_sub(1).filter(|_| self.frames[below].pc == 0)?;
                    let name = self.called_name(failed);
                    return if dialect.is_53() { name.or_else(|| self.metamethod_name(failed)) } else { name };
                }
                if !matches!(self.frames[below].kind, FrameKind::Lua) || self.is_internal(below) {
                    return None;
                }
                match frame.results {
                    Return::Registers { .. } => self.called_name(below),
                    Return::Iterator { .. } if dialect.is_53() => Some(("for iterator", "for iterator".into())),
                    Return::Store { .. } | Return::Test { .. } | Return::Concat { .. } | Return::Drop
                        if dialect.is_53() =>
                    {
                        self.metamethod_name(below)
                    }
                    Return::Pass if !matches!(frame.kind, FrameKind::Lua) => self.called_name(below),
                    _ => None,
                }
            }
            Level::Tail | Level::Host => None,
        }
    }

    fn metamethod_name(&self, index: usize) -> Option<Name<'gc>> {
        let (closure, pc) = self.at(index)?;
        let event = match closure.prototype.code.get(pc)?.op {
            Op::GetField | Op::GetIndex | Op::GetInteger | Op::GetGlobal | Op::Method => "__index",
            Op::SetField | Op::SetIndex | Op::SetInteger | Op::SetGlobal => "__newindex",
            Op::Add | Op::AddK => "__add",
            Op::Sub | Op::SubK => "__sub",
            Op::Mul | Op::MulK => "__mul",
            Op::Div | Op::DivK => "__div",
            Op::Mod | Op::ModK => "__mod",
            Op::Pow | Op::PowK => "__pow",
            Op::FloorDiv | Op::FloorDivK => "__idiv",
            Op::BitAnd => "__band",
            Op::BitOr => "__bor",
            Op::BitXor => "__bxor",
            Op::ShiftLeft => "__shl",
            Op::ShiftRight => "__shr",
            Op::Negate => "__unm",
            Op::BitNot => "__bnot",
            Op::Length => "__len",
            Op::Concat => "__concat",
            Op::Equal | Op::EqualK => "__eq",
            Op::Less | Op::LessK | Op::GreaterK => "__lt",
            Op::LessEqual | Op::LessEqualK | Op::GreaterEqualK => "__le",
            _ => return None,
        };
        Some(("metamethod", event.into()))
    }

    /// The text of `luaL_argerror`.
    pub(crate) fn argument_message_in(
        &self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        function: UserData<'gc>,
        mut argument: usize,
        text: &str,
    ) -> std::string::String {
        let called = self.native_name();
        let name = match &called {
            Some((_, name)) => name.to_string(),
            None if shared.options.dialect.is_53() => {
                self.global_name(ctx, shared, function).unwrap_or_else(|| "?".to_owned())
            }
            None => "?".to_owned(),
        };
        if matches!(called, Some(("method", _))) {
            argument -= 1;
            if argument == 0 {
                return if shared.options.dialect.is_53() {
                    format!("calling '{name}' on bad self")
                } else {
                    format!("calling '{name}' on bad self ({text})")
                };
            }
        }
        format!("bad argument #{argument} to '{name}' ({text})")
    }

    /// The name of a function that stands in a library: `table.insert` (`pushglobalfuncname`).
    fn global_name(
        &self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        function: UserData<'gc>,
    ) -> Option<std::string::String> {
        let function = Value::UserData(function);
        let mut libraries = shared.globals.pairs(&ctx);
        if let Some(loaded) = Table::from_value(shared.registry.get(ctx, "_LOADED")) {
            libraries.extend(loaded.pairs(&ctx));
        }
        libraries.extend(shared.rom.pairs(&ctx));
        for (name, value) in libraries {
            let Value::String(name) = name else { continue };
            if crate::value::raw_equal(value, function) {
                return Some(name.to_str_lossy().into_owned());
            }
            let Some(library) = Table::from_value(value).filter(|_| name.as_bytes() != b"_G") else { continue };
            if name.as_bytes() == b"ROM" || name.as_bytes() == b"package" {
                continue;
            }
            for (member, value) in library.pairs(&ctx) {
                if let Value::String(member) = member
                    && crate::value::raw_equal(value, function)
                {
                    return Some(format!("{}.{}", name.to_str_lossy(), member.to_str_lossy()));
                }
            }
        }
        None
    }

    // Type errors.

    /// The register that an instruction reads as its operand, for messages.
    fn error_with_name(
        &self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        operation: &str,
        value: Value<'gc>,
        name: Option<Name<'gc>>,
    ) -> Error<'gc> {
        let type_name = shared.type_name_for_message(ctx, value);
        let text = match (name, shared.options.dialect) {
            (Some((kind, name)), Dialect::Lua51) => {
                format!("attempt to {operation} {kind} '{name}' (a {type_name} value)")
            }
            (Some((kind, name)), Dialect::Lua53) => {
                format!("attempt to {operation} a {type_name} value ({kind} '{name}')")
            }
            (None, _) => format!("attempt to {operation} a {type_name} value"),
        };
        self.error_here(ctx, text.as_bytes())
    }

    /// The name of the register that `operand` picks from the current instruction.
    fn name_of(&self, operand: impl Fn(Instruction) -> u8) -> Option<Name<'gc>> {
        let top = self.frames.len().checked_sub(1).filter(|top| !self.is_internal(*top))?;
        let (closure, pc) = self.at(top)?;
        let prototype = Gc::as_ref(closure.prototype);
        let instruction = *prototype.code.get(pc)?;
        register_name(prototype, pc, operand(instruction))
    }

    fn instruction(&self) -> Option<Instruction> {
        let (closure, pc) = self.at(self.frames.len().checked_sub(1)?)?;
        closure.prototype.code.get(pc).copied()
    }

    pub(super) fn operand_error(
        &self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        operation: &str,
        value: Value<'gc>,
        operand: impl Fn(Instruction) -> u8,
    ) -> Error<'gc> {
        self.error_with_name(ctx, shared, operation, value, self.name_of(operand))
    }

    pub(super) fn index_error(
        &self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        table: Value<'gc>,
        event: &'static str,
        text: std::string::String,
    ) -> Error<'gc> {
        // What follows from a metamethod stands nowhere in the source, and has no name.
        let is_handler = shared.metatable(table).is_some_and(|metatable| !metatable.get(ctx, event).is_nil());
        if is_handler || !text.starts_with("attempt to index") {
            return self.error_here(ctx, text.as_bytes());
        }
        let name = match self.instruction().map(|instruction| instruction.op) {
            Some(Op::GetGlobal | Op::SetGlobal) => Some(("upvalue", "_ENV".into())),
            Some(Op::SetField | Op::SetIndex | Op::SetInteger) => self.name_of(|i| i.a),
            Some(Op::GetField | Op::GetIndex | Op::GetInteger | Op::Method) => self.name_of(|i| i.b),
            _ => None,
        };
        if let Some(("global", library)) = &name {
            self.hint_at_missing(shared, table, library, None);
        }
        self.error_with_name(ctx, shared, "index", table, name)
    }

    /// The value at `at` was called and cannot be.
    pub(super) fn call_error(&self, ctx: Context<'gc>, shared: &'gc Shared<'gc>, at: usize) -> Error<'gc> {
        let name = match self.instruction().map(|instruction| instruction.op) {
            Some(Op::Call | Op::TailCall) if self.native.is_none() => self.name_of(|i| i.a),
            _ => None,
        };
        let callee = self.stack[at];
        match &name {
            Some(("global", global)) => self.hint_at_missing(shared, callee, global, None),
            Some(("field" | "method", member)) => {
                if let Some(library) = self.called_library() {
                    self.hint_at_missing(shared, callee, &library, Some(member));
                }
            }
            _ => {}
        }
        self.error_with_name(ctx, shared, "call", callee, name)
    }

    /// The global whose field the current instruction calls.
    fn called_library(&self) -> Option<std::string::String> {
        let (closure, pc) = self.at(self.frames.len().checked_sub(1)?)?;
        let prototype = Gc::as_ref(closure.prototype);
        let getter = find_setter(prototype, pc, prototype.code.get(pc)?.a)?;
        match register_name(prototype, getter, prototype.code[getter].b)? {
            ("global", name) => Some(name.into_owned()),
            _ => None,
        }
    }

    /// Gives a hint if `value`, found as a global or its member, is nil because the chip lacks what desktop Lua has.
    fn hint_at_missing(&self, shared: &Shared<'gc>, value: Value<'gc>, global: &str, member: Option<&str>) {
        let dialect = shared.options.dialect;
        let is_missing = match member {
            None => missing::is_missing_library(global),
            Some(member) => missing::is_missing_member(dialect, global, member),
        };
        if value.is_nil() && is_missing && !shared.options.full_libraries {
            let name = member.map_or_else(|| global.to_owned(), |member| format!("{global}.{member}"));
            shared.hints.borrow_mut().missing(name, self.failing_position());
        }
    }

    pub(super) fn arithmetic_error(
        &self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        op: Op,
        left: Value<'gc>,
        right: Value<'gc>,
    ) -> Error<'gc> {
        let options = &shared.options;
        let is_bitwise =
            matches!(op, Op::BitAnd | Op::BitOr | Op::BitXor | Op::BitNot | Op::ShiftLeft | Op::ShiftRight);
        let is_number = |value| number::to_number(value, options).is_some();
        if is_bitwise && number::to_number(left, options).is_some() && number::to_number(right, options).is_some() {
            return self.representation_error(ctx, shared, left);
        }
        let left_fails = !is_number(left);
        let culprit = if left_fails { left } else { right };
        let name = match self.instruction() {
            Some(i) if left_fails => self.name_of(|_| i.b),
            Some(i) if without_register(i.op) => None,
            Some(i) => self.name_of(|_| i.c),
            None => None,
        };
        // In the reference a constant operand is no register and has no name, but for the one of a unary operator.
        let name = name.filter(|(kind, _)| *kind != "constant" || matches!(op, Op::Negate | Op::BitNot));
        let operation = if is_bitwise { "perform bitwise operation on" } else { "perform arithmetic on" };
        self.error_with_name(ctx, shared, operation, culprit, name)
    }

    fn representation_error(&self, ctx: Context<'gc>, shared: &'gc Shared<'gc>, left: Value<'gc>) -> Error<'gc> {
        let left_fails = number::to_exact_integer(left, &shared.options).is_none();
        let name = match self.instruction() {
            Some(i) if left_fails => self.name_of(|_| i.b),
            Some(i) => self.name_of(|_| i.c),
            None => None,
        };
        let name = name.filter(|(kind, _)| *kind != "constant");
        let text = match name {
            Some((kind, name)) => format!("number ({kind} '{name}') has no integer representation"),
            None => "number has no integer representation".to_owned(),
        };
        self.error_here(ctx, text.as_bytes())
    }

    pub(super) fn concat_error(
        &self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        left: Value<'gc>,
        right: Value<'gc>,
        last: usize,
    ) -> Error<'gc> {
        let left_fails = !matches!(left, Value::String(_) | Value::Number(_) | Value::Integer(_));
        let base = self.frames.last().map_or(0, |frame| frame.base as usize);
        let register = (if left_fails { last - 1 } else { last }).saturating_sub(base) as u8;
        let culprit = if left_fails { left } else { right };
        self.error_with_name(ctx, shared, "concatenate", culprit, self.name_of(|_| register))
    }

    pub(super) fn comparison_error(
        &self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        left: Value<'gc>,
        right: Value<'gc>,
    ) -> Error<'gc> {
        self.error_here(ctx, shared.comparison_message(ctx, left, right).as_bytes())
    }

    // Tracebacks.

    /// The text of `debug.traceback` from level `skip` on, which its caller counts as level `number`.
    pub(crate) fn traceback(&self, ctx: Context<'gc>, shared: &'gc Shared<'gc>, skip: usize, number: usize) -> Vec<u8> {
        let dialect = shared.options.dialect;
        let levels: Vec<_> = self.levels(dialect).skip(skip).collect();
        // 5.1 leaves out the middle by the levels' numbers, 5.3 by how many there are.
        let (head, tail, is_long) = if dialect.is_53() {
            (10, 11, levels.len() > 22)
        } else {
            (12usize.saturating_sub(number), 10, levels.len() + number > 23)
        };
        let mut text = b"stack traceback:".to_vec();
        for (index, &level) in levels.iter().enumerate() {
            if is_long && index >= head && index + tail < levels.len() {
                if index == head {
                    text.extend_from_slice(b"\n\t...");
                }
                continue;
            }
            text.extend_from_slice(b"\n\t");
            let line = self.traceback_line(ctx, shared, level);
            text.extend_from_slice(line.as_bytes());
        }
        text
    }

    fn traceback_line(&self, ctx: Context<'gc>, shared: &'gc Shared<'gc>, level: Level<'gc>) -> std::string::String {
        let dialect = shared.options.dialect;
        let is_53 = dialect.is_53();
        let (mut line, function, is_main, defined) = match level {
            Level::Tail => return "(tail call): ?".into(),
            Level::Host if is_53 => return "[C]: in ?".into(),
            Level::Host => return "[C]: ?".into(),
            Level::Native(function) => ("[C]:".to_owned(), function, false, None),
            Level::Frame(index) => match self.at(index) {
                None => ("[C]:".to_owned(), self.frames[index].function, false, None),
                Some((closure, pc)) => {
                    let prototype = Gc::as_ref(closure.prototype);
                    let file = &prototype.chunk.display_name;
                    let place = prototype.place(pc);
                    let text = if place.line > 0 { format!("{file}:{}:", place.line) } else { format!("{file}:") };
                    let is_main = prototype.line_defined == 0;
                    let defined = format!("function <{file}:{}>", prototype.line_defined);
                    (text, self.frames[index].function, is_main, Some(defined))
                }
            },
        };
        let name = self.function_name(level, dialect);
        let global = if is_53 { self.global_name(ctx, shared, function) } else { None };
        let description = match (global, name, is_main, defined) {
            (Some(global), ..) => {
                let global = global.strip_prefix("_G.").unwrap_or(&global).to_owned();
                format!(" in function '{global}'")
            }
            (None, Some((kind, name)), ..) if is_53 => format!(" in {kind} '{name}'"),
            (None, Some((_, name)), ..) => format!(" in function '{name}'"),
            (None, None, true, _) => " in main chunk".into(),
            (None, None, false, Some(defined)) => format!(" in {defined}"),
            (None, None, false, None) if is_53 => " in ?".into(),
            (None, None, false, None) => " ?".into(),
        };
        line.push_str(&description);
        if is_53
            && let Level::Frame(index) = level
            && self.frames[index].tail_calls > 0
        {
            line.push_str("\n\t(...tail calls...)");
        }
        line
    }

    /// The traceback of a coroutine that does not run.
    pub(crate) fn coroutine_traceback(
        &self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        coroutine: Coroutine<'gc>,
        skip: usize,
    ) -> Vec<u8> {
        let mut text = b"stack traceback:".to_vec();
        let state = coroutine.cell().borrow();
        // A suspended coroutine that has begun stands in `yield`.
        let mut lines = Vec::new();
        if !state.frames.is_empty() {
            lines.push("[C]: in function 'yield'".to_owned());
            if shared.options.dialect.is_53() {
                lines[0] = "[C]: in function 'coroutine.yield'".to_owned();
            }
        }
        for (index, frame) in state.frames.iter().enumerate().rev() {
            let Some(closure) = frame.closure() else {
                lines.push("[C]: in ?".to_owned());
                continue;
            };
            let prototype = Gc::as_ref(closure.prototype);
            let pc = (frame.pc as usize).saturating_sub(1);
            let file = &prototype.chunk.display_name;
            let name = index.checked_sub(1).and_then(|below| {
                let caller = state.frames[below].closure()?;
                let pc = (state.frames[below].pc as usize).saturating_sub(1);
                let instruction = *caller.prototype.code.get(pc)?;
                matches!(instruction.op, Op::Call)
                    .then(|| register_name(Gc::as_ref(caller.prototype), pc, instruction.a))?
            });
            let description = match name {
                Some((kind, name)) if shared.options.dialect.is_53() => format!("in {kind} '{name}'"),
                Some((_, name)) => format!("in function '{name}'"),
                None => format!("in function <{file}:{}>", prototype.line_defined),
            };
            lines.push(format!("{file}:{}: {description}", prototype.place(pc).line));
        }
        let _ = ctx;
        for line in lines.iter().skip(skip) {
            text.extend_from_slice(b"\n\t");
            text.extend_from_slice(line.as_bytes());
        }
        text
    }

    /// The table of `debug.getinfo`.
    pub(crate) fn info(
        &self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        level: Option<Level<'gc>>,
        function: Option<Function<'gc>>,
        wanted: &[u8],
    ) -> Table<'gc> {
        let dialect = shared.options.dialect;
        let table = Table::new(&ctx);
        let text = |text: &str| Value::String(String::from_slice(&ctx, text));
        let closure = function.and_then(Function::closure);
        if wanted.contains(&b'S') {
            let (source, short, what, first, last) = match closure {
                Some(closure) => {
                    let prototype = closure.prototype;
                    let what = if prototype.line_defined == 0 { "main" } else { "Lua" };
                    let source = std::string::String::from_utf8_lossy(&prototype.chunk.name).into_owned();
                    let (first, last) = (i64::from(prototype.line_defined), i64::from(prototype.last_line));
                    let last = if first == 0 && dialect.is_53() { -1 } else { last };
                    (source, prototype.chunk.display_name.clone(), what, first, last)
                }
                None if matches!(level, Some(Level::Tail)) => {
                    ("=(tail call)".into(), "(tail call)".into(), "tail", -1, -1)
                }
                None => ("=[C]".into(), "[C]".into(), "C", -1, -1),
            };
            table.set_field(ctx, "source", text(&source));
            table.set_field(ctx, "short_src", text(&short));
            table.set_field(ctx, "what", text(what));
            table.set_field(ctx, "linedefined", dialect.integer(first));
            table.set_field(ctx, "lastlinedefined", dialect.integer(last));
        }
        if wanted.contains(&b'l') {
            let line = match level {
                Some(Level::Frame(index)) => self.at(index).map(|(closure, pc)| closure.prototype.place(pc).line),
                _ => None,
            };
            table.set_field(ctx, "currentline", dialect.integer(line.map_or(-1, i64::from)));
        }
        if wanted.contains(&b'u') {
            let count = closure.map_or(0, |closure| {
                let hidden = usize::from(dialect.is_53() && closure.prototype.environment_at.is_some());
                closure.upvalues.len() + hidden
            });
            table.set_field(ctx, "nups", dialect.integer(count as i64));
            if dialect.is_53() {
                let (parameters, is_vararg) = match closure {
                    Some(closure) => (i64::from(closure.prototype.parameters), closure.prototype.is_vararg),
                    None => (0, true),
                };
                table.set_field(ctx, "nparams", dialect.integer(parameters));
                table.set_field(ctx, "isvararg", is_vararg);
            }
        }
        if wanted.contains(&b'n') {
            let name = level.and_then(|level| self.function_name(level, dialect));
            let (kind, name) = match name {
                Some((kind, name)) => (kind, text(&name)),
                None => ("", Value::Nil),
            };
            table.set_field(ctx, "name", name);
            table.set_field(ctx, "namewhat", text(kind));
        }
        if wanted.contains(&b't') {
            let is_tail = matches!(level, Some(Level::Frame(index)) if self.frames[index].tail_calls > 0);
            table.set_field(ctx, "istailcall", is_tail);
        }
        if wanted.contains(&b'L')
            && let Some(closure) = closure
        {
            let lines = Table::new(&ctx);
            for place in &closure.prototype.places {
                let _ = lines.set_value(&ctx, Value::Integer(i64::from(place.line)), Value::Boolean(true));
            }
            table.set_field(ctx, "activelines", lines);
        }
        if wanted.contains(&b'f') {
            table.set_field(ctx, "func", function.map(Value::from).unwrap_or_default());
        }
        table
    }

    /// The named locals of a frame with their values, in order of declaration.
    pub(crate) fn locals(&self, index: usize) -> Vec<(Vec<u8>, Value<'gc>)> {
        self.at(index).map_or_else(Vec::new, |(_, pc)| self.locals_at(index, pc))
    }

    /// The named locals of a frame before its instruction at `pc` runs.
    pub(crate) fn locals_at(&self, index: usize, pc: usize) -> Vec<(Vec<u8>, Value<'gc>)> {
        let Some((closure, _)) = self.at(index) else { return Vec::new() };
        let base = self.frames[index].base as usize;
        let pc = pc as u32;
        let mut locals = Vec::new();
        for local in closure.prototype.locals.iter().filter(|local| local.start <= pc && pc < local.end) {
            let value = self.stack.get(base + usize::from(local.register)).copied().unwrap_or_default();
            locals.push((local.name.to_vec(), crate::closure::open_box(value)));
        }
        locals
    }

    /// The function of a level as a value.
    pub(crate) fn level_function(&self, level: Level<'gc>) -> Option<Function<'gc>> {
        match level {
            Level::Native(function) => Some(Function(function)),
            Level::Frame(index) => {
                let function = self.frames[index].function;
                let is_function =
                    function.is::<Rootable![ClosureCell<'_>]>() || function.is::<Rootable![NativeCell<'_>]>();
                is_function.then_some(Function(function))
            }
            Level::Tail | Level::Host => None,
        }
    }
}

/// Whether the second operand of an instruction is a constant.
fn without_register(op: Op) -> bool {
    matches!(op, Op::AddK | Op::SubK | Op::MulK | Op::DivK | Op::ModK | Op::PowK | Op::FloorDivK)
}

/// What the source calls the value in `register` when the instruction at `pc` runs (`getobjname`).
pub(crate) fn register_name<'gc>(prototype: &'gc Prototype<'gc>, pc: usize, register: u8) -> Option<Name<'gc>> {
    if let Some(name) = prototype.local_name(register, pc)
        && !name.starts_with(b"(")
    {
        return Some(("local", std::string::String::from_utf8_lossy(name)));
    }
    let setter = find_setter(prototype, pc, register)?;
    let instruction = prototype.code[setter];
    let constant = |index: usize| match prototype.constants.get(index) {
        Some(Value::String(text)) => std::string::String::from_utf8_lossy(text.as_bytes()),
        _ => "?".into(),
    };
    match instruction.op {
        Op::Move if instruction.b < instruction.a => register_name(prototype, setter, instruction.b),
        Op::GetBox => match register_name(prototype, setter, instruction.b) {
            Some(("local", name)) => Some(("local", name)),
            _ => None,
        },
        Op::GetGlobal => Some(("global", constant(instruction.bx() as usize))),
        Op::GetField => Some(("field", constant(instruction.c as usize))),
        // Of a key that is no name the reference knows only that there is one.
        Op::GetInteger => Some(("field", "?".into())),
        Op::GetIndex => match register_name(prototype, setter, instruction.c) {
            Some(("constant", name)) if prototype.dialect.is_53() => Some(("field", name)),
            _ => Some(("field", "?".into())),
        },
        Op::Method => Some(("method", constant(instruction.c as usize))),
        Op::GetUpvalue | Op::GetBoxUpvalue => {
            let name = &prototype.upvalues.get(instruction.b as usize)?.name;
            Some(("upvalue", if name.is_empty() { "?".into() } else { std::string::String::from_utf8_lossy(name) }))
        }
        Op::GetSelf => {
            let own =
                prototype.upvalues.iter().find(|upvalue| upvalue.source == crate::compiler::UpvalueSource::Own)?;
            let name = &own.name;
            Some(("upvalue", if name.is_empty() { "?".into() } else { std::string::String::from_utf8_lossy(name) }))
        }
        Op::LoadK if prototype.dialect.is_53() => match prototype.constants.get(instruction.bx() as usize) {
            Some(Value::String(text)) => Some(("constant", std::string::String::from_utf8_lossy(text.as_bytes()))),
            _ => None,
        },
        _ => None,
    }
}

/// The instruction that gave `register` the value it has at `last` (`findsetreg`).
fn find_setter(prototype: &Prototype<'_>, last: usize, register: u8) -> Option<usize> {
    let mut setter = None;
    let mut jump_target = 0;
    let mut pc = 0;
    while pc < last {
        let i = prototype.code[pc];
        let changes = match i.op {
            Op::LoadNil => i.a <= register && u16::from(register) <= u16::from(i.a) + u16::from(i.b),
            Op::ForCall => register >= i.a.saturating_add(2),
            Op::Call | Op::TailCall => register >= i.a,
            Op::Method => register == i.a || register == i.a + 1,
            Op::Vararg => register >= i.a,
            Op::Jump => {
                let target = (pc as i64 + 1 + i64::from(i.offset())) as usize;
                if pc < target && target <= last && target > jump_target {
                    jump_target = target;
                }
                false
            }
            Op::SetField
            | Op::SetIndex
            | Op::SetInteger
            | Op::SetGlobal
            | Op::SetBox
            | Op::SetBoxUpvalue
            | Op::SetList
            | Op::Return
            | Op::Test
            | Op::Equal
            | Op::EqualK
            | Op::Less
            | Op::LessEqual
            | Op::LessK
            | Op::LessEqualK
            | Op::GreaterK
            | Op::GreaterEqualK
            | Op::ForNext => false,
            Op::ForPrepare | Op::ForLoop => register >= i.a && register <= i.a.saturating_add(3),
            _ => i.a == register,
        };
        if changes {
            // Code that a jump may have skipped tells nothing for sure.
            setter = if pc < jump_target { None } else { Some(pc) };
        }
        pc += match i.op {
            Op::LoadKWide | Op::SetList => 2,
            _ => 1,
        };
    }
    setter
}
