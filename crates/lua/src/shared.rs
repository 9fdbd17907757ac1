//! What all runs of one engine share: options, globals, the metatable of strings, the fake addresses.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::rc::Rc;

use gc_arena::{Collect, Gc, GcWeak, Rootable, lock::Lock, lock::RefLock};
use piccolo::{Context, Singleton, String, UserData, Value, userdata::UserDataInner};

use crate::{
    Options, Table,
    debugger::Watch,
    missing::Hints,
    native::Lookup,
    number,
    reach::{Finalizers, Roots},
    value::{Function, Kind, kind, type_name},
};

/// See the module's text.
#[derive(Collect)]
#[collect(no_drop)]
pub(crate) struct Shared<'gc> {
    #[collect(require_static)]
    pub(crate) options: Options,
    pub(crate) globals: Table<'gc>,
    pub(crate) registry: Table<'gc>,
    /// Read-only modules of the firmware; globals fall through to it.
    pub(crate) rom: Table<'gc>,
    string_metatable: Gc<'gc, Lock<Option<Table<'gc>>>>,
    other_metatables: Gc<'gc, RefLock<[Option<Table<'gc>>; 5]>>,
    pub(crate) names: Names<'gc>,
    pub(crate) iterators: Gc<'gc, Lock<Iterators<'gc>>>,
    pub(crate) finalizers: Gc<'gc, RefLock<Finalizers<'gc>>>,
    pub(crate) roots: Gc<'gc, RefLock<Roots<'gc>>>,
    /// Whether a program has made a table with weak keys.
    #[collect(require_static)]
    pub(crate) has_weak_keys: Cell<bool>,
    /// Most bytes the arena may hold, that of a fresh engine included.
    #[collect(require_static)]
    pub(crate) memory_max: Cell<Option<usize>>,
    addresses: Gc<'gc, RefLock<Addresses<'gc>>>,
    #[collect(require_static)]
    pub(crate) watch: Rc<RefCell<Watch>>,
    #[collect(require_static)]
    pub(crate) hints: Rc<RefCell<Hints>>,
}

/// Stable, invented addresses for `tostring`: real ones would differ from run to run.
#[derive(Collect)]
#[collect(no_drop)]
struct Addresses<'gc> {
    next: u32,
    #[allow(clippy::type_complexity)]
    known: HashMap<usize, (GcWeak<'gc, UserDataInner<'gc>>, u32), BuildHasherDefault<DefaultHasher>>,
    purge_at: usize,
}

/// Finds the shared state from a context; the options are set before anything asks.
#[derive(Collect)]
#[collect(no_drop)]
struct SharedRoot<'gc>(Gc<'gc, Lock<Option<Gc<'gc, Shared<'gc>>>>>);

impl<'gc> Singleton<'gc> for SharedRoot<'gc> {
    fn create(ctx: Context<'gc>) -> Self {
        SharedRoot(Gc::new(&ctx, Lock::new(None)))
    }
}

/// The first invented address; in the range of the chip's heap.
const ADDRESS_FIRST: u32 = 0x3fff_0008;
const ADDRESS_STEP: u32 = 0x28;

impl<'gc> Shared<'gc> {
    pub(crate) fn install(ctx: Context<'gc>, options: Options) -> &'gc Shared<'gc> {
        let shared = Gc::new(
            &ctx,
            Shared {
                options,
                globals: Table::new(&ctx),
                registry: Table::new(&ctx),
                rom: Table::new(&ctx),
                string_metatable: Gc::new(&ctx, Lock::new(None)),
                other_metatables: Gc::new(&ctx, RefLock::new([None; 5])),
                names: Names::new(ctx),
                iterators: Gc::new(&ctx, Lock::new(Iterators::default())),
                finalizers: Gc::new(&ctx, RefLock::default()),
                roots: Gc::new(&ctx, RefLock::default()),
                has_weak_keys: Cell::new(false),
                memory_max: Cell::new(None),
                addresses: Gc::new(
                    &ctx,
                    RefLock::new(Addresses { next: ADDRESS_FIRST, known: HashMap::default(), purge_at: 256 }),
                ),
                watch: Rc::default(),
                hints: Rc::default(),
            },
        );
        ctx.singleton::<Rootable![SharedRoot<'_>]>().0.set(&ctx, Some(shared));
        Gc::as_ref(shared)
    }

    pub(crate) fn of(ctx: Context<'gc>) -> &'gc Shared<'gc> {
        let shared = ctx.singleton::<Rootable![SharedRoot<'_>]>().0.get();
        Gc::as_ref(shared.expect("an engine installs its shared state when it is made"))
    }

    /// Shows what every program can reach.
    pub(crate) fn visit(&self, visit: &mut dyn FnMut(Value<'gc>)) {
        for table in [self.globals, self.registry, self.rom] {
            visit(table.into());
        }
        for table in self.other_metatables.borrow().iter().chain([&self.string_metatable.get()]).flatten() {
            visit((*table).into());
        }
        let Iterators { next, indexed } = self.iterators.get();
        for function in [next, indexed].into_iter().flatten() {
            visit(Value::UserData(function));
        }
    }

    pub(crate) fn metatable(&self, value: Value<'gc>) -> Option<Table<'gc>> {
        match kind(value) {
            Kind::Table(table) => table.metatable(),
            Kind::Object(object) => object.metatable(),
            Kind::String(_) => self.string_metatable.get(),
            other => self.other_metatables.borrow()[slot_of(&other)],
        }
    }

    pub(crate) fn set_string_metatable(&self, ctx: Context<'gc>, metatable: Option<Table<'gc>>) {
        self.string_metatable.set(&ctx, metatable);
    }

    /// Sets the metatable of any value, as `debug.setmetatable`.
    pub(crate) fn set_metatable(&self, ctx: Context<'gc>, value: Value<'gc>, metatable: Option<Table<'gc>>) {
        match kind(value) {
            Kind::Table(table) => table.set_metatable(ctx, metatable),
            Kind::Object(object) => object.set_metatable(&ctx, metatable),
            Kind::String(_) => self.set_string_metatable(ctx, metatable),
            other => self.other_metatables.borrow_mut(&ctx)[slot_of(&other)] = metatable,
        }
    }

    /// The name of a value's type in messages: 5.3 asks `__name`.
    pub(crate) fn type_name_for_message(&self, ctx: Context<'gc>, value: Value<'gc>) -> std::string::String {
        if self.options.dialect.is_53()
            && let Some(metatable) = self.metatable(value)
            && matches!(kind(value), Kind::Table(_) | Kind::Object(_))
            && let Value::String(name) = metatable.get(ctx, "__name")
        {
            return name.to_str_lossy().into_owned();
        }
        type_name(value).into()
    }

    /// The text of `tostring` without metamethods.
    pub(crate) fn display(&self, ctx: Context<'gc>, value: Value<'gc>) -> Vec<u8> {
        match kind(value) {
            Kind::Nil => b"nil".to_vec(),
            Kind::Boolean(true) => b"true".to_vec(),
            Kind::Boolean(false) => b"false".to_vec(),
            Kind::Integer(_) | Kind::Number(_) => number::to_string(value, &self.options),
            Kind::String(string) => string.as_bytes().to_vec(),
            Kind::Function(function) if function.is_native() && self.options.dialect.is_53() => {
                format!("function: builtin: {:08x}", self.address(ctx, value)).into_bytes()
            }
            _ => format!("{}: 0x{:08x}", self.type_name_for_message(ctx, value), self.address(ctx, value)).into_bytes(),
        }
    }

    /// The invented address of an object: the same one as long as it lives, given in the order of asking.
    pub(crate) fn address(&self, ctx: Context<'gc>, value: Value<'gc>) -> u32 {
        let Value::UserData(userdata) = value else { return 0 };
        let inner = userdata.into_inner();
        let key = Gc::as_ptr(inner) as usize;
        let addresses = &mut *self.addresses.borrow_mut(&ctx);
        if let Some((weak, address)) = addresses.known.get(&key)
            && weak.upgrade(&ctx).is_some()
        {
            return *address;
        }
        if addresses.known.len() >= addresses.purge_at {
            addresses.known.retain(|_, (weak, _)| weak.upgrade(&ctx).is_some());
            addresses.purge_at = addresses.known.len() * 2 + 256;
        }
        let address = addresses.next;
        addresses.next = addresses.next.wrapping_add(ADDRESS_STEP);
        addresses.known.insert(key, (Gc::downgrade(inner), address));
        address
    }

    /// The handler for a comparison of two values that are not both numbers or both strings.
    pub(crate) fn comparison_handler(
        &self,
        ctx: Context<'gc>,
        a: Value<'gc>,
        b: Value<'gc>,
        event: &'static str,
    ) -> Option<Value<'gc>> {
        let of = |value| self.metatable(value).map(|metatable| metatable.get(ctx, event)).unwrap_or_default();
        let (first, second) = (of(a), of(b));
        if self.options.dialect.is_53() {
            return Some(if first.is_nil() { second } else { first }).filter(|handler| !handler.is_nil());
        }
        // 5.1 compares only values of one type, and only when both have the same handler.
        let same = type_name(a) == type_name(b) && !first.is_nil() && crate::value::raw_equal(first, second);
        same.then_some(first)
    }

    pub(crate) fn comparison_message(&self, ctx: Context<'gc>, a: Value<'gc>, b: Value<'gc>) -> std::string::String {
        let (a, b) = (self.type_name_for_message(ctx, a), self.type_name_for_message(ctx, b));
        if a == b { format!("attempt to compare two {a} values") } else { format!("attempt to compare {a} with {b}") }
    }

    /// Longest chain of `__index` or `__newindex` tables: `MAXTAGLOOP`.
    pub(crate) fn index_chain_max(&self) -> usize {
        if self.options.dialect.is_53() { 2000 } else { 100 }
    }

    /// `value[key]`, following tables in `__index` up to the first function.
    pub(crate) fn index(
        &self,
        ctx: Context<'gc>,
        mut value: Value<'gc>,
        key: Value<'gc>,
    ) -> Result<Lookup<'gc>, std::string::String> {
        for _ in 0..self.index_chain_max() {
            let handler = match Table::from_value(value) {
                Some(table) => {
                    let found = table.get_value(&ctx, key);
                    if !found.is_nil() {
                        return Ok(Lookup::Known(found));
                    }
                    match table.metatable().map(|metatable| metatable.get(ctx, "__index")) {
                        None | Some(Value::Nil) => return Ok(Lookup::Known(Value::Nil)),
                        Some(handler) => handler,
                    }
                }
                None => match self.metatable(value).map(|metatable| metatable.get(ctx, "__index")) {
                    None | Some(Value::Nil) => {
                        return Err(format!("attempt to index a {} value", self.type_name_for_message(ctx, value)));
                    }
                    Some(handler) => handler,
                },
            };
            if Function::from_value(handler).is_some() {
                return Ok(Lookup::Call(handler, value));
            }
            value = handler;
        }
        Err(if self.options.dialect.is_53() {
            "'__index' chain too long; possible loop".into()
        } else {
            "loop in gettable".into()
        })
    }
}

fn slot_of(kind: &Kind<'_>) -> usize {
    match kind {
        Kind::Nil => 0,
        Kind::Boolean(_) => 1,
        Kind::Integer(_) | Kind::Number(_) => 2,
        Kind::Function(_) => 3,
        _ => 4,
    }
}

/// The native functions behind `pairs` and `ipairs`, which loops step without a call.
#[derive(Copy, Clone, Default, Collect)]
#[collect(no_drop)]
pub(crate) struct Iterators<'gc> {
    pub(crate) next: Option<UserData<'gc>>,
    pub(crate) indexed: Option<UserData<'gc>>,
}

macro_rules! names {
    ($($field:ident $text:literal),* $(,)?) => {
        /// Names of metamethods, ready for lookups.
        #[derive(Copy, Clone, Collect)]
        #[collect(no_drop)]
        pub(crate) struct Names<'gc> { $(pub(crate) $field: String<'gc>),* }

        impl<'gc> Names<'gc> {
            fn new(ctx: Context<'gc>) -> Self {
                Names { $($field: ctx.intern($text)),* }
            }
        }
    };
}

names! {
    finalizer b"__gc",
    index b"__index", new_index b"__newindex", call b"__call", equal b"__eq", less b"__lt", less_equal b"__le",
    length b"__len", concat b"__concat", negate b"__unm", bit_not b"__bnot", add b"__add", subtract b"__sub",
    multiply b"__mul", divide b"__div", modulo b"__mod", power b"__pow", floor_divide b"__idiv", bit_and b"__band",
    bit_or b"__bor", bit_xor b"__bxor", shift_left b"__shl", shift_right b"__shr",
}
