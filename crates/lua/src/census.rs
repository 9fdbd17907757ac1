//! What the values that a program can reach would take on the chip.
//!
//! The bytes that this engine uses differ from build to build, for a pointer has eight bytes here and four in WebAssembly. A
//! program that prints its free heap must see the same everywhere, so the values are counted and weighed as Lua 5.1 lays
//! them out on the ESP8266: four bytes to a pointer, twelve to a value (`lobject.h` with packed values). Garbage counts
//! nothing, as the chip collects at every allocation; read-only tables and native functions count nothing, as they stand in
//! flash. Left out: what some native functions under
//! way hold.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, DefaultHasher};

use gc_arena::{Gc, Rootable};
use piccolo::{Context, String, UserData, Value};

use crate::{
    Coroutine, Function, Object,
    closure::{BoxCell, ClosureCell},
    machine::Machine,
    prototype::Prototype,
    shared::Shared,
    table::Table,
    value::{Kind, kind},
};

const VALUE: usize = 12;
const POINTER: usize = 4;
/// `TString` without its characters, and their end.
const STRING: usize = 16 + 1;
/// `Table` without its parts, and an entry of its hash part.
const TABLE: usize = 40;
const NODE: usize = 28;
/// `LClosure` without its upvalues, and `UpVal`.
const CLOSURE: usize = 20;
const UPVALUE: usize = 24;
/// `Proto` without its parts, one instruction with its share of the packed lines.
const PROTOTYPE: usize = 76;
const INSTRUCTION: usize = 5;
/// `Udata` and a typical C structure behind it.
const OBJECT: usize = 20 + 40;
/// `lua_State`, and a `CallInfo`.
const THREAD: usize = 120;
const FRAME: usize = 24;

/// Weighs everything reachable from the globals, the registry, what is stashed, and the machine under way.
pub(crate) fn weigh<'gc>(ctx: Context<'gc>, shared: &Shared<'gc>, machine: Option<&Machine<'gc>>) -> usize {
    let mut census = Census::default();
    census.meet(shared.globals.into());
    census.meet(shared.registry.into());
    shared.roots.borrow().stashed.visit(&ctx, &mut |value| census.meet(value));
    if let Some(machine) = machine {
        census.meet_all(machine.live_values());
        census.bytes += FRAME * machine.frames.len();
        for frame in &machine.frames {
            frame.visit(&mut |value| census.meet(value));
        }
    }
    while let Some(value) = census.waiting.pop() {
        census.weigh(value);
    }
    census.bytes
}

#[derive(Default)]
struct Census<'gc> {
    seen: HashSet<usize, BuildHasherDefault<DefaultHasher>>,
    waiting: Vec<Value<'gc>>,
    bytes: usize,
}

impl<'gc> Census<'gc> {
    /// Puts a value on the list the first time it is met.
    fn meet(&mut self, value: Value<'gc>) {
        let address = match value {
            Value::String(string) => Gc::as_ptr(string.into_inner()) as usize,
            Value::UserData(userdata) => Gc::as_ptr(userdata.into_inner()) as usize,
            _ => return,
        };
        if self.seen.insert(address) {
            self.waiting.push(value);
        }
    }

    fn meet_all(&mut self, values: &[Value<'gc>]) {
        for value in values {
            self.meet(*value);
        }
    }

    fn weigh(&mut self, value: Value<'gc>) {
        match kind(value) {
            Kind::String(string) => self.string(string),
            Kind::Table(table) => self.table(table),
            Kind::Function(function) => self.function(function),
            Kind::Thread(coroutine) => self.coroutine(coroutine),
            Kind::Object(object) => self.object(object),
            _ => self.shared_variable(value),
        }
    }

    fn string(&mut self, string: String<'gc>) {
        self.bytes += STRING + string.as_bytes().len();
    }

    fn table(&mut self, table: Table<'gc>) {
        let state = table.cell().borrow();
        if state.is_read_only() {
            return;
        }
        let (elements, entries) = state.sizes();
        let room = |count: usize| if count == 0 { 0 } else { count.next_power_of_two() };
        self.bytes += TABLE + VALUE * room(elements) + NODE * room(entries);
        state.visit(&mut |value| self.meet(value));
    }

    fn function(&mut self, function: Function<'gc>) {
        let Some(closure) = function.closure() else { return };
        let ClosureCell { prototype, environment, upvalues } = closure;
        self.bytes += CLOSURE + POINTER * upvalues.len();
        for upvalue in upvalues {
            // A variable that is never changed is copied here; on the chip it is an upvalue like any other.
            self.bytes += if is_shared_variable(*upvalue) { 0 } else { UPVALUE };
            self.meet(*upvalue);
        }
        self.meet(environment.get());
        self.prototype(*prototype);
    }

    fn shared_variable(&mut self, value: Value<'gc>) {
        if let Value::UserData(userdata) = value
            && let Some(inner) = content(userdata)
        {
            self.bytes += UPVALUE;
            self.meet(inner);
        }
    }

    fn prototype(&mut self, prototype: Gc<'gc, Prototype<'gc>>) {
        if !self.seen.insert(Gc::as_ptr(prototype) as usize) {
            return;
        }
        self.bytes += PROTOTYPE + INSTRUCTION * prototype.code.len() + VALUE * prototype.constants.len();
        self.meet_all(&prototype.constants);
        for child in &prototype.children {
            self.prototype(*child);
        }
    }

    fn coroutine(&mut self, coroutine: Coroutine<'gc>) {
        let state = coroutine.cell().borrow();
        self.bytes += THREAD + VALUE * state.values.len() + FRAME * state.frames.len();
        state.visit(&mut |value| self.meet(value));
    }

    fn object(&mut self, object: Object<'gc>) {
        self.bytes += OBJECT;
        object.visit(&mut |value| self.meet(value));
    }
}

fn is_shared_variable(value: Value<'_>) -> bool {
    matches!(value, Value::UserData(userdata) if content(userdata).is_some())
}

/// What a variable shared between closures holds; `None` for anything else.
fn content<'gc>(userdata: UserData<'gc>) -> Option<Value<'gc>> {
    userdata.downcast::<Rootable![BoxCell<'_>]>().ok().map(|cell| cell.get())
}
