//! Methods of TCP sockets, and those that servers and UDP sockets share with them (`docs/behaviour.md` §4).

use std::net::Ipv4Addr;

use lan::SendError;
use lua::native::{Answer, Call, Outcome};
use lua::piccolo::Value;
use lua::{Function, StashedFunction};
use trace::{Endpoint, Layer, Silence, SocketId, SocketState};

use super::callbacks::finish_lookup;
use super::dns::{self, Lookup, Started};
use super::object::{ObjectKind, Open, PendingSend, Slot};
use super::server::NO_BLOCK;
use super::this::{This, c_string, check_c_string, hint, with_host};
use super::udp;
use crate::callback::call_now;
use crate::chip::Chip;
use crate::module::{integer_value, position};

/// `socket:connect(port [, host [, connection]])` (`docs/behaviour.md` §4.1).
pub(super) fn connect<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let this = This::of(chip, &call, &[ObjectKind::Socket])?;
    if this.open(chip).is_some() {
        return Err(call.error("already connected"));
    }
    let port = call.check_integer(2)? as u16;
    if port == 0 {
        return Err(call.error("specify port"));
    }
    let host_name = c_string(&call, 3).unwrap_or_else(|| b"127.0.0.1".to_vec());
    if call.len() > 3 && !this.take_handler(chip, &call, Slot::Connection, 4) {
        return Err(call.argument_error(4, "not a function"));
    }
    let held = this.read(chip, |object| object.held);
    if !with_host(chip, |host| host.tcp_make_room(chip.now())) {
        return Err(call.error(NO_BLOCK));
    }
    let socket = with_host(chip, |host| {
        let socket = host.tcp_open();
        if held {
            host.tcp_hold(socket);
        }
        socket
    });
    chip.modules.net.borrow_mut().objects.open(this.id, Open::Tcp(socket));
    chip.call_socket(socket);
    this.change(chip, |object| object.target_port = port);
    let give_up = |chip: &Chip| {
        with_host(chip, |host| host.tcp_abort(chip.now(), socket));
        chip.modules.net.borrow_mut().objects.shut(this.id);
    };
    look_up(chip, call, this, &host_name, give_up)
}

/// `socket:dns(domain [, callback])`, also of UDP sockets (`docs/behaviour.md` §4.6).
pub(super) fn dns<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let this = This::of(chip, &call, &[ObjectKind::Socket, ObjectKind::Udp])?;
    let domain = check_c_string(&call, 2)?;
    this.take_handler(chip, &call, Slot::Dns, 3);
    if this.read(chip, |object| object.handler(Slot::Dns).is_none()) {
        return Err(call.error("no callback specified"));
    }
    look_up(chip, call, this, &domain, |_| ())
}

/// Starts a lookup for an object, which stays alive until the answer. A literal is answered before the call returns.
fn look_up<'gc>(chip: &Chip, call: Call<'gc, '_>, this: This, name: &[u8], give_up: impl FnOnce(&Chip)) -> Answer<'gc> {
    this.change(chip, |object| object.lookups += 1);
    let anchored_here = this.anchor(chip, &call);
    match dns::start(chip, name, || Lookup::Object(this.id)) {
        Ok(Started::Waiting) => Ok(call.none()),
        Ok(Started::Literal(ip)) => {
            let Some(handler) = this.read(chip, |object| object.handler(Slot::Dns)) else {
                finish_lookup(chip, this.id, Some(ip));
                return Ok(call.none());
            };
            let arguments = vec![call.arg(1), call.string(ip.to_string().as_bytes())];
            let socket = this.socket(chip);
            let function = handler.fetch(call.ctx());
            call_now(chip, call, Slot::Dns.event(), socket, function, arguments, move |chip, call| {
                finish_lookup(chip, this.id, Some(ip));
                Ok(call.none())
            })
        }
        Err(error) => {
            this.change(chip, |object| {
                object.lookups -= 1;
                if anchored_here {
                    object.anchor = None;
                }
            });
            give_up(chip);
            Err(call.error(error.to_string()))
        }
    }
}

/// `socket:on(event, handler | nil)`, also of UDP sockets (`docs/behaviour.md` §4.3, §5.3).
pub(super) fn on<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let this = This::of(chip, &call, &[ObjectKind::Socket, ObjectKind::Udp])?;
    let name = check_c_string(&call, 2)?;
    let slot = Slot::from_name(this.kind, &name).ok_or_else(|| call.error("invalid callback name"))?;
    let handler = match Function::from_value(call.arg(3)) {
        Some(function) => Some(StashedFunction::new(call.ctx(), function)),
        None if call.is_none(3) && !chip.is_chip() => {
            hint(
                chip,
                &call,
                "on a chip: on(event) without a second argument is an error; on(event, nil) clears the handler",
            );
            None
        }
        None if call.is_none(3) || !call.is_none_or_nil(3) => return Err(call.error("invalid callback function")),
        None => None,
    };
    this.change(chip, |object| object.set_handler(slot, handler));
    Ok(call.none())
}

/// `socket:send(data [, sent])`, and `send` of UDP sockets (`docs/behaviour.md` §4.4).
pub(super) fn send<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let this = This::of(chip, &call, &[ObjectKind::Socket, ObjectKind::Udp])?;
    if this.kind == ObjectKind::Udp {
        return udp::send(chip, call, this);
    }
    let data = call.check_string(2)?;
    if data.as_bytes().is_empty() {
        return Err(call.error("no data to send"));
    }
    this.take_handler(chip, &call, Slot::Sent, 3);
    let socket = this.read(chip, |object| object.tcp().filter(|_| object.anchor.is_some()));
    let Some(socket) = socket else {
        let zombie = this.socket(chip);
        let reason = if zombie.is_some() { Silence::Zombie } else { Silence::SendRefused };
        chip.record_nothing(reason, Layer::Tcp, zombie, "nothing was sent: the socket is not connected");
        return Err(call.error("not connected"));
    };
    // The firmware passes the length in 16 bits.
    let bytes = &data.as_bytes()[..usize::from(data.as_bytes().len() as u16)];
    let sent = with_host(chip, |host| host.tcp_send(chip.now(), socket, bytes));
    if let Err(error) = sent {
        if error == SendError::NotConnected {
            let detail = "nothing was sent: the connection has not been started yet";
            chip.record_nothing(Silence::SendRefused, Layer::Tcp, Some(socket), detail);
        }
        return Err(call.error(error.to_string()));
    }
    if bytes.len() < data.as_bytes().len() {
        let detail = format!("only {} of {} bytes were sent: a length has 16 bits", bytes.len(), data.as_bytes().len());
        chip.record_nothing(Silence::SendRefused, Layer::Tcp, Some(socket), detail);
    }
    if !chip.is_chip() {
        let pending = PendingSend { bytes_left: bytes.len(), acknowledgements: 0, position: position(&call) };
        this.change(chip, |object| object.sends.push_back(pending));
    }
    Ok(call.none())
}

/// `close()` of servers, sockets and UDP sockets (`docs/behaviour.md` §3.2, §4.2, §5.4).
pub(super) fn close<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let this = This::of(chip, &call, &[ObjectKind::Server, ObjectKind::Socket, ObjectKind::Udp])?;
    let Some(open) = this.open(chip) else {
        if this.kind == ObjectKind::Server && !chip.is_chip() {
            hint(chip, &call, "on a chip: close() of a server that does not listen raises `not connected`");
            return Ok(call.none());
        }
        return Err(call.error("not connected"));
    };
    match open {
        Open::Tcp(socket) => close_connection(chip, &call, socket),
        Open::Listener(listener) => with_host(chip, |host| host.tcp_unlisten(chip.now(), listener)),
        Open::Udp(socket) => {
            with_host(chip, |host| host.udp_close(chip.now(), socket));
        }
    }
    chip.modules.net.borrow_mut().objects.shut(this.id);
    let inactivity = this.change(chip, |object| {
        if object.kind == ObjectKind::Server || object.lookups == 0 {
            object.anchor = None;
        }
        object.inactivity.take()
    });
    if let Some(inactivity) = inactivity {
        chip.cancel(inactivity.alarm);
    }
    Ok(call.none())
}

/// Closes a connection: on a chip with RST while the receive window is not fully open, which is always so inside
/// `receive`; by the manual always in order.
fn close_connection(chip: &Chip, call: &Call<'_, '_>, socket: SocketId) {
    if chip.is_chip() {
        with_host(chip, |host| host.tcp_close(chip.now(), socket));
        return;
    }
    if with_host(chip, |host| host.tcp_close_resets(socket)) {
        let text = "on a chip: close() while received data is being handled resets the connection and drops what was queued; \
                    close in the handler of `sent`";
        hint(chip, call, text);
    }
    with_host(chip, |host| host.tcp_close_graceful(chip.now(), socket));
}

/// `socket:hold()` (`docs/behaviour.md` §4.5).
pub(super) fn hold<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let this = This::of(chip, &call, &[ObjectKind::Socket])?;
    let socket = this.change(chip, |object| {
        let socket = object.tcp().filter(|_| !object.held)?;
        object.held = true;
        Some(socket)
    });
    if let Some(socket) = socket {
        with_host(chip, |host| host.tcp_hold(socket));
    }
    Ok(call.none())
}

/// `socket:unhold()` (`docs/behaviour.md` §4.5).
pub(super) fn unhold<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let this = This::of(chip, &call, &[ObjectKind::Socket])?;
    let socket = this.change(chip, |object| {
        let socket = object.tcp().filter(|_| object.held)?;
        object.held = false;
        Some(socket)
    });
    if let Some(socket) = socket {
        with_host(chip, |host| host.tcp_unhold(chip.now(), socket));
    }
    Ok(call.none())
}

/// `socket:ttl([value])`, also of UDP sockets (`docs/behaviour.md` §4.7).
pub(super) fn ttl<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let this = This::of(chip, &call, &[ObjectKind::Socket, ObjectKind::Udp])?;
    let Some(open) = this.open(chip) else { return Err(call.error("socket is not open/bound yet")) };
    let value = call.opt_integer(2, -1)?;
    let current = with_host(chip, |host| match (open, value) {
        (Open::Udp(socket), -1) => host.udp_ttl(socket),
        (Open::Udp(socket), ttl) => {
            host.udp_set_ttl(socket, ttl as u8);
            None
        }
        (open, -1) => host.tcp_ttl(open.socket()),
        (open, ttl) => {
            host.tcp_set_ttl(open.socket(), ttl as u8);
            None
        }
    });
    Ok(call.one(call.integer(current.map_or(value, i64::from))))
}

/// `socket:getpeer()`: port first (`docs/behaviour.md` §4.8).
pub(super) fn getpeer<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let this = This::of(chip, &call, &[ObjectKind::Socket])?;
    let target_port = this.read(chip, |object| object.target_port);
    let remote = this.socket(chip).map(|socket| {
        let remote = with_host(chip, |host| host.tcp_remote(socket));
        remote.unwrap_or(Endpoint { ip: Ipv4Addr::UNSPECIFIED, port: target_port })
    });
    let known = remote.filter(|remote| remote.port != 0);
    Ok(endpoint(chip, &call, unless_connecting(chip, &call, this, known)))
}

/// `getaddr()` of servers, sockets and UDP sockets: port first (`docs/behaviour.md` §3.3, §4.8, §5.4).
pub(super) fn getaddr<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let this = This::of(chip, &call, &[ObjectKind::Server, ObjectKind::Socket, ObjectKind::Udp])?;
    let local = this.open(chip).and_then(|open| {
        with_host(chip, |host| match open {
            Open::Listener(listener) => host.listener_local(listener),
            Open::Tcp(socket) => host.tcp_local(socket),
            Open::Udp(socket) => host.udp_local(socket),
        })
    });
    let known = local.filter(|local| local.port != 0);
    Ok(endpoint(chip, &call, unless_connecting(chip, &call, this, known)))
}

/// The manual's "nil, nil if not connected", where a chip already tells the ends of an attempt.
fn unless_connecting(chip: &Chip, call: &Call<'_, '_>, this: This, end: Option<Endpoint>) -> Option<Endpoint> {
    let socket = this.read(chip, |object| object.tcp());
    if chip.is_chip() || end.is_none() || socket.is_none_or(|socket| is_established(chip, socket)) {
        return end;
    }
    hint(chip, call, "on a chip: the address is already known while the connection is being made");
    None
}

fn is_established(chip: &Chip, socket: SocketId) -> bool {
    !matches!(
        with_host(chip, |host| host.tcp_state(socket)),
        None | Some(SocketState::Closed | SocketState::Resolving | SocketState::SynSent)
    )
}

/// `port, ip`, or `nil, nil`.
fn endpoint<'gc>(chip: &Chip, call: &Call<'gc, '_>, end: Option<Endpoint>) -> Outcome<'gc> {
    match end {
        Some(end) => call.two(integer_value(chip, i64::from(end.port)), call.string(end.ip.to_string().as_bytes())),
        None => call.two(Value::Nil, Value::Nil),
    }
}
