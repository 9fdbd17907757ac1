//! The PC's HTTP client, for `curl` and for the browser: connections that are kept and shared, redirects, a bound on how
//! many are open to one host.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use trace::{Endpoint, SocketId};

use super::desk::{Desktop, JobId, News, Owner, Target, resolve_error};
use crate::event::{CloseReason, Event, IcmpErrorKind};
use crate::world::dns::resolver::LookupId;
use crate::world::http::message::{Headers, ResponseHead, ResponsePart, ResponseReader};
use crate::world::http::url::{Url, UrlError};

/// Connections to one host at a time, as browsers do.
const CONNECTIONS_PER_HOST_MAX: usize = 6;
/// Redirects followed in a row, as `curl` does.
pub(super) const REDIRECTS_MAX: u32 = 50;

/// A request under way; never reused during a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FetchId(pub u32);

/// For whom a page is fetched. Connections are not shared between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Client {
    Job(JobId),
    Browser,
}

/// What to fetch.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) method: String,
    pub(super) url: Url,
    /// All fields in order; `Host` included.
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
    pub(super) is_http_11: bool,
    pub(super) follows: bool,
}

/// How a fetch goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ClientEvent {
    Resolved {
        host: String,
        ip: Ipv4Addr,
    },
    Trying {
        ip: Ipv4Addr,
        port: u16,
    },
    /// `number` counts the connections of a client.
    Connected {
        ip: Ipv4Addr,
        port: u16,
        number: u32,
        is_reused: bool,
    },
    /// The head of the request, as sent.
    Sent(String),
    Head(ResponseHead),
    Body(Vec<u8>),
    /// Another request follows, to this address.
    Redirected(Url),
    /// The connection is kept, or was closed.
    Done {
        number: u32,
        is_kept: bool,
    },
    Failed(FetchError),
}

/// Why a fetch failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FetchError {
    Unresolved {
        host: String,
        why: &'static str,
    },
    Refused,
    Unreachable,
    ConnectTimeout,
    Empty,
    Reset,
    /// The connection ended with so many bytes of a stated length missing, or inside a chunk.
    Cut(Option<usize>),
    NotHttp,
    TooManyRedirects,
    BadRedirect(UrlError, String),
}

impl FetchError {
    /// One sentence for a browser.
    pub(super) fn sentence(&self) -> String {
        match self {
            FetchError::Unresolved { host, why } => format!("{host}: {why}"),
            FetchError::Refused => "the connection was refused".into(),
            FetchError::Unreachable => "there is no way to the host, or it does not answer".into(),
            FetchError::ConnectTimeout => "the host did not answer in time".into(),
            FetchError::Empty => "the server closed the connection without an answer".into(),
            FetchError::Reset => "the connection was reset".into(),
            FetchError::Cut(Some(missing)) => format!("the answer ended {missing} bytes early"),
            FetchError::Cut(None) => "the answer was not complete".into(),
            FetchError::NotHttp => "the answer is not HTTP".into(),
            FetchError::TooManyRedirects => "too many redirects".into(),
            FetchError::BadRedirect(_, to) => format!("the redirect leads to {to}, which cannot be opened"),
        }
    }
}

/// The client.
#[derive(Default)]
pub(super) struct Agent {
    fetches: BTreeMap<FetchId, Fetch>,
    connections: BTreeMap<SocketId, Connection>,
    events: VecDeque<(Client, FetchId, ClientEvent)>,
    next: u32,
    numbers: BTreeMap<Client, u32>,
}

struct Fetch {
    client: Client,
    order: Order,
    state: State,
    redirects: u32,
    /// A kept connection turned out to be closed; the next one is new.
    is_retry: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Resolving(LookupId),
    /// All connections to the host are busy.
    Waiting(Ipv4Addr),
    Active(SocketId),
}

/// Client, address, port.
type Key = (Client, Ipv4Addr, u16);

struct Connection {
    key: Key,
    number: u32,
    fetch: Option<FetchId>,
    is_open: bool,
    is_reused: bool,
    is_unreachable: bool,
    unsent: Vec<u8>,
    reader: ResponseReader,
    /// The head has come and leads elsewhere; the body is of no interest.
    redirect: Option<Url>,
}

impl Agent {
    /// The next thing that happened.
    pub(super) fn take_event(&mut self) -> Option<(Client, FetchId, ClientEvent)> {
        self.events.pop_front()
    }

    fn tell(&mut self, id: FetchId, event: ClientEvent) {
        if let Some(fetch) = self.fetches.get(&id) {
            self.events.push_back((fetch.client, id, event));
        }
    }

    fn fail(&mut self, id: FetchId, error: FetchError) {
        self.tell(id, ClientEvent::Failed(error));
        self.fetches.remove(&id);
    }

    fn idle(&self, key: Key) -> Option<SocketId> {
        let is_idle =
            |connection: &Connection| connection.key == key && connection.fetch.is_none() && connection.is_open;
        self.connections.iter().find(|(_, connection)| is_idle(connection)).map(|(socket, _)| *socket)
    }
}

/// Begins a fetch.
pub(super) fn start(desktop: &mut Desktop<'_>, client: Client, order: Order) -> FetchId {
    // What is opened on the way is the client's, whoever asked for the page.
    let desktop = &mut Desktop { desk: &mut *desktop.desk, owner: Owner::Http, now: desktop.now };
    let agent = &mut desktop.desk.http;
    let id = FetchId(agent.next);
    agent.next += 1;
    let state = State::Waiting(Ipv4Addr::UNSPECIFIED);
    agent.fetches.insert(id, Fetch { client, order, state, redirects: 0, is_retry: false });
    resolve(desktop, id);
    id
}

/// Gives a fetch up; nothing more is heard of it.
pub(super) fn abort(desktop: &mut Desktop<'_>, id: FetchId) {
    let Some(fetch) = desktop.desk.http.fetches.remove(&id) else { return };
    desktop.desk.http.events.retain(|(_, other, _)| *other != id);
    if let State::Active(socket) = fetch.state {
        desktop.desk.http.connections.remove(&socket);
        desktop.close(socket);
    }
}

/// Ends everything of a client that has left.
pub(super) fn forget(desktop: &mut Desktop<'_>, client: Client) {
    let of_client = |fetch: &Fetch| fetch.client == client;
    let fetches: Vec<FetchId> =
        desktop.desk.http.fetches.iter().filter(|(_, fetch)| of_client(fetch)).map(|(id, _)| *id).collect();
    for id in fetches {
        abort(desktop, id);
    }
    let of_client = |connection: &Connection| connection.key.0 == client;
    let agent = &mut desktop.desk.http;
    let sockets: Vec<SocketId> =
        agent.connections.iter().filter(|(_, connection)| of_client(connection)).map(|(socket, _)| *socket).collect();
    for socket in sockets {
        desktop.desk.http.connections.remove(&socket);
        desktop.close(socket);
    }
    desktop.desk.http.numbers.remove(&client);
}

/// Goes on with whatever `news` is about.
pub(super) fn news(desktop: &mut Desktop<'_>, news: News) {
    match news {
        News::Resolved { lookup, answer, .. } => {
            let waits = |fetch: &Fetch| fetch.state == State::Resolving(lookup);
            let Some(id) = desktop.desk.http.fetches.iter().find(|(_, fetch)| waits(fetch)).map(|(id, _)| *id) else {
                return;
            };
            match answer.addresses.first() {
                Some(ip) => reach(desktop, id, *ip, true),
                None => {
                    let host = desktop.desk.http.fetches[&id].order.url.host.clone();
                    desktop.desk.http.fail(id, FetchError::Unresolved { host, why: resolve_error(&answer) });
                }
            }
        }
        News::Socket(Event::Connected(socket)) => connected(desktop, socket),
        News::Socket(Event::Acknowledged { socket, .. }) => pump(desktop, socket),
        News::Socket(Event::Received { socket, data }) => received(desktop, socket, &data),
        News::Socket(Event::Closed { socket, reason }) => closed(desktop, socket, reason),
        News::Icmp { kind: IcmpErrorKind::HostUnreachable, remote, .. } => {
            for connection in desktop.desk.http.connections.values_mut() {
                let is_meant = (connection.key.1, connection.key.2) == (remote.ip, remote.port);
                connection.is_unreachable |= is_meant && !connection.is_open;
            }
        }
        _ => {}
    }
}

fn resolve(desktop: &mut Desktop<'_>, id: FetchId) {
    let Some(host) = desktop.desk.http.fetches.get(&id).map(|fetch| fetch.order.url.host.clone()) else { return };
    match desktop.resolve(&host) {
        Target::Address(ip) => reach(desktop, id, ip, false),
        Target::Lookup(lookup) => {
            if let Some(fetch) = desktop.desk.http.fetches.get_mut(&id) {
                fetch.state = State::Resolving(lookup);
            }
        }
    }
}

/// Uses a kept connection, opens one, or waits for one to become free.
fn reach(desktop: &mut Desktop<'_>, id: FetchId, ip: Ipv4Addr, was_resolved: bool) {
    let agent = &mut desktop.desk.http;
    let Some(fetch) = agent.fetches.get_mut(&id) else { return };
    let (port, host) = (fetch.order.url.port, fetch.order.url.host.clone());
    let key = (fetch.client, ip, port);
    fetch.state = State::Waiting(ip);
    let may_reuse = !fetch.is_retry;
    if was_resolved {
        agent.tell(id, ClientEvent::Resolved { host, ip });
    }
    if let Some(socket) = agent.idle(key).filter(|_| may_reuse) {
        attach(desktop, socket, id);
        return;
    }
    if agent.connections.values().filter(|connection| connection.key == key).count() < CONNECTIONS_PER_HOST_MAX {
        open(desktop, key, id);
    }
}

fn open(desktop: &mut Desktop<'_>, key: Key, id: FetchId) {
    let (client, ip, port) = key;
    desktop.desk.http.tell(id, ClientEvent::Trying { ip, port });
    let Some(socket) = desktop.connect(Endpoint { ip, port }) else {
        desktop.desk.http.fail(id, FetchError::Unreachable);
        return;
    };
    let agent = &mut desktop.desk.http;
    let number = agent.numbers.entry(client).or_default();
    let connection = Connection {
        key,
        number: *number,
        fetch: Some(id),
        is_open: false,
        is_reused: false,
        is_unreachable: false,
        unsent: Vec::new(),
        reader: ResponseReader::new("GET"),
        redirect: None,
    };
    *number += 1;
    agent.connections.insert(socket, connection);
    if let Some(fetch) = agent.fetches.get_mut(&id) {
        fetch.state = State::Active(socket);
    }
}

/// Gives a kept connection to a fetch.
fn attach(desktop: &mut Desktop<'_>, socket: SocketId, id: FetchId) {
    let agent = &mut desktop.desk.http;
    if let Some(connection) = agent.connections.get_mut(&socket) {
        connection.fetch = Some(id);
        connection.is_reused = true;
    }
    if let Some(fetch) = agent.fetches.get_mut(&id) {
        fetch.state = State::Active(socket);
    }
    connected(desktop, socket);
}

/// Sends the request.
fn connected(desktop: &mut Desktop<'_>, socket: SocketId) {
    let agent = &mut desktop.desk.http;
    let Some(connection) = agent.connections.get_mut(&socket) else { return };
    connection.is_open = true;
    let Some(id) = connection.fetch else { return };
    let Some(fetch) = agent.fetches.get(&id) else { return };
    let head = head_text(&fetch.order);
    connection.reader = ResponseReader::new(&fetch.order.method);
    connection.redirect = None;
    connection.unsent = [head.as_bytes(), &fetch.order.body].concat();
    let (number, is_reused, (_, ip, port)) = (connection.number, connection.is_reused, connection.key);
    agent.tell(id, ClientEvent::Connected { ip, port, number, is_reused });
    agent.tell(id, ClientEvent::Sent(head));
    pump(desktop, socket);
}

fn head_text(order: &Order) -> String {
    let version = u8::from(order.is_http_11);
    let mut head = format!("{} {} HTTP/1.{version}\r\n", order.method, order.url.target);
    for (name, value) in &order.headers.0 {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

fn pump(desktop: &mut Desktop<'_>, socket: SocketId) {
    let Some(connection) = desktop.desk.http.connections.get_mut(&socket) else { return };
    let mut unsent = std::mem::take(&mut connection.unsent);
    desktop.pump(socket, &mut unsent);
    if let Some(connection) = desktop.desk.http.connections.get_mut(&socket) {
        connection.unsent = unsent;
    }
}

fn received(desktop: &mut Desktop<'_>, socket: SocketId, data: &[u8]) {
    let agent = &mut desktop.desk.http;
    let Some(connection) = agent.connections.get_mut(&socket) else { return };
    let Some(id) = connection.fetch else {
        // A kept connection has nothing to say.
        agent.connections.remove(&socket);
        desktop.close(socket);
        return;
    };
    connection.reader.push(data);
    while let Some(part) =
        desktop.desk.http.connections.get_mut(&socket).and_then(|connection| connection.reader.next())
    {
        match part {
            ResponsePart::Head(head) => take_head(desktop, socket, id, head),
            ResponsePart::Body(body) => {
                let is_wanted = desktop.desk.http.connections.get(&socket).is_some_and(|own| own.redirect.is_none());
                if is_wanted {
                    desktop.desk.http.tell(id, ClientEvent::Body(body));
                }
            }
            ResponsePart::End { reusable } => complete(desktop, socket, id, reusable),
            ResponsePart::Bad => {
                desktop.desk.http.connections.remove(&socket);
                desktop.close(socket);
                desktop.desk.http.fail(id, FetchError::NotHttp);
            }
        }
    }
}

fn take_head(desktop: &mut Desktop<'_>, socket: SocketId, id: FetchId, head: ResponseHead) {
    let agent = &mut desktop.desk.http;
    let Some(fetch) = agent.fetches.get(&id) else { return };
    let is_redirect = fetch.order.follows && matches!(head.status, 301 | 302 | 303 | 307 | 308);
    let location = head.headers.get("location").map(str::to_owned).filter(|_| is_redirect);
    let next = location.map(|location| (fetch.order.url.join(&location), location));
    agent.tell(id, ClientEvent::Head(head.clone()));
    match next {
        None => {}
        Some((Ok(url), _)) => {
            if let Some(connection) = agent.connections.get_mut(&socket) {
                connection.redirect = Some(url);
            }
            if let Some(fetch) = agent.fetches.get_mut(&id)
                && (head.status == 303 || (matches!(head.status, 301 | 302) && fetch.order.method == "POST"))
                && fetch.order.method != "HEAD"
            {
                fetch.order.method = "GET".into();
                fetch.order.body.clear();
                fetch.order.headers.0.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("content-"));
            }
        }
        Some((Err(error), location)) => {
            agent.connections.remove(&socket);
            desktop.close(socket);
            desktop.desk.http.fail(id, FetchError::BadRedirect(error, location));
        }
    }
}

/// The response has come to its end.
fn complete(desktop: &mut Desktop<'_>, socket: SocketId, id: FetchId, reusable: bool) {
    let agent = &mut desktop.desk.http;
    let Some(connection) = agent.connections.get_mut(&socket) else { return };
    let (number, redirect) = (connection.number, connection.redirect.take());
    let is_kept = reusable && connection.unsent.is_empty();
    connection.fetch = None;
    let key = connection.key;
    if !is_kept {
        agent.connections.remove(&socket);
        desktop.close(socket);
    }
    finish(desktop, id, number, is_kept, redirect);
    serve_waiting(desktop, key);
}

fn finish(desktop: &mut Desktop<'_>, id: FetchId, number: u32, is_kept: bool, redirect: Option<Url>) {
    let agent = &mut desktop.desk.http;
    let Some(url) = redirect else {
        agent.tell(id, ClientEvent::Done { number, is_kept });
        agent.fetches.remove(&id);
        return;
    };
    let Some(fetch) = agent.fetches.get_mut(&id) else { return };
    fetch.redirects += 1;
    fetch.is_retry = false;
    if fetch.redirects > REDIRECTS_MAX {
        agent.fail(id, FetchError::TooManyRedirects);
        return;
    }
    for (name, value) in &mut fetch.order.headers.0 {
        if name.eq_ignore_ascii_case("host") {
            *value = url.authority();
        }
    }
    fetch.order.url = url.clone();
    agent.tell(id, ClientEvent::Redirected(url));
    resolve(desktop, id);
}

/// A connection to `key` became free, or there is room for another.
fn serve_waiting(desktop: &mut Desktop<'_>, key: Key) {
    let (client, ip, port) = key;
    let waits =
        |fetch: &Fetch| fetch.client == client && fetch.state == State::Waiting(ip) && fetch.order.url.port == port;
    let waiting = desktop.desk.http.fetches.iter().find(|(_, fetch)| waits(fetch)).map(|(id, _)| *id);
    if let Some(id) = waiting {
        reach(desktop, id, ip, false);
    }
}

fn closed(desktop: &mut Desktop<'_>, socket: SocketId, reason: CloseReason) {
    let agent = &mut desktop.desk.http;
    let Some(mut connection) = agent.connections.remove(&socket) else { return };
    // On the PC an ended connection is closed from this side too; where the stack has done so this does nothing.
    desktop.desk.host.tcp_close(desktop.now, socket);
    let key = connection.key;
    if let Some(id) = connection.fetch {
        let has_begun = connection.reader.has_begun();
        let missing = connection.reader.missing();
        let is_whole = reason == CloseReason::PeerFin && connection.reader.finish();
        if is_whole {
            finish(desktop, id, connection.number, false, connection.redirect.take());
        } else if connection.is_reused && !has_begun {
            retry(desktop, id, key.1);
        } else {
            let error = match (connection.is_open, reason) {
                (false, CloseReason::Reset) => FetchError::Refused,
                (false, _) if connection.is_unreachable => FetchError::Unreachable,
                (false, _) => FetchError::ConnectTimeout,
                (true, CloseReason::PeerFin) if !has_begun => FetchError::Empty,
                (true, CloseReason::PeerFin) => FetchError::Cut(missing),
                (true, _) => FetchError::Reset,
            };
            desktop.desk.http.fail(id, error);
        }
    }
    serve_waiting(desktop, key);
}

/// The server had closed a kept connection: asks again on a new one (RFC 9112, section 9.3.1).
fn retry(desktop: &mut Desktop<'_>, id: FetchId, ip: Ipv4Addr) {
    if let Some(fetch) = desktop.desk.http.fetches.get_mut(&id) {
        fetch.is_retry = true;
    }
    reach(desktop, id, ip, false);
}
