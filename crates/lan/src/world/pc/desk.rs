//! What the PC's programs share: the stack, the resolver, timers, files and the way to the terminal.
//!
//! A program ([`Tool`]) is a state machine. It gets [`News`] about what it started and acts through a [`Desktop`], which
//! notes for whom a socket, a lookup or a timer is.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use trace::{Duration, Endpoint, Instant, Kind, Protocol, RecordId, SocketId};

use super::http::{Agent, ClientEvent, FetchId};
use crate::event::{Event, IcmpErrorKind, ListenerId};
use crate::host::Host;
use crate::world::dns::resolver::{LookupId, Resolver, Step};
use crate::world::dns::{Answer, DNS_PORT, QueryKind};
use crate::world::service::Log;

/// A program under way; never reused during a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct JobId(pub(super) u32);

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    Job(JobId),
    /// The HTTP client, which works for programs and for the browser.
    Http,
}

/// What a program is told.
#[derive(Debug)]
pub(super) enum News {
    /// An event of one of its sockets.
    Socket(Event),
    /// A lookup ended; `server` answered, or nobody did.
    Resolved { lookup: LookupId, server: Ipv4Addr, answer: Answer },
    /// An echo came back.
    Echo { from: Ipv4Addr, seq: u16, ttl: u8, length: usize },
    /// Someone reports about a packet of its.
    Icmp { from: Ipv4Addr, kind: IcmpErrorKind, remote: Endpoint },
    /// A moment it asked for.
    Timer(u64),
    /// Something about a page it fetches.
    Fetch(FetchId, ClientEvent),
    /// Bytes on its input.
    Input(Vec<u8>),
    /// No more input.
    InputEnd,
}

/// A program.
pub(super) trait Tool {
    /// Begins.
    fn start(&mut self, desktop: &mut Desktop<'_>);
    /// Goes on.
    fn news(&mut self, desktop: &mut Desktop<'_>, news: News);
    /// Ctrl-C; the program ends afterwards.
    fn interrupt(&mut self, _desktop: &mut Desktop<'_>) {}
}

/// What a program does besides the network.
#[derive(Debug)]
pub(super) enum Doing {
    /// Output.
    Print(Vec<u8>),
    /// Output that no pipe takes.
    Complain(String),
    /// The end, with its status.
    Finish(u8),
}

/// The shared part of the PC.
pub(super) struct Desk {
    pub(super) host: Host,
    pub(super) log: Log,
    pub(super) name_servers: Vec<Ipv4Addr>,
    /// Domain appended to names without a dot.
    pub(super) search: String,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) doings: Vec<(JobId, Doing)>,
    pub(super) http: Agent,
    resolver: Resolver,
    resolver_socket: SocketId,
    sockets: BTreeMap<SocketId, Owner>,
    lookups: BTreeMap<LookupId, Owner>,
    timers: BTreeMap<(Instant, u64), (Owner, u64, Option<RecordId>)>,
    next_timer: u64,
    /// Where host names of lookups under way are asked, for the log.
    asked: BTreeMap<LookupId, String>,
}

/// A name as the system resolves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Address(Ipv4Addr),
    Lookup(LookupId),
}

impl Desk {
    /// A desk around a stack.
    pub(super) fn new(mut host: Host, log: Log, name_servers: Vec<Ipv4Addr>, search: String, seed: u64) -> Desk {
        let resolver_socket = host.udp_open();
        // Port 0 asks for any free one, and none is taken yet.
        let _ = host.udp_bind(Instant::ZERO, resolver_socket, Ipv4Addr::UNSPECIFIED, 0);
        Desk {
            host,
            log,
            name_servers,
            search,
            files: BTreeMap::new(),
            doings: Vec::new(),
            http: Agent::default(),
            resolver: Resolver::new(seed),
            resolver_socket,
            sockets: BTreeMap::new(),
            lookups: BTreeMap::new(),
            timers: BTreeMap::new(),
            next_timer: 0,
            asked: BTreeMap::new(),
        }
    }

    /// Who is concerned by an event of the host, and how it is told; the resolver's own datagrams are dealt with here.
    pub(super) fn sort(&mut self, now: Instant, event: Event) -> Option<(Owner, News)> {
        match event {
            Event::Datagram { socket, data, from, .. } if socket == self.resolver_socket => {
                if from.port == DNS_PORT {
                    self.resolver.received(now, from.ip, &data);
                }
                None
            }
            Event::EchoReply { from, id, seq, ttl, length } => {
                Some((Owner::Job(JobId(u32::from(id))), News::Echo { from, seq, ttl, length }))
            }
            Event::IcmpError { from, kind, protocol, local, remote } => {
                let owner = self.owner_of_packet(protocol, local)?;
                Some((owner, News::Icmp { from, kind, remote }))
            }
            Event::Accepted { listener, socket } => {
                let owner = *self.sockets.get(&listener.0)?;
                self.sockets.insert(socket, owner);
                Some((owner, News::Socket(Event::Accepted { listener, socket })))
            }
            event => {
                let socket = socket_of(&event)?;
                let owner = *self.sockets.get(&socket)?;
                if matches!(event, Event::Closed { .. }) {
                    self.sockets.remove(&socket);
                }
                Some((owner, News::Socket(event)))
            }
        }
    }

    fn owner_of_packet(&self, protocol: Option<Protocol>, local: Endpoint) -> Option<Owner> {
        let Some(protocol) = protocol else { return Some(Owner::Job(JobId(u32::from(local.port)))) };
        let is_its = |socket: &SocketId| {
            let end = match protocol {
                Protocol::Tcp => self.host.tcp_local(*socket),
                Protocol::Udp => self.host.udp_local(*socket),
            };
            end.is_some_and(|end| end.port == local.port)
        };
        self.sockets.iter().find(|(socket, _)| is_its(socket)).map(|(_, owner)| *owner)
    }

    /// Does what the resolver wants; gives the next lookup that ended.
    pub(super) fn resolver_news(&mut self, now: Instant) -> Option<(Owner, News)> {
        while let Some(step) = self.resolver.take_step() {
            match step {
                Step::Ask { name, server, bytes } => {
                    let asked = self.log.record(now, Kind::DnsQuestion { name, server });
                    let _scope = self.log.trace.clone().enter(Some(asked));
                    let to = Endpoint { ip: server, port: DNS_PORT };
                    // Without a way there the lookup runs into its time limit.
                    let _ = self.host.udp_send(now, self.resolver_socket, to, &bytes);
                }
                Step::Done { lookup, server, mut answer } => {
                    if let Some(name) = self.asked.remove(&lookup).filter(|_| answer.name.is_empty()) {
                        answer.name = name;
                    }
                    self.log.record(now, answer.to_record());
                    if let Some(owner) = self.lookups.remove(&lookup) {
                        return Some((owner, News::Resolved { lookup, server, answer }));
                    }
                }
            }
        }
        None
    }

    /// The next timer that is due at `now`, with the cause it was set under.
    pub(super) fn due_timer(&mut self, now: Instant) -> Option<(Owner, u64, Option<RecordId>)> {
        let entry = self.timers.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    /// Lets the resolver repeat what was not answered.
    pub(super) fn poll(&mut self, now: Instant) {
        self.host.poll(now);
        self.resolver.poll(now);
    }

    /// When there is something to do.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let timer = self.timers.keys().next().map(|(at, _)| *at);
        [self.host.next_deadline(), self.resolver.next_deadline(), timer].into_iter().flatten().min()
    }

    /// Takes back everything that `owner` has open.
    pub(super) fn clean_up(&mut self, now: Instant, owner: Owner) {
        let sockets: Vec<SocketId> = self.sockets.iter().filter(|(_, own)| **own == owner).map(|(id, _)| *id).collect();
        for socket in sockets {
            self.close(now, socket);
        }
        let lookups: Vec<LookupId> = self.lookups.iter().filter(|(_, own)| **own == owner).map(|(id, _)| *id).collect();
        for lookup in lookups {
            self.lookups.remove(&lookup);
            self.asked.remove(&lookup);
            self.resolver.cancel(lookup);
        }
        self.timers.retain(|_, (own, _, _)| *own != owner);
    }

    fn close(&mut self, now: Instant, socket: SocketId) {
        if self.sockets.remove(&socket).is_some() {
            // The number is that of one kind; for the others there is nothing to close.
            if !self.host.tcp_close(now, socket) && !self.host.udp_close(now, socket) {
                self.host.tcp_unlisten(now, ListenerId(socket));
            }
        }
    }
}

fn socket_of(event: &Event) -> Option<SocketId> {
    match event {
        Event::Connected(socket) | Event::Acknowledged { socket, .. } => Some(*socket),
        Event::Received { socket, .. } | Event::Closed { socket, .. } | Event::Datagram { socket, .. } => Some(*socket),
        _ => None,
    }
}

/// The desk in the hands of one program at one moment.
pub(super) struct Desktop<'a> {
    pub(super) desk: &'a mut Desk,
    pub(super) owner: Owner,
    pub(super) now: Instant,
}

impl Desktop<'_> {
    /// The program's number as an echo identifier.
    pub(super) fn echo_id(&self) -> u16 {
        match self.owner {
            Owner::Job(JobId(id)) => id as u16,
            Owner::Http => 0,
        }
    }

    /// Writes text to the program's output.
    pub(super) fn print(&mut self, text: impl AsRef<str>) {
        self.print_bytes(text.as_ref().as_bytes());
    }

    /// Writes bytes to the program's output.
    pub(super) fn print_bytes(&mut self, bytes: &[u8]) {
        if let Owner::Job(job) = self.owner {
            self.desk.doings.push((job, Doing::Print(bytes.to_vec())));
        }
    }

    /// Writes text past any pipe.
    pub(super) fn complain(&mut self, text: impl Into<String>) {
        if let Owner::Job(job) = self.owner {
            self.desk.doings.push((job, Doing::Complain(text.into())));
        }
    }

    /// Ends the program; nothing more is heard by it.
    pub(super) fn finish(&mut self, status: u8) {
        if let Owner::Job(job) = self.owner {
            self.desk.doings.push((job, Doing::Finish(status)));
        }
    }

    /// Resolves a name as programs do: addresses at once, names without a dot in the search domain first.
    pub(super) fn resolve(&mut self, name: &str) -> Target {
        if let Some(ip) = literal(name) {
            return Target::Address(ip);
        }
        if name.eq_ignore_ascii_case("localhost") {
            return Target::Address(Ipv4Addr::LOCALHOST);
        }
        let servers = self.desk.name_servers.clone();
        Target::Lookup(self.ask(self.candidates(name), QueryKind::Address, &servers))
    }

    /// The names to try for `name`, as the system's resolver does.
    pub(super) fn candidates(&self, name: &str) -> Vec<String> {
        let name = name.to_ascii_lowercase();
        match name.strip_suffix('.') {
            Some(absolute) => vec![absolute.to_owned()],
            None if name.contains('.') || self.desk.search.is_empty() => vec![name],
            None => vec![format!("{name}.{}", self.desk.search), name],
        }
    }

    /// Asks name servers.
    pub(super) fn ask(&mut self, names: Vec<String>, kind: QueryKind, servers: &[Ipv4Addr]) -> LookupId {
        let first = names.first().cloned().unwrap_or_default();
        let lookup = self.desk.resolver.start(self.now, names, kind, servers);
        self.desk.lookups.insert(lookup, self.owner);
        self.desk.asked.insert(lookup, first);
        lookup
    }

    /// Asks for [`News::Timer`] with `token` after `span`.
    pub(super) fn wake(&mut self, span: Duration, token: u64) {
        let cause = self.desk.log.trace.current();
        self.desk.timers.insert((self.now + span, self.desk.next_timer), (self.owner, token, cause));
        self.desk.next_timer += 1;
    }

    /// Begins a TCP connection; `None` if there is no way there.
    pub(super) fn connect(&mut self, to: Endpoint) -> Option<SocketId> {
        let socket = self.desk.host.tcp_open();
        match self.desk.host.tcp_connect(self.now, socket, to) {
            Ok(()) => {
                self.desk.sockets.insert(socket, self.owner);
                Some(socket)
            }
            Err(_) => {
                self.desk.host.tcp_close(self.now, socket);
                None
            }
        }
    }

    /// Listens on a TCP port; `None` if it is taken.
    pub(super) fn listen(&mut self, port: u16) -> Option<ListenerId> {
        let listener = self.desk.host.tcp_listen(self.now, Ipv4Addr::UNSPECIFIED, port).ok()?;
        self.desk.sockets.insert(listener.0, self.owner);
        Some(listener)
    }

    /// Opens a UDP port (0 for any); `None` if it is taken.
    pub(super) fn bind(&mut self, port: u16) -> Option<SocketId> {
        let socket = self.desk.host.udp_open();
        if self.desk.host.udp_bind(self.now, socket, Ipv4Addr::UNSPECIFIED, port).is_err() {
            self.desk.host.udp_close(self.now, socket);
            return None;
        }
        self.desk.sockets.insert(socket, self.owner);
        Some(socket)
    }

    /// Closes a socket or listener; nothing more is heard of it.
    pub(super) fn close(&mut self, socket: SocketId) {
        self.desk.close(self.now, socket);
    }

    /// Hands over as much of `bytes` as the connection takes, and removes it from there.
    pub(super) fn pump(&mut self, socket: SocketId, bytes: &mut Vec<u8>) {
        while !bytes.is_empty() {
            let count = self.desk.host.tcp_send_space(socket).min(bytes.len());
            if count == 0 || self.desk.host.tcp_send(self.now, socket, &bytes[..count]).is_err() {
                return;
            }
            bytes.drain(..count);
        }
    }
}

/// An address as the system's resolver reads it (`inet_aton`).
fn literal(name: &str) -> Option<Ipv4Addr> {
    crate::address::parse_ipv4_literal(name.as_bytes()).filter(|_| !name.contains(char::is_whitespace))
}

/// Why a name has no address, as the C library words it.
pub(super) fn resolve_error(answer: &Answer) -> &'static str {
    use crate::world::dns::Outcome;
    match answer.outcome {
        Outcome::NoError => "No address associated with hostname",
        Outcome::NameError => "Name or service not known",
        Outcome::ServerFailure | Outcome::Refused | Outcome::Silence => "Temporary failure in name resolution",
    }
}
