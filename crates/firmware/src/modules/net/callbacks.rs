//! From events of the stack to handlers of the program, in the order in which `net.c` calls them
//! (`docs/behaviour.md` §1.5, §1.6, §4.3, §4.9).
//!
//! The board hands over one event of the stack at a time, when no Lua runs, and runs what is enqueued here to its end
//! before the next. What `net.c` does after calling Lua stands in the callback's `then`; like there, an error skips it.

use std::net::Ipv4Addr;

use lan::{CloseReason, Event, ListenerId};
use lua::piccolo::{Context, String as LuaString, Value};
use lua::{Stashed, StashedFunction, fetch, rom, stash};
use trace::{Duration, Endpoint, Layer, Silence, SocketId, SocketState};

use super::dns::Lookup;
use super::object::{Inactivity, Object, ObjectId, ObjectKind, Open, Slot};
use super::ping;
use super::this::with_host;
use crate::callback::Callback;
use crate::chip::Chip;

/// Between the keep-alive probes of accepted sockets, and how many there are (`net_accept_cb`, `docs/behaviour.md` §3.4).
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEP_ALIVE_PROBES: u8 = 1;

/// Handles one event of the stack; the current cause made it.
pub(crate) fn handle_event(chip: &Chip, event: Event) {
    match event {
        Event::Accepted { listener, socket } => accepted(chip, listener, socket),
        Event::Connected(socket) => connected(chip, socket),
        Event::Received { socket, data } => received(chip, socket, data),
        Event::Acknowledged { socket, bytes } => acknowledged(chip, socket, bytes as usize),
        Event::Closed { socket, reason } => closed(chip, socket, reason),
        Event::Datagram { socket, data, from, .. } => datagram(chip, socket, data, from),
        Event::DnsDone { query, ip } => {
            let lookup = chip.modules.net.borrow_mut().lookups.remove(&query);
            if let Some(lookup) = lookup {
                resolved(chip, lookup, ip);
            }
        }
        Event::EchoReply { id: ping::IDENTIFIER, seq, .. } => ping::replied(chip, seq),
        _ => {}
    }
}

/// Frees what the collected userdata held: a connection is reset, a listener and a UDP port are given up
/// (`docs/behaviour.md` §1.8). To be called after Lua's collector ran.
pub(crate) fn collected(chip: &Chip) {
    let gone = chip.modules.net.borrow_mut().objects.take_collected();
    for object in gone {
        match object.open {
            Some(Open::Tcp(socket)) => {
                with_host(chip, |host| host.tcp_abort(chip.now(), socket));
                let detail = "nothing referred to the socket any more: it was collected, and the connection reset";
                chip.record_nothing(Silence::Collected, Layer::Application, Some(socket), detail);
            }
            Some(Open::Listener(listener)) => with_host(chip, |host| host.tcp_unlisten(chip.now(), listener)),
            Some(Open::Udp(socket)) => {
                with_host(chip, |host| host.udp_close(chip.now(), socket));
            }
            None => {}
        }
        if let Some(inactivity) = object.inactivity {
            chip.cancel(inactivity.alarm);
        }
    }
}

/// A handler's arguments after the socket.
type More = Box<dyn for<'gc> FnOnce(Context<'gc>) -> Vec<Value<'gc>>>;

/// Makes the callback of a slot, with the object as first argument; `None` when the object is no longer anchored or has
/// no handler.
fn callback(chip: &Chip, id: ObjectId, slot: Slot, socket: SocketId, more: More) -> Option<Callback> {
    let (function, anchor) = {
        let net = chip.modules.net.borrow();
        let object = net.objects.get(id)?;
        (object.handler(slot)?, object.anchor.clone()?)
    };
    Some(callback_of(chip, slot, function, anchor, more).of_socket(Some(socket)))
}

fn callback_of(chip: &Chip, slot: Slot, function: StashedFunction, anchor: Stashed, more: More) -> Callback {
    Callback::new(chip, slot.event(), function, move |ctx| {
        std::iter::once(fetch(ctx, &anchor)).chain(more(ctx)).collect()
    })
    .unprotected()
}

fn no_more() -> More {
    Box::new(|_| Vec::new())
}

/// Reads the object that a socket of the stack belongs to. A socket whose object nothing anchors is a zombie: it gets no
/// events until it is closed (`docs/behaviour.md` §4.1).
fn owner(chip: &Chip, socket: SocketId, what: &str) -> Option<ObjectId> {
    let net = chip.modules.net.borrow();
    let id = net.objects.owner(socket)?;
    let zombie = net.objects.get(id).is_some_and(|object| object.anchor.is_none());
    drop(net);
    if zombie {
        let detail = format!("{what}, but no event reaches this socket any more; only close() helps");
        chip.record_nothing(Silence::Zombie, Layer::Application, Some(socket), detail);
        return None;
    }
    Some(id)
}

fn change<R>(chip: &Chip, id: ObjectId, change: impl FnOnce(&mut Object) -> R) -> Option<R> {
    chip.modules.net.borrow_mut().objects.get_mut(id).map(change)
}

/// A handshake on a listener completed: the listen callback gets a new socket, and the socket's own `connection` handler,
/// if that registered one, runs right after it (`docs/behaviour.md` §3.1).
fn accepted(chip: &Chip, ListenerId(listener): ListenerId, socket: SocketId) {
    let server = owner(chip, listener, "a client connected").and_then(|id| {
        let net = chip.modules.net.borrow();
        let server = net.objects.get(id)?;
        Some((server.handler(Slot::Accept)?, server.timeout_secs, server.created_at.clone()))
    });
    let Some((function, timeout_secs, server_at)) = server else {
        with_host(chip, |host| host.tcp_abort(chip.now(), socket));
        return;
    };
    let handle = chip.modules.net.borrow_mut().objects.create(ObjectKind::Socket);
    let id = handle.id;
    chip.modules.net.borrow_mut().objects.open(id, Open::Tcp(socket));
    if chip.is_chip() {
        // The firmware keeps the idle time in 32 bits of milliseconds.
        let idle = Duration::from_millis(u64::from(timeout_secs.wrapping_mul(1000) as u32));
        with_host(chip, |host| {
            host.tcp_set_keepalive(chip.now(), socket, idle, KEEP_ALIVE_INTERVAL, KEEP_ALIVE_PROBES);
        });
    } else {
        watch_inactivity(chip, id, timeout_secs, server_at);
    }
    let anchoring = chip.clone();
    let callback = Callback::new(chip, Slot::Accept.event(), function, move |ctx| {
        let userdata = Value::from(rom::object(ctx, ObjectKind::Socket.type_name(), handle));
        change(&anchoring, id, |object| object.anchor = Some(stash(ctx, userdata)));
        vec![userdata]
    });
    chip.enqueue(callback.unprotected().of_socket(Some(socket)).then(move |chip| {
        if let Some(callback) = self::callback(chip, id, Slot::Connection, socket, no_more()) {
            chip.enqueue(callback);
        }
    }));
}

fn connected(chip: &Chip, socket: SocketId) {
    let Some(id) = owner(chip, socket, "the connection was made") else { return };
    match callback(chip, id, Slot::Connection, socket, no_more()) {
        Some(callback) => chip.enqueue(callback),
        None => record_no_handler(chip, socket, Slot::Connection),
    }
}

/// The payload of one segment. Without a handler it is discarded, and acknowledged all the same.
fn received(chip: &Chip, socket: SocketId, data: lan::Payload) {
    let Some(id) = owner(chip, socket, "data arrived") else { return };
    renew_inactivity(chip, id);
    let length = data.len();
    let more: More = Box::new(move |ctx| vec![LuaString::from_slice(&ctx, data).into()]);
    match callback(chip, id, Slot::Receive, socket, more) {
        Some(callback) => chip.enqueue(callback),
        None => {
            let detail = format!("{length} bytes arrived for a socket without a `receive` handler and were discarded");
            chip.record_nothing(Silence::NoReceiveHandler, Layer::Application, Some(socket), detail);
        }
    }
}

/// One segment acknowledged `bytes` bytes: `sent` fires once on a chip, once for each finished `send` by the manual.
fn acknowledged(chip: &Chip, socket: SocketId, bytes: usize) {
    let Some(id) = owner(chip, socket, "data was acknowledged") else { return };
    if chip.is_chip() {
        report_sent(chip, id, socket, 1);
        return;
    }
    renew_inactivity(chip, id);
    let finished = finish_sends(chip, id, bytes);
    report_sent(chip, id, socket, finished);
}

/// Takes the sends that an acknowledgement finished off the list, with a hint where a chip counts differently.
fn finish_sends(chip: &Chip, id: ObjectId, bytes: usize) -> usize {
    let mut hints = Vec::new();
    let finished = change(chip, id, |object| {
        let mut bytes = bytes;
        let mut finished = 0;
        while let Some(first) = object.sends.front_mut() {
            first.acknowledgements += 1;
            let covered = first.bytes_left.min(bytes);
            first.bytes_left -= covered;
            bytes -= covered;
            if first.bytes_left > 0 {
                break;
            }
            finished += 1;
            if first.acknowledgements > 1 {
                let text = "on a chip: `sent` fires for each acknowledgement, here more than once for one send";
                hints.push((text, first.position.clone()));
            } else if finished > 1 {
                let text = "on a chip: `sent` fires for each acknowledgement, here once for several sends";
                hints.push((text, first.position.clone()));
            }
            object.sends.pop_front();
            if bytes == 0 {
                break;
            }
        }
        finished
    });
    let has_handler = change(chip, id, |object| object.handler(Slot::Sent).is_some()).unwrap_or(false);
    for (text, position) in hints.into_iter().filter(|_| has_handler) {
        chip.hint(text, position);
    }
    finished.unwrap_or(0)
}

/// Calls `sent` `times` times, unless the connection is given up in between.
fn report_sent(chip: &Chip, id: ObjectId, socket: SocketId, times: usize) {
    if times == 0 {
        return;
    }
    if let Some(callback) = callback(chip, id, Slot::Sent, socket, no_more()) {
        chip.enqueue(callback.then(move |chip| {
            if chip.modules.net.borrow().objects.owner(socket) == Some(id) {
                report_sent(chip, id, socket, times - 1);
            }
        }));
    }
}

/// The connection is over. `reconnection` takes errors away from `disconnection`; without a pending lookup the object is
/// let go after the handler, which is what makes a zombie of one that the handler connected anew
/// (`net_err_cb`; `docs/behaviour.md` §4.1, §4.3).
fn closed(chip: &Chip, socket: SocketId, reason: CloseReason) {
    let owner = owner(chip, socket, "the connection ended");
    let owned_by = chip.modules.net.borrow().objects.owner(socket);
    if let Some(id) = owned_by {
        // A zombie's control block is gone as well.
        chip.modules.net.borrow_mut().objects.shut(id);
        forget_inactivity(chip, id);
    }
    if let Some(id) = owner {
        report_end(chip, id, socket, i64::from(reason.code()));
    }
}

/// Tells the program that its connection ended with `code`.
fn report_end(chip: &Chip, id: ObjectId, socket: SocketId, code: i64) {
    let error_handler = code != 0 && change(chip, id, |object| object.handler(Slot::Reconnection)).flatten().is_some();
    let slot = if error_handler { Slot::Reconnection } else { Slot::Disconnection };
    let dialect = chip.dialect();
    match callback(chip, id, slot, socket, Box::new(move |_| vec![dialect.integer(code)])) {
        Some(callback) => chip.enqueue(callback.then(move |chip| let_go(chip, id))),
        None => {
            record_no_handler(chip, socket, slot);
            let_go(chip, id);
        }
    }
}

/// Drops the reference that kept the object alive, unless a lookup still needs it.
fn let_go(chip: &Chip, id: ObjectId) {
    let zombie = change(chip, id, |object| {
        if object.lookups > 0 {
            return None;
        }
        object.anchor = None;
        object.socket()
    });
    if let Some(Some(socket)) = zombie {
        let detail = "the socket was connected again inside its own disconnection handler: no event of the new \
                      connection will reach it; connect from a timer or a posted task instead";
        chip.record_nothing(Silence::Zombie, Layer::Application, Some(socket), detail);
    }
}

fn datagram(chip: &Chip, socket: SocketId, data: Vec<u8>, from: Endpoint) {
    let Some(id) = owner(chip, socket, "a datagram arrived") else { return };
    let length = data.len();
    let dialect = chip.dialect();
    let more: More = Box::new(move |ctx| {
        let ip = LuaString::from_slice(&ctx, from.ip.to_string());
        vec![LuaString::from_slice(&ctx, data).into(), dialect.integer(i64::from(from.port)), ip.into()]
    });
    match callback(chip, id, Slot::Receive, socket, more) {
        Some(callback) => chip.enqueue(callback),
        None => {
            let detail = format!("a datagram of {length} bytes arrived for a socket without a `receive` handler");
            chip.record_nothing(Silence::NoReceiveHandler, Layer::Application, Some(socket), detail);
        }
    }
}

fn record_no_handler(chip: &Chip, socket: SocketId, slot: Slot) {
    let detail = format!("no handler for `{}`", slot.event());
    chip.record_nothing(Silence::NoHandler, Layer::Application, Some(socket), detail);
}

// ---- the resolver's answers ----

fn resolved(chip: &Chip, lookup: Lookup, ip: Option<Ipv4Addr>) {
    match lookup {
        Lookup::Object(id) => resolved_for_object(chip, id, ip),
        Lookup::Resolve(function) => {
            let callback =
                Callback::new(chip, Slot::Dns.event(), function, move |ctx| vec![Value::Nil, ip_or_nil(ctx, ip)]);
            chip.enqueue(callback.unprotected());
        }
        Lookup::Ping { count, handlers } => ping::resolved(chip, ip, count, handlers),
    }
}

fn resolved_for_object(chip: &Chip, id: ObjectId, ip: Option<Ipv4Addr>) {
    let handler =
        change(chip, id, |object| Some((object.handler(Slot::Dns)?, object.anchor.clone()?, object.socket())));
    let Some(Some((function, anchor, socket))) = handler else {
        finish_lookup(chip, id, ip);
        return;
    };
    let more: More = Box::new(move |ctx| vec![ip_or_nil(ctx, ip)]);
    let callback = callback_of(chip, Slot::Dns, function, anchor, more).of_socket(socket);
    chip.enqueue(callback.then(move |chip| finish_lookup(chip, id, ip)));
}

fn ip_or_nil<'gc>(ctx: Context<'gc>, ip: Option<Ipv4Addr>) -> Value<'gc> {
    ip.map_or(Value::Nil, |ip| LuaString::from_slice(&ctx, ip.to_string()).into())
}

/// What follows every answer of the resolver: a socket that waits in `connect` goes on, to whatever address this is, and a
/// failed lookup's is 255.255.255.255; one without a connection is let go after the last answer (`net_dns_cb`).
pub(super) fn finish_lookup(chip: &Chip, id: ObjectId, ip: Option<Ipv4Addr>) {
    let state = change(chip, id, |object| {
        object.lookups = object.lookups.saturating_sub(1);
        if object.open.is_none() && object.lookups == 0 {
            object.anchor = None;
        }
        object.tcp().map(|socket| (socket, object.target_port))
    });
    let Some(Some((socket, port))) = state else { return };
    let waits = with_host(chip, |host| host.tcp_state(socket))
        .is_some_and(|state| matches!(state, SocketState::Closed | SocketState::Resolving));
    if !waits {
        return;
    }
    // The firmware ignores the outcome. Without a route no event will ever come, which the stack records.
    let remote = Endpoint { ip: ip.unwrap_or(Ipv4Addr::BROADCAST), port };
    let _ = with_host(chip, |host| host.tcp_connect(chip.now(), socket, remote));
}

// ---- the manual's timeout of inactive clients ----

/// Starts the clock of an accepted socket: by the manual an inactive client is disconnected when it runs out.
fn watch_inactivity(chip: &Chip, id: ObjectId, timeout_secs: i64, server_at: Option<trace::Position>) {
    let alarm = chip.after(Duration::from_secs(timeout_secs.unsigned_abs()), move |chip| disconnect_inactive(chip, id));
    change(chip, id, |object| object.inactivity = Some(Inactivity { alarm, timeout_secs, server_at }));
}

/// Something happened on the connection: the clock starts anew.
fn renew_inactivity(chip: &Chip, id: ObjectId) {
    if let Some(inactivity) = forget_inactivity(chip, id) {
        watch_inactivity(chip, id, inactivity.timeout_secs, inactivity.server_at);
    }
}

fn forget_inactivity(chip: &Chip, id: ObjectId) -> Option<Inactivity> {
    let inactivity = change(chip, id, |object| object.inactivity.take()).flatten()?;
    chip.cancel(inactivity.alarm);
    Some(inactivity)
}

fn disconnect_inactive(chip: &Chip, id: ObjectId) {
    let taken = change(chip, id, |object| (object.inactivity.take(), object.tcp()));
    let Some((Some(inactivity), Some(socket))) = taken else { return };
    let text = "on a chip: the server's timeout is TCP keep-alive; an idle client that is still there stays connected";
    chip.hint(text, inactivity.server_at);
    with_host(chip, |host| host.tcp_close_graceful(chip.now(), socket));
    chip.modules.net.borrow_mut().objects.shut(id);
    report_end(chip, id, socket, 0);
}
