//! What a value is to a program: kinds, type names, functions, userdata, weak references.
//!
//! piccolo's [`Value`] carries everything. Nil, booleans, numbers and strings are its own; tables, functions, coroutines and
//! userdata objects are this crate's types behind [`Value::UserData`], told apart by [`kind`]. piccolo's own tables and
//! functions never appear in programs.

use std::{
    any::Any,
    rc::{Rc, Weak},
};

use gc_arena::{Collect, DynamicRoot, Gc, GcWeak, Mutation, Rootable, lock::Lock, lock::RefLock};
use piccolo::{Context, IntoValue, String, UserData, Value, userdata::UserDataInner};

use crate::{closure::ClosureCell, coroutine::CoroutineCell, native::NativeCell, shared::Shared, table::Table};

/// A value, sorted by what a program can do with it.
#[derive(Copy, Clone)]
pub enum Kind<'gc> {
    /// `nil`
    Nil,
    /// `true` or `false`
    Boolean(bool),
    /// An integer of 5.3, or a whole number from native code.
    Integer(i64),
    /// A float.
    Number(f64),
    /// A string of bytes.
    String(String<'gc>),
    /// A table.
    Table(Table<'gc>),
    /// A function of Lua or of native code.
    Function(Function<'gc>),
    /// A coroutine.
    Thread(Coroutine<'gc>),
    /// A userdata object.
    Object(Object<'gc>),
}

/// Sorts `value`.
pub fn kind(value: Value<'_>) -> Kind<'_> {
    match value {
        Value::Nil => Kind::Nil,
        Value::Boolean(boolean) => Kind::Boolean(boolean),
        Value::Integer(integer) => Kind::Integer(integer),
        Value::Number(number) => Kind::Number(number),
        Value::String(string) => Kind::String(string),
        Value::UserData(userdata) => {
            if let Some(table) = Table::from_value(value) {
                Kind::Table(table)
            } else if let Some(function) = Function::from_value(value) {
                Kind::Function(function)
            } else if userdata.is::<Rootable![CoroutineCell<'_>]>() {
                Kind::Thread(Coroutine(userdata))
            } else if userdata.is::<Rootable![ObjectCell<'_>]>() {
                Kind::Object(Object(userdata))
            } else {
                Kind::Nil
            }
        }
        Value::Table(_) | Value::Function(_) | Value::Thread(_) => Kind::Nil,
    }
}

/// The name that `type` gives.
pub fn type_name(value: Value<'_>) -> &'static str {
    match kind(value) {
        Kind::Nil => "nil",
        Kind::Boolean(_) => "boolean",
        Kind::Integer(_) | Kind::Number(_) => "number",
        Kind::String(_) => "string",
        Kind::Table(_) => "table",
        Kind::Function(_) => "function",
        Kind::Thread(_) => "thread",
        Kind::Object(_) => "userdata",
    }
}

/// Whether two values are the same without asking metamethods.
pub fn raw_equal<'gc>(a: Value<'gc>, b: Value<'gc>) -> bool {
    match (a, b) {
        (Value::Nil, Value::Nil) => true,
        (Value::Boolean(a), Value::Boolean(b)) => a == b,
        (Value::Integer(a), Value::Integer(b)) => a == b,
        (Value::Number(a), Value::Number(b)) => a == b,
        (Value::Integer(a), Value::Number(b)) | (Value::Number(b), Value::Integer(a)) => {
            crate::table::float_to_integer(b) == Some(a)
        }
        (Value::String(a), Value::String(b)) => crate::table::same_string(a, b) || a == b,
        (Value::UserData(a), Value::UserData(b)) => a == b,
        _ => false,
    }
}

/// A function, of Lua or native.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Collect)]
#[collect(no_drop)]
pub struct Function<'gc>(pub(crate) UserData<'gc>);

impl<'gc> Function<'gc> {
    /// The function that `value` is, if it is one.
    pub fn from_value(value: Value<'gc>) -> Option<Self> {
        match value {
            Value::UserData(userdata)
                if userdata.is::<Rootable![ClosureCell<'_>]>() || userdata.is::<Rootable![NativeCell<'_>]>() =>
            {
                Some(Function(userdata))
            }
            _ => None,
        }
    }

    pub(crate) fn closure(self) -> Option<&'gc ClosureCell<'gc>> {
        self.0.downcast::<Rootable![ClosureCell<'_>]>().ok()
    }

    pub(crate) fn native(self) -> Option<&'gc NativeCell<'gc>> {
        self.0.downcast::<Rootable![NativeCell<'_>]>().ok()
    }

    /// Whether the function is written in Rust.
    pub fn is_native(self) -> bool {
        self.native().is_some()
    }
}

impl<'gc> From<Function<'gc>> for Value<'gc> {
    fn from(function: Function<'gc>) -> Self {
        Value::UserData(function.0)
    }
}

impl<'gc> IntoValue<'gc> for Function<'gc> {
    fn into_value(self, _: Context<'gc>) -> Value<'gc> {
        self.into()
    }
}

/// A coroutine.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Collect)]
#[collect(no_drop)]
pub struct Coroutine<'gc>(pub(crate) UserData<'gc>);

impl<'gc> Coroutine<'gc> {
    /// The coroutine that `value` is, if it is one.
    pub fn from_value(value: Value<'gc>) -> Option<Self> {
        match kind(value) {
            Kind::Thread(coroutine) => Some(coroutine),
            _ => None,
        }
    }

    #[allow(dead_code)]
    pub(crate) fn cell(self) -> &'gc CoroutineCell<'gc> {
        self.0.downcast::<Rootable![CoroutineCell<'_>]>().expect("a Coroutine wraps nothing but a coroutine")
    }
}

impl<'gc> From<Coroutine<'gc>> for Value<'gc> {
    fn from(coroutine: Coroutine<'gc>) -> Self {
        Value::UserData(coroutine.0)
    }
}

impl<'gc> IntoValue<'gc> for Coroutine<'gc> {
    fn into_value(self, _: Context<'gc>) -> Value<'gc> {
        self.into()
    }
}

/// A userdata object: a Rust value with a metatable. The Rust value is dropped when the object is collected.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Collect)]
#[collect(no_drop)]
pub struct Object<'gc>(pub(crate) UserData<'gc>);

#[derive(Collect)]
#[collect(no_drop)]
pub(crate) struct ObjectCell<'gc> {
    metatable: Lock<Option<Table<'gc>>>,
    environment: Lock<Option<Table<'gc>>>,
    values: RefLock<Vec<Value<'gc>>>,
    payload: Payload,
}

#[derive(Collect)]
#[collect(require_static)]
struct Payload(Box<dyn Any>);

impl<'gc> Object<'gc> {
    /// Makes an object around `payload`.
    pub fn new<T: 'static>(mc: &Mutation<'gc>, payload: T, metatable: Option<Table<'gc>>) -> Self {
        Object(UserData::new::<Rootable![ObjectCell<'_>]>(
            mc,
            ObjectCell {
                metatable: Lock::new(metatable),
                environment: Lock::new(None),
                values: RefLock::new(Vec::new()),
                payload: Payload(Box::new(payload)),
            },
        ))
    }

    /// The object that `value` is, if it is one.
    pub fn from_value(value: Value<'gc>) -> Option<Self> {
        match value {
            Value::UserData(userdata) if userdata.is::<Rootable![ObjectCell<'_>]>() => Some(Object(userdata)),
            _ => None,
        }
    }

    /// The Rust value inside, if it is a `T`.
    pub fn payload<T: 'static>(self) -> Option<&'gc T> {
        self.cell().payload.0.downcast_ref()
    }

    /// The metatable.
    pub fn metatable(self) -> Option<Table<'gc>> {
        self.cell().metatable.get()
    }

    /// Sets the metatable.
    pub fn set_metatable(self, mc: &Mutation<'gc>, metatable: Option<Table<'gc>>) {
        let cell =
            self.0.downcast_write::<Rootable![ObjectCell<'_>]>(mc).expect("an Object wraps nothing but an object");
        gc_arena::barrier::field!(cell, ObjectCell, metatable).unlock().set(metatable);
    }

    /// Shows what the object keeps alive in the heap.
    pub(crate) fn visit(self, visit: &mut dyn FnMut(Value<'gc>)) {
        let cell = self.cell();
        for table in [cell.metatable.get(), cell.environment.get()].into_iter().flatten() {
            visit(table.into());
        }
        cell.values.borrow().iter().for_each(|value| visit(*value));
    }

    /// A Lua value kept alive by this object in `slot`; nil when none was set.
    pub fn value(self, slot: usize) -> Value<'gc> {
        self.cell().values.borrow().get(slot).copied().unwrap_or_default()
    }

    /// Keeps a Lua value alive with this object.
    pub fn set_value(self, mc: &Mutation<'gc>, slot: usize, value: Value<'gc>) {
        let cell =
            self.0.downcast_write::<Rootable![ObjectCell<'_>]>(mc).expect("an Object wraps nothing but an object");
        let mut values = gc_arena::barrier::field!(cell, ObjectCell, values).unlock().borrow_mut();
        if values.len() <= slot {
            values.resize(slot + 1, Value::Nil);
        }
        values[slot] = value;
    }

    fn cell(self) -> &'gc ObjectCell<'gc> {
        self.0.downcast::<Rootable![ObjectCell<'_>]>().expect("an Object wraps nothing but an object")
    }
}

impl<'gc> From<Object<'gc>> for Value<'gc> {
    fn from(object: Object<'gc>) -> Self {
        Value::UserData(object.0)
    }
}

impl<'gc> IntoValue<'gc> for Object<'gc> {
    fn into_value(self, _: Context<'gc>) -> Value<'gc> {
        self.into()
    }
}

/// A reference in a weak table.
#[derive(Collect)]
#[collect(no_drop)]
pub(crate) struct WeakCell<'gc>(GcWeak<'gc, UserDataInner<'gc>>);

impl<'gc> WeakCell<'gc> {
    pub(crate) fn value(mc: &Mutation<'gc>, userdata: UserData<'gc>) -> Value<'gc> {
        if userdata.is::<Rootable![WeakCell<'_>]>() {
            return Value::UserData(userdata);
        }
        let weak = WeakCell(Gc::downgrade(userdata.into_inner()));
        Value::UserData(UserData::new::<Rootable![WeakCell<'_>]>(mc, weak))
    }

    /// The object behind a weak reference, nil when it is gone; any other userdata is itself.
    pub(crate) fn resolve(mc: &Mutation<'gc>, userdata: UserData<'gc>) -> Value<'gc> {
        match userdata.downcast::<Rootable![WeakCell<'_>]>() {
            Ok(weak) => match weak.0.upgrade(mc) {
                Some(inner) => Value::UserData(UserData::from_inner(inner)),
                None => Value::Nil,
            },
            Err(_) => Value::UserData(userdata),
        }
    }

    pub(crate) fn address(userdata: UserData<'gc>) -> Option<usize> {
        userdata.downcast::<Rootable![WeakCell<'_>]>().ok().map(|weak| weak.0.as_ptr() as usize)
    }
}

/// A value held from outside the heap. It stays alive until this handle and its clones are dropped.
#[derive(Clone)]
pub enum Stashed {
    /// A value without a place in the heap.
    Plain(PlainValue),
    /// A string.
    String(DynamicRoot<Rootable![String<'_>]>),
    /// A table, function, coroutine or object.
    Object(StashedObject),
}

/// An object held from outside the heap.
#[derive(Clone)]
pub struct StashedObject {
    root: DynamicRoot<Rootable![UserData<'_>]>,
    /// Tells [`Stash`] that the handle lives.
    _token: Rc<()>,
}

/// The objects that are held from outside the heap. piccolo's registry, which holds them, does not tell.
#[derive(Collect, Default)]
#[collect(no_drop)]
pub(crate) struct Stash<'gc> {
    entries: Vec<StashEntry<'gc>>,
    /// How many entries, some of them perhaps given up, are looked through next.
    #[collect(require_static)]
    purge_at: usize,
}

#[derive(Collect)]
#[collect(no_drop)]
struct StashEntry<'gc> {
    object: GcWeak<'gc, UserDataInner<'gc>>,
    #[collect(require_static)]
    token: Weak<()>,
}

impl<'gc> Stash<'gc> {
    fn add(&mut self, object: UserData<'gc>) -> Rc<()> {
        if self.entries.len() >= self.purge_at {
            self.entries.retain(|entry| entry.token.strong_count() > 0);
            self.purge_at = self.entries.len() * 2 + 32;
        }
        let token = Rc::new(());
        self.entries.push(StashEntry { object: Gc::downgrade(object.into_inner()), token: Rc::downgrade(&token) });
        token
    }

    /// Shows the objects.
    pub(crate) fn visit(&self, mc: &Mutation<'gc>, visit: &mut dyn FnMut(Value<'gc>)) {
        for entry in self.entries.iter().filter(|entry| entry.token.strong_count() > 0) {
            if let Some(inner) = entry.object.upgrade(mc) {
                visit(Value::UserData(UserData::from_inner(inner)));
            }
        }
    }
}

/// A value without a place in the heap.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub enum PlainValue {
    Nil,
    Boolean(bool),
    Integer(i64),
    Number(f64),
}

impl std::fmt::Debug for Stashed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Stashed::Plain(value) => value.fmt(formatter),
            Stashed::String(_) => formatter.write_str("string"),
            Stashed::Object(_) => formatter.write_str("object"),
        }
    }
}

/// Keeps `value` for later, outside the heap.
pub fn stash<'gc>(ctx: Context<'gc>, value: impl Into<Value<'gc>>) -> Stashed {
    let roots = ctx.registry().roots();
    match value.into() {
        Value::Boolean(boolean) => Stashed::Plain(PlainValue::Boolean(boolean)),
        Value::Integer(integer) => Stashed::Plain(PlainValue::Integer(integer)),
        Value::Number(number) => Stashed::Plain(PlainValue::Number(number)),
        Value::String(string) => Stashed::String(roots.stash::<Rootable![String<'_>]>(&ctx, string)),
        Value::UserData(userdata) => Stashed::Object(StashedObject {
            root: roots.stash::<Rootable![UserData<'_>]>(&ctx, userdata),
            _token: Shared::of(ctx).roots.borrow_mut(&ctx).stashed.add(userdata),
        }),
        _ => Stashed::Plain(PlainValue::Nil),
    }
}

/// The value kept by `stashed`.
///
/// # Panics
/// If it was stashed in another engine.
pub fn fetch<'gc>(ctx: Context<'gc>, stashed: &Stashed) -> Value<'gc> {
    let roots = ctx.registry().roots();
    match stashed {
        Stashed::Plain(PlainValue::Nil) => Value::Nil,
        Stashed::Plain(PlainValue::Boolean(boolean)) => Value::Boolean(*boolean),
        Stashed::Plain(PlainValue::Integer(integer)) => Value::Integer(*integer),
        Stashed::Plain(PlainValue::Number(number)) => Value::Number(*number),
        Stashed::String(root) => Value::String(*roots.fetch::<Rootable![String<'_>]>(root)),
        Stashed::Object(object) => Value::UserData(*roots.fetch::<Rootable![UserData<'_>]>(&object.root)),
    }
}

/// A function held from outside the heap.
#[derive(Debug, Clone)]
pub struct StashedFunction(pub(crate) Stashed);

impl StashedFunction {
    /// Keeps `function` for later, outside the heap.
    pub fn new<'gc>(ctx: Context<'gc>, function: Function<'gc>) -> Self {
        StashedFunction(stash(ctx, Value::from(function)))
    }

    /// The function kept.
    ///
    /// # Panics
    /// If it was stashed in another engine.
    pub fn fetch<'gc>(&self, ctx: Context<'gc>) -> Function<'gc> {
        Function::from_value(fetch(ctx, &self.0)).expect("only functions are stashed as functions")
    }
}
