//! `net.createConnection`, `net.createServer`, `net.createUDPSocket`: objects without anything in the stack yet.

use lua::native::{Answer, Call, Error, Outcome};
use lua::{Object as Userdata, rom};

use super::object::{Handle, ObjectKind};
use super::this::{hint, number};
use super::{TYPE_TCP, TYPE_UDP};
use crate::chip::Chip;
use crate::module::position;
use crate::profile::Release;

/// Seconds a server waits for an inactive client when the program does not say (`docs/behaviour.md` §2.3).
const TIMEOUT_SECS_DEFAULT: i64 = 30;
/// The longest timeout that the manual allows.
const TIMEOUT_SECS_MAX: i64 = 28_800;

/// `net.createConnection()`. Release 3.0 ignores every argument (`docs/behaviour.md` §2.2); before it they were a type
/// and whether the connection is secure.
pub(super) fn create_connection<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let old_form = chip.release().has_removed_names();
    if old_form && number(&call, 1) == Some(TYPE_UDP) {
        removed_form(chip, &call, "net.createConnection with net.UDP type", "net.createUDPSocket()");
        return create(chip, &call, ObjectKind::Udp);
    }
    if chip.release() == Release::V2 {
        check_type(&call, 1)?;
        if call.opt_integer(2, 0)? != 0 {
            return Err(call.error("secure connections not enabled"));
        }
    } else if old_form && number(&call, 2).is_some_and(|secure| secure != 0) {
        chip.hint(
            "release 3.0 ignores the second argument: the connection is not encrypted (see tls.createConnection)",
            position(&call),
        );
    }
    create(chip, &call, ObjectKind::Socket)
}

/// `net.createServer([timeout])`. Its one argument is the timeout (`docs/behaviour.md` §2.3), while the manual's own
/// examples write `net.createServer(net.TCP, 30)`: the form of the releases before 3.0, in which the type came first.
pub(super) fn create_server<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let old_form = chip.release().has_removed_names();
    if old_form && !call.is_none_or_nil(1) && number(&call, 1) == Some(TYPE_UDP) {
        removed_form(chip, &call, "net.createServer with net.UDP type", "net.createUDPSocket()");
        return create(chip, &call, ObjectKind::Udp);
    }
    let timeout_secs = server_timeout(chip, &call)?;
    let answer = create(chip, &call, ObjectKind::Server)?;
    if let Outcome::One(value) = &answer
        && let Some(handle) = Userdata::from_value(*value).and_then(|object| object.payload::<Handle>())
        && let Some(server) = chip.modules.net.borrow_mut().objects.get_mut(handle.id)
    {
        server.timeout_secs = timeout_secs;
        server.created_at = position(&call);
    }
    Ok(answer)
}

/// `net.createUDPSocket()`.
pub(super) fn create_udp_socket<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    create(chip, &call, ObjectKind::Udp)
}

/// Seconds of the timeout, by profile and release.
fn server_timeout<'gc>(chip: &Chip, call: &Call<'gc, '_>) -> Result<i64, Error<'gc>> {
    if chip.release() == Release::V2 {
        check_type(call, 1)?;
        return call.opt_integer(2, TIMEOUT_SECS_DEFAULT);
    }
    let first = call.opt_integer(1, TIMEOUT_SECS_DEFAULT)?;
    if chip.is_chip() {
        return Ok(first);
    }
    let type_first = first == TYPE_TCP && !call.is_none(1);
    if type_first {
        let text =
            "on a chip: createServer reads the timeout from its first argument, and net.TCP is 1: the timeout is 1 s";
        hint(chip, call, text);
    }
    let timeout_secs = if type_first { call.opt_integer(2, TIMEOUT_SECS_DEFAULT)? } else { first };
    if !(1..=TIMEOUT_SECS_MAX).contains(&timeout_secs) {
        hint(chip, call, "on a chip: the timeout's range, 1 to 28800 s, is not checked");
    }
    Ok(timeout_secs.clamp(1, TIMEOUT_SECS_MAX))
}

/// The type argument of the releases before 3.0.
fn check_type<'gc>(call: &Call<'gc, '_>, index: usize) -> Result<(), Error<'gc>> {
    match call.opt_integer(index, TYPE_TCP)? {
        TYPE_TCP | TYPE_UDP => Ok(()),
        _ => Err(call.error("invalid type")),
    }
}

/// Says that a form is gone: as the firmware of its time did, or as a hint where both generations are welcome.
fn removed_form(chip: &Chip, call: &Call<'_, '_>, what: &str, instead: &str) {
    if chip.release() == Release::V2 {
        let text = format!(
            "Warning, deprecated API! {what}. It will be removed in the next version. See documentation for details.\n"
        );
        chip.print(text.as_bytes());
    } else {
        chip.hint(&format!("{what} is gone since release 3.0: use {instead}"), position(call));
    }
}

/// Makes an object of `kind` as the call's result.
fn create<'gc>(chip: &Chip, call: &Call<'gc, '_>, kind: ObjectKind) -> Answer<'gc> {
    let handle = chip.modules.net.borrow_mut().objects.create(kind);
    Ok(call.one(rom::object(call.ctx(), kind.type_name(), handle)))
}
