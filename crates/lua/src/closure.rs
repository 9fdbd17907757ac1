//! Lua functions in the heap.

use gc_arena::{Collect, Gc, lock::RefLock};
use piccolo::Value;

use crate::prototype::Prototype;

/// A Lua function: its prototype and what it captured.
#[derive(Collect)]
#[collect(no_drop)]
pub(crate) struct ClosureCell<'gc> {
    pub(crate) prototype: Gc<'gc, Prototype<'gc>>,
    pub(crate) upvalues: RefLock<Vec<Value<'gc>>>,
}
