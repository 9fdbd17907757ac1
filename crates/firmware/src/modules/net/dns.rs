//! `net.dns`, and how every function of the module looks names up (`docs/behaviour.md` §2.7 to §2.9).

use std::net::Ipv4Addr;

use lan::DnsError;
use lua::native::{Answer, Call, Error};
use lua::piccolo::Value;
use lua::{StashedFunction, Table};

use super::object::{ObjectId, Slot};
use super::ping::Handlers;
use super::this::{check_c_string, hint, with_host};
use crate::callback::call_now;
use crate::chip::Chip;

/// Name servers that the resolver knows (`DNS_MAX_SERVERS`).
const SERVERS_MAX: i64 = 2;
/// The longest text that `setdnsserver` looks at.
const SERVER_TEXT_MAX: usize = 16;

/// Who waits for the resolver.
#[derive(Debug)]
pub(super) enum Lookup {
    /// `connect` or `dns` of an object.
    Object(ObjectId),
    /// `net.dns.resolve`.
    Resolve(StashedFunction),
    /// `net.ping` of a name.
    Ping { count: u32, handlers: Handlers },
}

/// How a lookup began.
#[derive(Clone, Copy, Debug)]
pub(super) enum Started {
    /// It is over: the text is an address.
    Literal(Ipv4Addr),
    /// The answer comes later.
    Waiting,
}

/// Looks a text up as `dns_gethostbyname` does: an address is its own answer, a name is asked for.
pub(super) fn start(chip: &Chip, name: &[u8], who: impl FnOnce() -> Lookup) -> Result<Started, DnsError> {
    if let Some(ip) = literal(name) {
        return Ok(Started::Literal(ip));
    }
    let query = with_host(chip, |host| host.dns_resolve(chip.now(), name))?;
    chip.modules.net.borrow_mut().lookups.insert(query, who());
    Ok(Started::Waiting)
}

/// An address literal as `ipaddr_addr` reads it: 255.255.255.255 is its mark of failure (`docs/behaviour.md` §1.9).
fn literal(text: &[u8]) -> Option<Ipv4Addr> {
    lan::parse_ipv4_literal(text).filter(|ip| !ip.is_broadcast())
}

/// `net.dns.resolve(host, callback)`.
pub(super) fn resolve<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let shift = self_arguments(chip, &call);
    let name = check_c_string(&call, 1 + shift)?;
    let function = call.check_function(2 + shift)?;
    let handler = StashedFunction::new(call.ctx(), function);
    match start(chip, &name, || Lookup::Resolve(handler.clone())) {
        Ok(Started::Waiting) => Ok(call.none()),
        Ok(Started::Literal(ip)) => {
            let arguments = vec![Value::Nil, call.string(ip.to_string().as_bytes())];
            call_now(chip, call, Slot::Dns.event(), None, function, arguments, |_, call| Ok(call.none()))
        }
        Err(error) => Err(call.error(error.to_string())),
    }
}

/// `net.dns.setdnsserver(ip [, index])`.
pub(super) fn setdnsserver<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let shift = self_arguments(chip, &call);
    let length = call.check_string(1 + shift)?.as_bytes().len();
    let server = literal(&check_c_string(&call, 1 + shift)?)
        .filter(|ip| !ip.is_unspecified() && length <= SERVER_TEXT_MAX)
        .ok_or_else(|| call.error("invalid dns server ip"))?;
    // A negative index is accepted and does nothing.
    if let Ok(index) = usize::try_from(server_index(&call, 2 + shift)?) {
        with_host(chip, |host| host.set_dns_server(index, Some(server)));
    }
    Ok(call.none())
}

/// `net.dns.getdnsserver([index])`.
pub(super) fn getdnsserver<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let shift = self_arguments(chip, &call);
    let index = usize::try_from(server_index(&call, 1 + shift)?).ok();
    let server = index.and_then(|index| with_host(chip, |host| host.dns_servers()[index]));
    Ok(call.one(server.map_or(Value::Nil, |ip| call.string(ip.to_string().as_bytes()))))
}

fn server_index<'gc>(call: &Call<'gc, '_>, index: usize) -> Result<i64, Error<'gc>> {
    let server = call.opt_integer(index, 0)?;
    if server >= SERVERS_MAX {
        return Err(call.error(format!("server index out of range [0-{}]", SERVERS_MAX - 1)));
    }
    Ok(server)
}

/// 1 when the program wrote `net.dns:name(...)`, as the manual's text does, which passes the table as first argument.
/// On a chip that is an error.
fn self_arguments(chip: &Chip, call: &Call<'_, '_>) -> usize {
    if chip.is_chip() || !call.is_method_call() || Table::from_value(call.arg(1)).is_none() {
        return 0;
    }
    hint(chip, call, "on a chip: functions of net.dns are called with a dot, not with a colon");
    1
}
