//! Coroutines.

use gc_arena::Collect;

/// A coroutine in the heap.
#[derive(Collect)]
#[collect(no_drop)]
pub(crate) struct CoroutineCell<'gc> {
    pub(crate) values: gc_arena::lock::RefLock<Vec<piccolo::Value<'gc>>>,
}
