//! Finalizers and ephemerons: what a program can still reach.
//!
//! piccolo's collector calls nobody between its marking and its sweeping, so that no object could be saved for its `__gc`, and
//! knows no entry that lives as long as its key. Both are found by a walk of this crate's own, from the globals, the stacks of
//! all runs and the values that native code has stashed. Objects with a finalizer are held strongly here; those that the walk
//! does not reach otherwise are *due*, and a run calls their finalizers ([`RunFinalizers`]). In weak tables it removes the
//! entries that it did not reach, cycles through their values or not.
//!
//! No engine walks before its program has given a table a `__gc` or weak keys. Then it does for every full collection, and when
//! the number of objects with finalizers has doubled: a count, and no size in bytes, so that a run is the same everywhere.
//!
//! A native function that waits for a callback may keep values where the walk does not see them
//! ([`Continuation::visit`]). As long as one waits, everything counts as reached.

use std::{
    collections::HashSet,
    hash::{BuildHasherDefault, DefaultHasher},
};

use gc_arena::{Collect, Gc, GcWeak, Rootable, lock::RefLock};
use piccolo::{Context, UserData, Value};

use crate::{
    Error, Function, Kind, Table,
    closure::{BoxCell, ClosureCell},
    engine::RunState,
    kind,
    native::{Answer, Call, Continuation, NativeCell},
    shared::Shared,
    table::TableState,
    value::Stash,
};

/// Fewer objects with finalizers than this do not begin a walk by themselves.
const WATCHED_MIN: usize = 64;

/// Objects with finalizers.
#[derive(Collect, Default)]
#[collect(no_drop)]
pub(crate) struct Finalizers<'gc> {
    /// In the order of `setmetatable`.
    watched: Vec<UserData<'gc>>,
    /// Unreachable ones whose finalizers run next, the last one first.
    due: Vec<UserData<'gc>>,
    /// How many watched objects begin the next walk.
    walk_at: usize,
}

/// What only the walk needs to know.
#[derive(Collect, Default)]
#[collect(no_drop)]
pub(crate) struct Roots<'gc> {
    runs: Vec<GcWeak<'gc, RefLock<RunState<'gc>>>>,
    pub(crate) stashed: Stash<'gc>,
}

impl<'gc> Roots<'gc> {
    /// Notes a run that begins.
    pub(crate) fn add_run(&mut self, ctx: Context<'gc>, run: Gc<'gc, RefLock<RunState<'gc>>>) {
        self.runs.retain(|run| run.upgrade(&ctx).is_some());
        self.runs.push(Gc::downgrade(run));
    }
}

/// Notes that `object`, which has just been given this metatable, wants its finalizer called.
pub(crate) fn watch<'gc>(ctx: Context<'gc>, object: Value<'gc>, metatable: Table<'gc>) {
    let shared = Shared::of(ctx);
    if metatable.get_value(&ctx, shared.names.finalizer.into()).is_nil() {
        return;
    }
    watch_always(ctx, object);
}

/// [`watch`] for a userdata of 5.1, whose metatable is asked when it is collected.
pub(crate) fn watch_always<'gc>(ctx: Context<'gc>, object: Value<'gc>) {
    let Value::UserData(object) = object else { return };
    let finalizers = &mut *Shared::of(ctx).finalizers.borrow_mut(&ctx);
    if let Some(table) = Table::from_value(object.into())
        && !table.begin_watching(ctx)
    {
        return;
    }
    finalizers.watched.push(object);
}

/// Whether a walk is due before the program goes on.
pub(crate) fn wants_walk(shared: &Shared<'_>) -> bool {
    let finalizers = shared.finalizers.borrow();
    finalizers.watched.len() >= finalizers.walk_at.max(WATCHED_MIN)
}

/// Whether a full collection begins with a walk.
pub(crate) fn is_needed(shared: &Shared<'_>) -> bool {
    shared.has_weak_keys.get() || !shared.finalizers.borrow().watched.is_empty()
}

/// Whether finalizers wait to be called.
pub(crate) fn has_due(shared: &Shared<'_>) -> bool {
    !shared.finalizers.borrow().due.is_empty()
}

/// Makes all finalizers due: the state is closed.
pub(crate) fn close(ctx: Context<'_>) {
    let mut finalizers = Shared::of(ctx).finalizers.borrow_mut(&ctx);
    let watched = std::mem::take(&mut finalizers.watched);
    let due = std::mem::replace(&mut finalizers.due, watched);
    finalizers.due.extend(due);
}

/// Finds what is due and clears weak tables.
pub(crate) fn walk(ctx: Context<'_>) {
    let shared = Shared::of(ctx);
    let mut walk = Walk::default();
    walk.roots(ctx, shared);
    walk.spread();
    let mut finalizers = shared.finalizers.borrow_mut(&ctx);
    if !walk.is_blind {
        walk.clear_values(ctx);
        let watched = std::mem::take(&mut finalizers.watched);
        let (kept, due): (Vec<_>, Vec<_>) = watched.into_iter().partition(|object| walk.is_reached(*object));
        finalizers.watched = kept;
        for object in &due {
            if let Some(table) = Table::from_value((*object).into()) {
                table.end_watching(ctx);
            }
            walk.visit((*object).into());
        }
        let earlier = std::mem::replace(&mut finalizers.due, due);
        finalizers.due.extend(earlier);
        // What a finalizer will see lives on; weak keys are cleared only now, as in the reference.
        walk.spread();
        walk.clear_values(ctx);
        walk.clear_keys(ctx);
    }
    finalizers.walk_at = finalizers.watched.len() * 2;
}

/// A walk under way.
#[derive(Default)]
struct Walk<'gc> {
    reached: HashSet<usize, BuildHasherDefault<DefaultHasher>>,
    /// Reached objects whose contents have not been visited.
    work: Vec<UserData<'gc>>,
    weak: Vec<Table<'gc>>,
    /// Tables whose values live as long as their keys.
    ephemerons: Vec<Table<'gc>>,
    is_blind: bool,
}

impl<'gc> Walk<'gc> {
    fn roots(&mut self, ctx: Context<'gc>, shared: &'gc Shared<'gc>) {
        shared.visit(&mut |value| self.visit(value));
        let roots = shared.roots.borrow();
        for run in &roots.runs {
            if let Some(run) = run.upgrade(&ctx) {
                let sees_all = run.borrow().visit(&mut |value| self.visit(value));
                self.is_blind |= !sees_all;
            }
        }
        roots.stashed.visit(&ctx, &mut |value| self.visit(value));
        for object in &shared.finalizers.borrow().due {
            self.visit((*object).into());
        }
    }

    fn is_reached(&self, object: UserData<'gc>) -> bool {
        self.reached.contains(&(Gc::as_ptr(object.into_inner()) as usize))
    }

    fn visit(&mut self, value: Value<'gc>) {
        if let Value::UserData(object) = value
            && self.reached.insert(Gc::as_ptr(object.into_inner()) as usize)
        {
            self.work.push(object);
        }
    }

    /// Visits everything that can be reached from what has been.
    fn spread(&mut self) {
        loop {
            while let Some(object) = self.work.pop() {
                self.contents(object);
            }
            // A key that was reached keeps its value, which may reach further keys.
            for table in std::mem::take(&mut self.ephemerons) {
                table.cell().borrow().visit_pairs(&mut |key, value| {
                    if self.reached.contains(&key) {
                        self.visit(value);
                    }
                });
                self.ephemerons.push(table);
            }
            if self.work.is_empty() {
                return;
            }
        }
    }

    fn contents(&mut self, object: UserData<'gc>) {
        let value = Value::UserData(object);
        match kind(value) {
            Kind::Table(table) => {
                let state = table.cell().borrow();
                if state.is_weak() {
                    self.weak.push(table);
                }
                if state.is_ephemeron() {
                    self.ephemerons.push(table);
                }
                state.visit(&mut |value| self.visit(value));
            }
            Kind::Function(function) => self.function(function),
            Kind::Object(object) => object.visit(&mut |value| self.visit(value)),
            Kind::Thread(thread) => {
                let state = thread.cell().borrow();
                let sees_all = state.visit(&mut |value| self.visit(value));
                self.is_blind |= !sees_all;
            }
            _ => {
                if let Ok(cell) = object.downcast::<Rootable![BoxCell<'_>]>() {
                    self.visit(cell.get());
                }
            }
        }
    }

    fn function(&mut self, function: Function<'gc>) {
        if let Ok(closure) = function.0.downcast::<Rootable![ClosureCell<'_>]>() {
            self.visit(closure.environment.get());
            closure.upvalues.iter().for_each(|value| self.visit(*value));
        } else if let Ok(native) = function.0.downcast::<Rootable![NativeCell<'_>]>() {
            native.upvalues.borrow().iter().for_each(|value| self.visit(*value));
        }
    }

    fn clear_values(&self, ctx: Context<'gc>) {
        for table in &self.weak {
            table.write(&ctx, |state| state.clear_values(|object| !self.reached.contains(&object)));
        }
    }

    fn clear_keys(&self, ctx: Context<'gc>) {
        for table in &self.weak {
            table.write(&ctx, |state: &mut TableState<'gc>| state.clear_keys(|object| !self.reached.contains(&object)));
        }
    }
}

/// Calls the finalizers that are due, one after the other, then gives `result` back.
#[derive(Collect)]
#[collect(no_drop)]
pub(crate) struct RunFinalizers<'gc> {
    pub(crate) result: Value<'gc>,
    /// The state is being closed: an error ends its finalizer alone.
    pub(crate) is_closing: bool,
}

impl<'gc> Continuation<'gc> for RunFinalizers<'gc> {
    fn resume(self: Box<Self>, mut call: Call<'gc, '_>) -> Answer<'gc> {
        let ctx = call.ctx();
        let shared = Shared::of(ctx);
        loop {
            let object = shared.finalizers.borrow_mut(&ctx).due.pop();
            let Some(object) = object.map(Value::UserData) else { return Ok(call.one(self.result)) };
            let finalizer = call.metamethod(object, "__gc");
            // 5.1 calls whatever stands there.
            let is_called =
                Function::from_value(finalizer).is_some() || (!call.dialect().is_53() && !finalizer.is_nil());
            if is_called {
                return Ok(call.call(finalizer, [object], self));
            }
        }
    }

    fn failed(self: Box<Self>, call: Call<'gc, '_>, error: Error<'gc>) -> Answer<'gc> {
        if self.is_closing {
            return self.resume(call);
        }
        if !call.dialect().is_53() {
            return Err(error);
        }
        let text = match error.value() {
            Value::String(text) => text.to_str_lossy().into_owned(),
            _ => "no message".to_owned(),
        };
        Err(call.plain_error(format!("error in __gc metamethod ({text})")))
    }

    fn visit(&self, _: &mut dyn FnMut(Value<'gc>)) -> bool {
        true
    }
}

/// The native function that a closing state runs.
pub(crate) fn closer<'gc>(ctx: Context<'gc>) -> Value<'gc> {
    crate::native::function(ctx, "close", |call| {
        Ok(call.again(Box::new(RunFinalizers { result: Value::Nil, is_closing: true })))
    })
}
