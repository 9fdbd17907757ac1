//! What every method begins with: whose method it is, and what the call may change of it.

use lan::Host;
use lua::native::{Call, Error};
use lua::piccolo::Value;
use lua::{Function, Object as Userdata, StashedFunction, stash};
use trace::SocketId;

use super::object::{Handle, Object, ObjectId, ObjectKind, Open, Slot};
use crate::chip::Chip;
use crate::module::position;
use crate::modules;

/// The object of a method call, checked as `net_get_udata_s` does (`docs/behaviour.md` §1.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct This {
    pub(super) id: ObjectId,
    pub(super) kind: ObjectKind,
}

impl This {
    /// The call's first argument, which must be one of `kinds`. The firmware takes the first word of any userdata for the
    /// kind, and zero means a server.
    pub(super) fn of<'gc>(chip: &Chip, call: &Call<'gc, '_>, kinds: &[ObjectKind]) -> Result<This, Error<'gc>> {
        let object = Userdata::from_value(call.arg(1));
        if let Some(handle) = object.and_then(|object| object.payload::<Handle>()) {
            let this = This { id: handle.id, kind: handle.kind };
            return kinds.contains(&this.kind).then_some(this).ok_or_else(|| call.error("invalid user data"));
        }
        if object.is_some_and(|object| modules::begins_with_zero(chip, object)) {
            return Err(call.type_error(1, ObjectKind::Server.type_name()));
        }
        Err(call.error("invalid user data"))
    }

    /// Reads the object's state.
    pub(super) fn read<R>(self, chip: &Chip, read: impl FnOnce(&Object) -> R) -> R {
        let net = chip.modules.net.borrow();
        read(net.objects.get(self.id).expect("the state of an object outlives its userdata"))
    }

    /// Changes the object's state.
    pub(super) fn change<R>(self, chip: &Chip, change: impl FnOnce(&mut Object) -> R) -> R {
        let mut net = chip.modules.net.borrow_mut();
        change(net.objects.get_mut(self.id).expect("the state of an object outlives its userdata"))
    }

    /// What the stack has for it.
    pub(super) fn open(self, chip: &Chip) -> Option<Open> {
        self.read(chip, |object| object.open)
    }

    /// Its number in the trace.
    pub(super) fn socket(self, chip: &Chip) -> Option<SocketId> {
        self.read(chip, Object::socket)
    }

    /// Keeps the userdata alive from now on. Returns whether nothing did before.
    pub(super) fn anchor(self, chip: &Chip, call: &Call<'_, '_>) -> bool {
        let stashed = stash(call.ctx(), call.arg(1));
        self.change(chip, |object| object.anchor.is_none() && object.anchor.replace(stashed).is_none())
    }

    /// Registers argument `index` for `slot` when it is a function. Returns whether it was.
    pub(super) fn take_handler(self, chip: &Chip, call: &Call<'_, '_>, slot: Slot, index: usize) -> bool {
        let Some(function) = Function::from_value(call.arg(index)) else { return false };
        let handler = StashedFunction::new(call.ctx(), function);
        self.change(chip, |object| object.set_handler(slot, Some(handler)));
        true
    }
}

/// Runs `work` on the stack.
pub(super) fn with_host<R>(chip: &Chip, work: impl FnOnce(&mut Host) -> R) -> R {
    work(&mut chip.host.borrow_mut())
}

/// Gives a hint at the line of the call, in the manual profile only.
pub(super) fn hint(chip: &Chip, call: &Call<'_, '_>, text: &str) {
    if !chip.is_chip() {
        chip.hint(text, position(call));
    }
}

/// Argument `index` as `lua_isnumber` and `lua_tointeger` see it: numeric strings count, fractions are cut.
pub(super) fn number(call: &Call<'_, '_>, index: usize) -> Option<i64> {
    match call.check_numeric(index).ok()? {
        Value::Integer(integer) => Some(integer),
        // A fraction has no integer representation in 5.3, where `lua_tointeger` then gives 0.
        Value::Number(float) if call.dialect().is_53() && float.fract() != 0.0 => Some(0),
        Value::Number(float) => Some(float as i64),
        _ => None,
    }
}

/// Argument `index` as C reads it when `lua_isstring` says yes: up to the first NUL.
pub(super) fn c_string(call: &Call<'_, '_>, index: usize) -> Option<Vec<u8>> {
    call.to_string(call.arg(index)).map(|text| until_nul(text.as_bytes()).to_vec())
}

/// A string argument as C reads it: up to the first NUL.
pub(super) fn check_c_string<'gc>(call: &Call<'gc, '_>, index: usize) -> Result<Vec<u8>, Error<'gc>> {
    call.check_string(index).map(|text| until_nul(text.as_bytes()).to_vec())
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}
