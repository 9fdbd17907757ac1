//! Coroutines in the heap.
//!
//! A running coroutine's frames and registers stand on the machine's own stack, above those of whoever resumed it. When it
//! yields they are moved here, and back when it is resumed; nothing points into them, so they may land anywhere.

use gc_arena::{Collect, Mutation, Rootable, lock::RefLock};
use piccolo::{UserData, Value};

use crate::{Coroutine, machine::Frame, machine::Return};

/// A coroutine.
pub(crate) type CoroutineCell<'gc> = RefLock<CoroutineState<'gc>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Not started, or waiting in a yield.
    Suspended,
    Running,
    /// It resumed another coroutine.
    Normal,
    Dead,
}

#[derive(Collect)]
#[collect(no_drop)]
pub(crate) struct CoroutineState<'gc> {
    #[collect(require_static)]
    pub(crate) status: Status,
    /// The function, until it is started.
    pub(crate) start: Option<Value<'gc>>,
    pub(crate) values: Vec<Value<'gc>>,
    pub(crate) frames: Vec<Frame<'gc>>,
    /// Where the values of the next resume go.
    #[collect(require_static)]
    pub(crate) pending: Return,
}

pub(crate) fn new_coroutine<'gc>(mc: &Mutation<'gc>, function: Value<'gc>) -> Coroutine<'gc> {
    let state = CoroutineState {
        status: Status::Suspended,
        start: Some(function),
        values: Vec::new(),
        frames: Vec::new(),
        pending: Return::Drop,
    };
    Coroutine(UserData::new::<Rootable![CoroutineCell<'_>]>(mc, RefLock::new(state)))
}

impl<'gc> CoroutineState<'gc> {
    /// Shows what the coroutine keeps alive; false if a native function in it keeps values of its own.
    pub(crate) fn visit(&self, visit: &mut dyn FnMut(Value<'gc>)) -> bool {
        self.start.iter().chain(&self.values).for_each(|value| visit(*value));
        self.frames.iter().all(|frame| frame.visit(visit))
    }
}

impl<'gc> Coroutine<'gc> {
    pub(crate) fn write<R>(self, mc: &Mutation<'gc>, f: impl FnOnce(&mut CoroutineState<'gc>) -> R) -> Option<R> {
        let cell = self.0.downcast_write::<Rootable![CoroutineCell<'_>]>(mc).ok()?;
        Some(f(&mut cell.unlock().borrow_mut()))
    }

    pub(crate) fn status(self) -> Status {
        self.cell().borrow().status
    }
}
