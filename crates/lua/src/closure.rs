//! Lua functions and the boxes of shared variables in the heap.

use allocator_api2::vec;
use gc_arena::{Collect, Gc, Mutation, Rootable, allocator_api::MetricsAlloc, lock::Lock};
use piccolo::{UserData, Value};

use crate::{Function, Table, prototype::Prototype};

/// A Lua function: its prototype, its environment and what it captured. Captured variables that change are boxes, so the
/// list itself never changes.
#[derive(Collect)]
#[collect(no_drop)]
pub(crate) struct ClosureCell<'gc> {
    pub(crate) prototype: Gc<'gc, Prototype<'gc>>,
    /// `_ENV` of 5.3, the function's environment of 5.1.
    pub(crate) environment: Lock<Value<'gc>>,
    pub(crate) upvalues: vec::Vec<Value<'gc>, MetricsAlloc<'gc>>,
}

/// A variable shared between closures.
pub(crate) type BoxCell<'gc> = Lock<Value<'gc>>;

pub(crate) fn new_closure<'gc>(
    mc: &Mutation<'gc>,
    prototype: Gc<'gc, Prototype<'gc>>,
    environment: Value<'gc>,
    upvalues: vec::Vec<Value<'gc>, MetricsAlloc<'gc>>,
) -> Function<'gc> {
    let cell = ClosureCell { prototype, environment: Lock::new(environment), upvalues };
    Function(UserData::new::<Rootable![ClosureCell<'_>]>(mc, cell))
}

/// A closure of a chunk's main function.
pub(crate) fn main_closure<'gc>(
    mc: &Mutation<'gc>,
    prototype: Gc<'gc, Prototype<'gc>>,
    environment: Table<'gc>,
) -> Function<'gc> {
    // A dumped inner function comes back with as many upvalues as it had, each nil.
    let mut upvalues = vec::Vec::new_in(MetricsAlloc::new(mc));
    for upvalue in &prototype.upvalues {
        upvalues.push(if upvalue.is_boxed { new_box(mc, Value::Nil) } else { Value::Nil });
    }
    new_closure(mc, prototype, environment.into(), upvalues)
}

pub(crate) fn set_environment<'gc>(mc: &Mutation<'gc>, function: Function<'gc>, environment: Value<'gc>) {
    if let Ok(cell) = function.0.downcast_write::<Rootable![ClosureCell<'_>]>(mc) {
        gc_arena::barrier::field!(cell, ClosureCell, environment).unlock().set(environment);
    }
}

pub(crate) fn new_box<'gc>(mc: &Mutation<'gc>, value: Value<'gc>) -> Value<'gc> {
    Value::UserData(UserData::new::<Rootable![BoxCell<'_>]>(mc, Lock::new(value)))
}

#[inline]
pub(crate) fn get_box<'gc>(value: Value<'gc>) -> Value<'gc> {
    match value {
        Value::UserData(userdata) => match userdata.downcast::<Rootable![BoxCell<'_>]>() {
            Ok(cell) => cell.get(),
            Err(_) => Value::Nil,
        },
        _ => Value::Nil,
    }
}

#[inline]
pub(crate) fn set_box<'gc>(mc: &Mutation<'gc>, boxed: Value<'gc>, value: Value<'gc>) {
    if let Value::UserData(userdata) = boxed
        && let Ok(cell) = userdata.downcast_write::<Rootable![BoxCell<'_>]>(mc)
    {
        cell.unlock().set(value);
    }
}

/// What a register shows to a debugger: a boxed variable's value, any other value itself.
pub(crate) fn open_box<'gc>(value: Value<'gc>) -> Value<'gc> {
    match value {
        Value::UserData(userdata) if userdata.is::<Rootable![BoxCell<'_>]>() => get_box(value),
        _ => value,
    }
}
