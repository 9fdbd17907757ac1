//! Outgoing TCP connections of the modules that speak a protocol of their own: `http`, `mqtt`.
//!
//! A client resolves its name, connects, and passes on what happens. Data that does not fit into the stack's send buffer waits
//! here and leaves without waiting for a tick, as the SDK's own connections do.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use lan::{CloseReason, Event, QueryId, parse_ipv4_literal};
use trace::{Endpoint, SocketId};

use crate::chip::Chip;

/// A connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientId(u32);

/// What happens to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClientEvent {
    /// It is established.
    Connected,
    /// Data came.
    Data(Vec<u8>),
    /// Everything sent so far has been acknowledged.
    Drained,
    /// It is over; nothing follows.
    Closed(Ending),
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The name has no address, or no server is reachable to ask.
    NoAddress,
    /// The stack said so.
    Stack(CloseReason),
}

/// What handles a connection's events. No borrow of the module's state is held when it is called.
pub(crate) type Handler = Rc<dyn Fn(&Chip, ClientId, ClientEvent)>;

/// What the modules' connections keep.
#[derive(Default)]
pub(crate) struct State {
    clients: BTreeMap<ClientId, Client>,
    next: u32,
    queries: BTreeMap<QueryId, ClientId>,
    sockets: BTreeMap<SocketId, ClientId>,
}

struct Client {
    port: u16,
    socket: Option<SocketId>,
    is_connected: bool,
    outgoing: VecDeque<u8>,
    handler: Handler,
}

/// Connects to `port` of `host`, a name or an address.
pub(crate) fn open(chip: &Chip, host: &[u8], port: u16, handler: Handler) -> ClientId {
    let id = {
        let mut state = chip.modules.client.borrow_mut();
        let id = ClientId(state.next);
        state.next += 1;
        let client = Client { port, socket: None, is_connected: false, outgoing: VecDeque::new(), handler };
        state.clients.insert(id, client);
        id
    };
    match parse_ipv4_literal(host) {
        Some(ip) => connect(chip, id, ip),
        None => {
            let query = chip.host.borrow_mut().dns_resolve(chip.now(), host);
            match query {
                Ok(query) => {
                    chip.modules.client.borrow_mut().queries.insert(query, id);
                }
                // Told later, so that whoever opens the connection knows its id first.
                Err(_) => {
                    chip.at(chip.now(), move |chip| finish(chip, id, Ending::NoAddress));
                }
            }
        }
    }
    id
}

fn connect(chip: &Chip, id: ClientId, ip: std::net::Ipv4Addr) {
    let Some(port) = chip.modules.client.borrow().clients.get(&id).map(|client| client.port) else { return };
    let mut host = chip.host.borrow_mut();
    let socket = host.tcp_open();
    let connected = host.tcp_connect(chip.now(), socket, Endpoint { ip, port });
    drop(host);
    let mut state = chip.modules.client.borrow_mut();
    state.sockets.insert(socket, id);
    if let Some(client) = state.clients.get_mut(&id) {
        client.socket = Some(socket);
    }
    if connected.is_err() {
        // Nothing else would ever say so.
        chip.at(chip.now(), move |chip| finish(chip, id, Ending::Stack(CloseReason::Aborted)));
    }
}

/// Sends `data` behind what waits.
pub(crate) fn send(chip: &Chip, id: ClientId, data: &[u8]) {
    if let Some(client) = chip.modules.client.borrow_mut().clients.get_mut(&id) {
        client.outgoing.extend(data);
    }
    flush(chip, id);
}

/// Gives as much to the stack as it takes. Returns whether something was left to give.
fn flush(chip: &Chip, id: ClientId) -> bool {
    let mut state = chip.modules.client.borrow_mut();
    let Some(client) = state.clients.get_mut(&id).filter(|client| client.is_connected) else { return false };
    let Some(socket) = client.socket.filter(|_| !client.outgoing.is_empty()) else { return false };
    let mut host = chip.host.borrow_mut();
    let length = client.outgoing.len().min(host.tcp_send_space(socket));
    let piece: Vec<u8> = client.outgoing.iter().take(length).copied().collect();
    if !piece.is_empty() && host.tcp_send(chip.now(), socket, &piece).is_ok() {
        client.outgoing.drain(..length);
        host.tcp_flush(chip.now(), socket);
    }
    true
}

/// Closes the connection in good order; no event follows.
pub(crate) fn close(chip: &Chip, id: ClientId) {
    if let Some(socket) = forget(chip, id).and_then(|client| client.socket) {
        chip.host.borrow_mut().tcp_close(chip.now(), socket);
    }
}

fn forget(chip: &Chip, id: ClientId) -> Option<Client> {
    let mut state = chip.modules.client.borrow_mut();
    state.queries.retain(|_, client| *client != id);
    state.sockets.retain(|_, client| *client != id);
    state.clients.remove(&id)
}

fn finish(chip: &Chip, id: ClientId, ending: Ending) {
    let Some(client) = forget(chip, id) else { return };
    if let Some(socket) = client.socket {
        chip.host.borrow_mut().tcp_abort(chip.now(), socket);
    }
    (client.handler)(chip, id, ClientEvent::Closed(ending));
}

fn tell(chip: &Chip, id: ClientId, event: ClientEvent) {
    let handler = chip.modules.client.borrow().clients.get(&id).map(|client| Rc::clone(&client.handler));
    if let Some(handler) = handler {
        handler(chip, id, event);
    }
}

/// Takes an event of the stack if it belongs to one of these connections; gives it back otherwise.
pub(crate) fn handle_event(chip: &Chip, event: Event) -> Option<Event> {
    let id = {
        let state = chip.modules.client.borrow();
        match &event {
            Event::DnsDone { query, .. } => state.queries.get(query).copied(),
            Event::Connected(socket)
            | Event::Acknowledged { socket, .. }
            | Event::Received { socket, .. }
            | Event::Closed { socket, .. } => state.sockets.get(socket).copied(),
            _ => None,
        }
    };
    let Some(id) = id else { return Some(event) };
    match event {
        Event::DnsDone { ip: Some(ip), .. } => connect(chip, id, ip),
        Event::DnsDone { ip: None, .. } => finish(chip, id, Ending::NoAddress),
        Event::Connected(_) => {
            if let Some(client) = chip.modules.client.borrow_mut().clients.get_mut(&id) {
                client.is_connected = true;
            }
            flush(chip, id);
            tell(chip, id, ClientEvent::Connected);
        }
        Event::Acknowledged { .. } if !flush(chip, id) => tell(chip, id, ClientEvent::Drained),
        Event::Received { data, .. } => tell(chip, id, ClientEvent::Data(data.to_vec())),
        Event::Closed { reason, .. } => finish(chip, id, Ending::Stack(reason)),
        _ => {}
    }
    None
}
