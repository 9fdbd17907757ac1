//! The interpreter.

use gc_arena::Collect;
use piccolo::{Context, UserData, Value};

use crate::{Error, Position, shared::Shared};

/// The stack and frames of one run.
#[derive(Collect)]
#[collect(no_drop)]
pub(crate) struct Machine<'gc> {
    pub(crate) stack: Vec<Value<'gc>>,
}

impl<'gc> Machine<'gc> {
    pub(crate) fn push(&mut self, value: Value<'gc>) {
        self.stack.push(value);
    }

    pub(crate) fn where_is(&self, _level: usize) -> Vec<u8> {
        Vec::new()
    }

    pub(crate) fn argument_message(&self, _function: UserData<'gc>, i: usize, text: &str) -> String {
        format!("bad argument #{i} to '?' ({text})")
    }

    pub(crate) fn reserve(
        &mut self,
        _ctx: Context<'gc>,
        _shared: &'gc Shared<'gc>,
        _bytes: usize,
    ) -> Result<(), Error<'gc>> {
        Ok(())
    }

    pub(crate) fn consume(&mut self, _fuel: usize) {}

    pub(crate) fn position(&self, _level: usize) -> Option<Position> {
        None
    }

    pub(crate) fn is_method_call(&self) -> bool {
        false
    }
}
