//! Lua functions that wait to be called: how an event reaches a program.
//!
//! Native code never calls Lua itself. It enqueues a [`Callback`] with [`Chip::enqueue`](crate::chip::Chip::enqueue), and
//! the board runs one after the other, each to its end before the next thing happens (`docs/behaviour.md` §6.6). What
//! must follow the callback goes into its `then`.
//!
//! A few callbacks run inside the call that leads to them (`docs/behaviour.md` §1.6): [`call_now`].

use std::rc::Rc;

use gc_arena::Collect;
use lua::native::{self, Answer, Call, Continuation, Error};
use lua::piccolo::{Context, Value};
use lua::{Function, StashedFunction};
use trace::{CallbackEvent, Instant, Kind, RecordId, SocketId};

use crate::chip::Chip;
use crate::module;

/// What an uncaught error in a callback does (`docs/behaviour.md` §1.5 and §6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// A PANIC line, then the watchdog: `net`, `mqtt`, `tls`.
    Unprotected,
    /// `node.setonerror`'s function, by default a printed traceback and a restart 2 s later: everything else.
    Protected,
}

/// Makes a callback's arguments when it is called.
pub(crate) type Arguments = Box<dyn for<'gc> FnOnce(Context<'gc>) -> Vec<Value<'gc>>>;

/// A Lua function to be called.
pub(crate) struct Callback {
    /// The function.
    pub(crate) function: StashedFunction,
    /// Its arguments.
    pub(crate) arguments: Arguments,
    /// What an uncaught error does.
    pub(crate) protection: Protection,
    /// Its name in the trace: `receive`, `timer`, `wifi.sta_got_ip`.
    pub(crate) event: Rc<str>,
    /// The socket it belongs to.
    pub(crate) socket: Option<SocketId>,
    /// The record that made it due.
    pub(crate) cause: Option<RecordId>,
    /// When it could have run.
    pub(crate) due: Instant,
    /// Native work after it returned without an error, before anything else happens.
    pub(crate) then: Option<Afterwards>,
    /// Looks at what it returned, before `then`.
    pub(crate) results: Option<Results>,
}

/// Native work after a callback that returned without an error.
pub(crate) type Afterwards = Box<dyn FnOnce(&Chip)>;

/// Looks at what a callback returned.
pub(crate) type Results = Box<dyn for<'gc> FnOnce(&Chip, Context<'gc>, Vec<Value<'gc>>)>;

impl Callback {
    /// A protected callback, due now, caused by the current cause.
    pub(crate) fn new(
        chip: &Chip,
        event: impl Into<Rc<str>>,
        function: StashedFunction,
        arguments: impl for<'gc> FnOnce(Context<'gc>) -> Vec<Value<'gc>> + 'static,
    ) -> Callback {
        Callback {
            function,
            arguments: Box::new(arguments),
            protection: Protection::Protected,
            event: event.into(),
            socket: None,
            cause: chip.trace.current(),
            due: chip.now(),
            then: None,
            results: None,
        }
    }

    /// The same, with a PANIC for an uncaught error.
    pub(crate) fn unprotected(self) -> Callback {
        Callback { protection: Protection::Unprotected, ..self }
    }

    /// The same, belonging to `socket`.
    pub(crate) fn of_socket(self, socket: Option<SocketId>) -> Callback {
        Callback { socket, ..self }
    }

    /// The same, made due by `cause` at `due`.
    pub(crate) fn caused(self, cause: Option<RecordId>, due: Instant) -> Callback {
        Callback { cause, due, ..self }
    }

    /// The same, followed by native work.
    pub(crate) fn then(self, work: impl FnOnce(&Chip) + 'static) -> Callback {
        Callback { then: Some(Box::new(work)), ..self }
    }

    /// The same; `look` gets what it returned.
    pub(crate) fn results(
        self,
        look: impl for<'gc> FnOnce(&Chip, Context<'gc>, Vec<Value<'gc>>) + 'static,
    ) -> Callback {
        Callback { results: Some(Box::new(look)), ..self }
    }
}

/// Calls `function` before the native function under way returns, then goes on with `then`, whose answer is that of the
/// native function. An error of the Lua function goes to whoever called the native one; `then` does not run.
pub(crate) fn call_now<'gc, F>(
    chip: &Chip,
    mut call: Call<'gc, '_>,
    event: impl Into<Rc<str>>,
    socket: Option<SocketId>,
    function: Function<'gc>,
    arguments: Vec<Value<'gc>>,
    then: F,
) -> Answer<'gc>
where
    F: 'static + FnOnce(&Chip, Call<'gc, '_>) -> Answer<'gc>,
{
    let ctx = call.ctx();
    let record = chip.record(Kind::Callback {
        event: CallbackEvent(event.into()),
        position: native::function_position(ctx, function).map(module::trace_position),
        arguments: module::values_in_short(ctx, arguments.iter().copied()),
        socket,
        due: chip.now(),
    });
    let before = chip.lua_cause.replace(Some(record));
    let returned = Returned { chip: chip.clone(), record, before, started: chip.now(), then };
    Ok(call.call(function, arguments, Box::new(returned)))
}

/// What follows a Lua function that was called from within a native one.
#[derive(Collect)]
#[collect(require_static)]
struct Returned<F: 'static> {
    chip: Chip,
    record: RecordId,
    /// The cause to go back to.
    before: Option<RecordId>,
    started: Instant,
    then: F,
}

impl<F: 'static> Returned<F> {
    fn end(&self, error: Option<String>) {
        let ran = self.chip.now().saturating_since(self.started);
        self.chip.record(Kind::CallbackEnd { callback: self.record, ran, error });
        self.chip.lua_cause.set(self.before);
        self.chip.trace.set_current(self.before);
    }
}

impl<'gc, F> Continuation<'gc> for Returned<F>
where
    F: 'static + FnOnce(&Chip, Call<'gc, '_>) -> Answer<'gc>,
{
    fn resume(self: Box<Self>, call: Call<'gc, '_>) -> Answer<'gc> {
        self.end(None);
        let Returned { chip, then, .. } = *self;
        then(&chip, call)
    }

    fn failed(self: Box<Self>, _: Call<'gc, '_>, error: Error<'gc>) -> Answer<'gc> {
        self.end(Some(module::error_text(&error)));
        Err(error)
    }
}
