//! The home router: addresses and names for the LAN, and the way out of it.
//!
//! Its own traffic (ARP, echoes, its status page, its sockets) is a [`Host`]'s with two interfaces, the LAN and the
//! uplink. What passes through it is handled here: packets from the LAN arrive as [`Event::Transit`], packets from the
//! internet are looked at before the host sees them, because they are addressed to the router's own address.
//!
//! Names of the LAN are answered here (`router.lan`, and what hosts call themselves when they ask for an address);
//! questions for others are passed on to the name servers outside. Left out: a cache of names, so that every question
//! shows and an edited zone counts at once; firewall rules beyond translation; UPnP.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::rc::Rc;

use trace::{DropReason, Duration, Endpoint, HostId, Instant, Kind, RecordId, SocketId, Trace};

use super::clock::Clock;
use super::config::{PcConfig, PortForward, RouterConfig};
use super::dhcp::{DhcpLease, DhcpServer, DhcpServerConfig};
use super::dns::{self, Answer, DNS_PORT, Outcome, Query, QueryKind, build_answer, parse_answer, parse_query};
use super::http::message::Request;
use super::http::server::{HttpServer, Response, Site};
use super::napt::{Napt, NatMapping};
use super::ntp::NtpServer;
use super::packet::{self, Content, IcmpError, Translatable};
use super::programs::Programs;
use super::service::Log;
use crate::address::{Address, MacAddress};
use crate::event::Event;
use crate::fabric::Resident;
use crate::frame::Frame;
use crate::host::{Host, HostConfig, StackProfile, Transit};

/// Interface towards the LAN.
pub const LAN_SIDE: u8 = 0;
/// Interface towards the internet.
pub const INTERNET_SIDE: u8 = 1;

const HTTP_PORT: u16 = 80;
const NTP_PORT: u16 = 123;
/// How long a question that was passed on is remembered.
const FORWARD_PATIENCE: Duration = Duration::from_secs(10);
/// Most questions passed on at a time; beyond it the oldest is forgotten.
const FORWARDS_MAX: usize = 150;

/// The router.
pub struct Router {
    host: Host,
    programs: Programs,
    log: Log,
    config: RouterConfig,
    tables: Rc<RefCell<Tables>>,
    names: Forwarder,
    way_out: Option<WayOut>,
    /// Frames made here rather than by the host.
    frames: VecDeque<(u8, Frame)>,
}

/// Where a router stands.
pub(crate) struct Place {
    pub(crate) id: HostId,
    /// Of the LAN side and of the internet side.
    pub(crate) macs: [MacAddress; 2],
    pub(crate) seed: u64,
    /// The next router on the internet side.
    pub(crate) gateway: Ipv4Addr,
}

/// What the router knows of a way out of the lab.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WayOut {
    /// Who resolves names in place of the configured name servers.
    pub(crate) resolver: Option<Ipv4Addr>,
}

/// What the status page shows too.
struct Tables {
    dhcp: DhcpServer,
    napt: Napt,
    /// Names that are always there.
    names: Vec<(String, Ipv4Addr)>,
    domain: String,
}

/// Questions passed on to the name servers outside.
struct Forwarder {
    /// Where the LAN asks.
    lan_socket: SocketId,
    /// Where the answers come.
    upstream_socket: SocketId,
    random: fastrand::Rng,
    pending: BTreeMap<u16, Pending>,
}

struct Pending {
    client: Endpoint,
    /// The address that the client asked.
    asked: Endpoint,
    client_id: u16,
    since: Instant,
}

impl Router {
    /// The router that `config` describes.
    pub(crate) fn new(place: Place, config: &RouterConfig, pc: &PcConfig, clock: Clock, trace: &Trace) -> Router {
        let Place { id, macs, seed, gateway } = place;
        let host_config =
            HostConfig { id, name: "router".into(), macs: macs.to_vec(), profile: StackProfile::Desktop, seed };
        let mut host = Host::new(host_config, trace.clone());
        let now = Instant::ZERO;
        for interface in [LAN_SIDE, INTERNET_SIDE] {
            host.set_link(now, interface, true);
        }
        host.set_address(now, LAN_SIDE, Some(Address::new(config.ip, config.prefix_length)));
        host.set_address(now, INTERNET_SIDE, Some(Address::new(config.wan_ip, 24).via(gateway)));
        host.set_transit(Transit::Forward);
        let tables = Rc::new(RefCell::new(Tables {
            dhcp: DhcpServer::new(dhcp_config(config, macs[0])),
            napt: Napt::new(config.wan_ip, config.forwards.clone()),
            names: own_names(config, pc),
            domain: config.domain.to_ascii_lowercase(),
        }));
        let log = Log { trace: trace.clone(), host: id };
        let mut programs = Programs::new(log.clone());
        let status = HttpServer::new(StatusPage { tables: Rc::clone(&tables), clock }, clock);
        programs.serve_tcp(&mut host, config.ip, HTTP_PORT, Box::new(status));
        programs.serve_udp(&mut host, config.ip, NTP_PORT, Box::new(NtpServer::new(clock)));
        let names = Forwarder::new(&mut host, config.ip, seed);
        Router { host, programs, log, config: config.clone(), tables, names, way_out: None, frames: VecDeque::new() }
    }

    /// The leases it has given, by address.
    pub fn leases(&self) -> Vec<DhcpLease> {
        self.tables.borrow().dhcp.leases()
    }

    /// Takes over the leases that another router gave.
    pub(crate) fn restore_leases(&mut self, leases: Vec<DhcpLease>) {
        self.tables.borrow_mut().dhcp.restore(leases);
    }

    /// The conversations through it at `now`.
    pub fn nat_mappings(&self, now: Instant) -> Vec<NatMapping> {
        self.tables.borrow().napt.mappings(now)
    }

    /// Takes note that the lab has a way out, or has it no longer.
    pub(crate) fn set_way_out(&mut self, way_out: Option<WayOut>) {
        self.way_out = way_out;
        let names = &mut self.tables.borrow_mut().names;
        names.retain(|(name, _)| name != super::RELAY_MACHINE_NAME);
        if way_out.is_some() {
            names.push((super::RELAY_MACHINE_NAME.into(), super::RELAY_MACHINE));
        }
    }

    /// Makes a port of the internet side lead to a host of the LAN.
    pub(crate) fn set_forward(&mut self, forward: PortForward) {
        self.tables.borrow_mut().napt.set_forward(forward);
    }

    /// Ends a forward.
    pub(crate) fn clear_forward(&mut self, protocol: trace::Protocol, port: u16) {
        self.tables.borrow_mut().napt.clear_forward(protocol, port);
    }

    /// Whom it asks for names outside.
    fn name_server(&self) -> Option<Ipv4Addr> {
        let configured = || self.config.upstream_dns.first().copied();
        self.way_out.and_then(|way_out| way_out.resolver).or_else(configured)
    }

    /// The stack, for looking at its tables.
    pub fn host(&self) -> &Host {
        &self.host
    }

    // ---- the LAN side ----

    /// Answers a lease message; `false` if `frame` carries none.
    fn handle_dhcp(&mut self, now: Instant, frame: &Frame) -> bool {
        let exchange = self.tables.borrow_mut().dhcp.handle_frame(now, &frame.bytes);
        let Some(exchange) = exchange else { return false };
        let carried = self.carried(now, frame);
        let _scope = self.log.trace.enter(Some(carried));
        self.log.record(now, Kind::Dhcp { message: exchange.received, address: exchange.requested });
        if let Some(reply) = exchange.reply {
            let decided = self.log.record(now, Kind::Dhcp { message: reply.message, address: reply.address });
            let _scope = self.log.trace.enter(Some(decided));
            self.emit(now, LAN_SIDE, reply.frame);
        }
        true
    }

    /// A packet from the LAN that is not for the router.
    fn forward_out(&mut self, now: Instant, original: Vec<u8>, intact: bool) {
        let mut packet = original.clone();
        let Some((_, destination, _)) = packet::addresses(&packet) else { return };
        if destination.is_broadcast() || destination.is_multicast() {
            return;
        }
        let lan = Address::new(self.config.ip, self.config.prefix_length);
        if !packet::take_hop(&mut packet) {
            self.give_back(now, &original, IcmpError::TimeExceeded);
        } else if lan.contains(destination) {
            // The sender could have reached it itself; it is helped all the same.
            let _ = self.host.send_packet(now, &packet, intact);
        } else if !intact && !packet::transport_is_intact(&packet) {
            // Goes out as damaged as it came, and is refused at the far end: new checksums would hide the damage.
            let _ = self.host.send_packet(now, &packet, false);
        } else if !self.translate_out(now, &mut packet) || self.host.send_packet(now, &packet, true).is_err() {
            self.give_back(now, &original, IcmpError::NetUnreachable);
        }
    }

    fn translate_out(&mut self, now: Instant, packet: &mut [u8]) -> bool {
        let Some(kind) = packet::flow(packet) else { return false };
        let flow = self.tables.borrow_mut().napt.outbound(now, kind, packet::tcp_flags(packet));
        flow.and_then(|flow| packet::rewrite(packet, kind, flow)).is_some()
    }

    /// Tells the sender of `packet` that it went no further.
    fn give_back(&mut self, now: Instant, packet: &[u8], error: IcmpError) {
        if let Some(message) = packet::icmp_error(self.config.ip, packet, error) {
            let _ = self.host.send_packet(now, &message, true);
        }
    }

    // ---- the internet side ----

    /// Handles a packet that belongs to a host of the LAN, or that nobody asked for; `false` if the router itself is meant.
    fn forward_in(&mut self, now: Instant, frame: &Frame) -> bool {
        let Some(view) = packet::parse_frame(&frame.bytes) else { return false };
        let Content::Ipv4(bytes) = view.content else { return false };
        let is_ours = packet::addresses(bytes).is_some_and(|(_, destination, _)| destination == self.config.wan_ip);
        let Some(kind) = packet::flow(bytes).filter(|_| is_ours) else { return false };
        if !frame.intact && !packet::transport_is_intact(bytes) {
            return false; // the host refuses it and says why
        }
        let flow = self.tables.borrow_mut().napt.inbound(now, kind, packet::tcp_flags(bytes));
        let Some(flow) = flow else { return self.refuse_in(now, frame, kind) };
        let mut packet = bytes.to_vec();
        let carried = self.carried(now, frame);
        let _scope = self.log.trace.enter(Some(carried));
        if !packet::take_hop(&mut packet) {
            self.give_back_outside(now, &packet);
        } else if packet::rewrite(&mut packet, kind, flow).is_some() {
            let _ = self.host.send_packet(now, &packet, true);
        }
        true
    }

    /// What belongs to no conversation is the router's own, or is dropped without a word.
    fn refuse_in(&mut self, now: Instant, frame: &Frame, kind: Translatable) -> bool {
        let (Translatable::Whole(flow) | Translatable::Quoting(flow)) = kind;
        let is_own = match kind {
            Translatable::Quoting(_) => true,
            Translatable::Whole(_) => {
                flow.protocol == packet::Transport::Echo || self.has_own_socket(flow.destination.1)
            }
        };
        if !is_own {
            let carried = self.carried(now, frame);
            let dropped = Kind::FrameDropped { frame: frame.sent, reason: DropReason::NoNatEntry };
            self.log.trace.record_caused(now, self.log.host, Some(carried), dropped);
        }
        !is_own
    }

    fn has_own_socket(&self, port: u16) -> bool {
        self.host.udp_local(self.names.upstream_socket).is_some_and(|local| local.port == port)
    }

    fn give_back_outside(&mut self, now: Instant, packet: &[u8]) {
        if let Some(message) = packet::icmp_error(self.config.wan_ip, packet, IcmpError::TimeExceeded) {
            let _ = self.host.send_packet(now, &message, true);
        }
    }

    // ---- names ----

    /// A question from the LAN.
    fn handle_question(&mut self, now: Instant, client: Endpoint, asked: Endpoint, data: &[u8]) {
        let Some(query) = parse_query(data) else { return };
        let local = self.tables.borrow().local_answer(&query);
        match local {
            Some(answer) => {
                let _scope = self.log.trace.enter(Some(self.log.record(now, answer.to_record())));
                if let Some(bytes) = build_answer(data, &answer) {
                    self.reply(now, asked, client, &bytes);
                }
            }
            None => self.pass_on(now, client, asked, query, data),
        }
    }

    fn pass_on(&mut self, now: Instant, client: Endpoint, asked: Endpoint, query: Query, data: &[u8]) {
        let Some(server) = self.name_server() else {
            let answer = Answer { name: query.name, outcome: Outcome::ServerFailure, ..Answer::default() };
            if let Some(bytes) = build_answer(data, &answer) {
                self.reply(now, asked, client, &bytes);
            }
            return;
        };
        let pending = Pending { client, asked, client_id: query.id, since: now };
        let id = self.names.remember(now, pending);
        let mut question = data.to_vec();
        question[..2].copy_from_slice(&id.to_be_bytes());
        let recorded = self.log.record(now, Kind::DnsQuestion { name: query.name, server });
        let _scope = self.log.trace.enter(Some(recorded));
        let to = Endpoint { ip: server, port: DNS_PORT };
        let _ = self.host.udp_send(now, self.names.upstream_socket, to, &question);
    }

    /// An answer from outside.
    fn handle_answer(&mut self, now: Instant, from: Endpoint, data: &[u8]) {
        let Some((id, _)) = parse_answer(data) else { return };
        let is_asked = self.config.upstream_dns.contains(&from.ip) || self.name_server() == Some(from.ip);
        if from.port != DNS_PORT || !is_asked {
            return;
        }
        let Some(pending) = self.names.pending.remove(&id) else { return };
        let mut answer = data.to_vec();
        answer[..2].copy_from_slice(&pending.client_id.to_be_bytes());
        self.reply(now, pending.asked, pending.client, &answer);
    }

    fn reply(&mut self, now: Instant, asked: Endpoint, client: Endpoint, bytes: &[u8]) {
        let from = Endpoint { ip: self.config.ip, port: asked.port };
        // Nothing is owed to a client without a way back.
        let _ = self.host.udp_send_from(now, from, client, bytes);
    }

    // ---- frames and events ----

    fn settle(&mut self, now: Instant) {
        while let Some((event, cause)) = self.host.take_event() {
            let _scope = self.log.trace.clone().enter(cause);
            match self.programs.handle(now, &mut self.host, event) {
                Some(Event::Transit { interface: LAN_SIDE, packet, intact }) => self.forward_out(now, packet, intact),
                Some(Event::Datagram { socket, data, from, to }) if socket == self.names.lan_socket => {
                    self.handle_question(now, from, to, &data);
                }
                Some(Event::Datagram { socket, data, from, .. }) if socket == self.names.upstream_socket => {
                    self.handle_answer(now, from, &data);
                }
                _ => {}
            }
            self.host.event_done(now);
        }
    }

    /// Records that `frame` arrived, for those that the host never sees.
    fn carried(&self, now: Instant, frame: &Frame) -> RecordId {
        let from = frame.from;
        let kind = Kind::FrameCarried { frame: frame.sent, from };
        self.log.trace.record_caused(now, self.log.host, Some(frame.sent), kind)
    }

    fn emit(&mut self, now: Instant, interface: u8, bytes: Vec<u8>) {
        self.frames.push_back((interface, sent_frame(&self.log, now, bytes)));
    }
}

/// The names that need no lease: a PC that asks for its address is known by what it calls itself.
fn own_names(config: &RouterConfig, pc: &PcConfig) -> Vec<(String, Ipv4Addr)> {
    let pc = (!pc.dhcp).then(|| (pc.name.to_ascii_lowercase(), pc.ip));
    [("router".to_owned(), config.ip)].into_iter().chain(pc).collect()
}

/// A frame that a host without a stack sends: recorded, its checksums right by construction.
pub(crate) fn sent_frame(log: &Log, now: Instant, bytes: Vec<u8>) -> Frame {
    let bytes: trace::FrameBytes = bytes.into();
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let sent = log.record(now, Kind::FrameSent { socket: None, length, bytes: Rc::clone(&bytes) });
    Frame { bytes, sent, from: log.host, intact: true }
}

impl Resident for Router {
    fn id(&self) -> HostId {
        self.host.id()
    }

    fn receive(&mut self, now: Instant, interface: u8, frame: &Frame) {
        let is_done = match interface {
            LAN_SIDE => self.handle_dhcp(now, frame),
            _ => self.forward_in(now, frame),
        };
        if !is_done {
            self.host.receive(now, interface, frame);
        }
        self.settle(now);
    }

    fn poll(&mut self, now: Instant) {
        self.host.poll(now);
        self.settle(now);
        self.programs.poll(now, &mut self.host);
        self.settle(now);
    }

    fn next_deadline(&self) -> Option<Instant> {
        [self.host.next_deadline(), self.programs.next_deadline()].into_iter().flatten().min()
    }

    fn take_frame(&mut self) -> Option<(u8, Frame)> {
        self.frames.pop_front().or_else(|| self.host.take_frame())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Forwarder {
    fn new(host: &mut Host, ip: Ipv4Addr, seed: u64) -> Forwarder {
        let (lan_socket, upstream_socket) = (host.udp_open(), host.udp_open());
        // The sockets are the first of their ports on this host.
        let _ = host.udp_bind(Instant::ZERO, lan_socket, ip, DNS_PORT);
        let _ = host.udp_bind(Instant::ZERO, upstream_socket, Ipv4Addr::UNSPECIFIED, 0);
        let random = fastrand::Rng::with_seed(seed);
        Forwarder { lan_socket, upstream_socket, random, pending: BTreeMap::new() }
    }

    /// Keeps a question and gives it the identifier that it has outside.
    fn remember(&mut self, now: Instant, pending: Pending) -> u16 {
        self.pending.retain(|_, pending| now.saturating_since(pending.since) < FORWARD_PATIENCE);
        if self.pending.len() >= FORWARDS_MAX
            && let Some(oldest) = self.pending.iter().min_by_key(|(_, pending)| pending.since).map(|(id, _)| *id)
        {
            self.pending.remove(&oldest);
        }
        let mut id = self.random.u16(..);
        while self.pending.contains_key(&id) {
            id = id.wrapping_add(1);
        }
        self.pending.insert(id, pending);
        id
    }
}

impl Tables {
    /// What the router knows itself; `None` for what has to be asked outside.
    fn local_answer(&self, query: &Query) -> Option<Answer> {
        let mut answer = Answer { name: query.name.clone(), ..Answer::default() };
        if query.kind == QueryKind::Pointer {
            let ip = dns::address_of_pointer_name(&query.name).filter(Ipv4Addr::is_private)?;
            match self.name_of(ip) {
                Some(name) => answer.pointers.push(format!("{name}.{}", self.domain)),
                None => answer.outcome = Outcome::NameError,
            }
            return Some(answer);
        }
        let bare = match query.name.strip_suffix(&self.domain).and_then(|rest| rest.strip_suffix('.')) {
            Some(bare) => bare,
            None if query.name == self.domain => "",
            None if query.name.contains('.') || query.name.is_empty() => return None,
            None => &query.name,
        };
        match self.address_of(bare) {
            Some(ip) if query.kind == QueryKind::Address => answer.addresses.push(ip),
            Some(_) => {}
            None => answer.outcome = Outcome::NameError,
        }
        Some(answer)
    }

    fn address_of(&self, bare: &str) -> Option<Ipv4Addr> {
        let fixed = self.names.iter().find(|(name, _)| name == bare).map(|(_, ip)| *ip);
        fixed.or_else(|| {
            let is_called =
                |lease: &DhcpLease| lease.host_name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(bare));
            self.dhcp.leases().into_iter().find(is_called).map(|lease| lease.ip)
        })
    }

    fn name_of(&self, ip: Ipv4Addr) -> Option<String> {
        let fixed = self.names.iter().find(|(_, own)| *own == ip).map(|(name, _)| name.clone());
        fixed.or_else(|| {
            let lease = self.dhcp.leases().into_iter().find(|lease| lease.ip == ip)?;
            lease.host_name.map(|name| name.to_ascii_lowercase())
        })
    }
}

fn dhcp_config(config: &RouterConfig, mac: MacAddress) -> DhcpServerConfig {
    DhcpServerConfig {
        ip: config.ip,
        mac,
        prefix_length: config.prefix_length,
        first: config.pool_first,
        last: config.pool_last,
        router: Some(config.ip),
        dns: vec![config.ip],
        ntp: vec![config.ip],
        domain: Some(config.domain.clone()).filter(|domain| !domain.is_empty()),
        lease: Duration::from_secs(u64::from(config.lease_seconds)),
        reservations: Vec::new(),
    }
}

/// What a browser shows of the router.
struct StatusPage {
    tables: Rc<RefCell<Tables>>,
    clock: Clock,
}

impl Site for StatusPage {
    fn respond(&mut self, now: Instant, _remote: Endpoint, request: &Request) -> Response {
        match (request.method.as_str(), request.path_and_query().0) {
            ("GET" | "HEAD", "/") => Response::html(200, self.page(now)),
            ("GET" | "HEAD", _) => Response::error(404),
            _ => Response::error(405).with("Allow", "GET, HEAD"),
        }
    }
}

impl StatusPage {
    fn page(&self, now: Instant) -> String {
        let tables = self.tables.borrow();
        let mut page = String::from(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Router</title><style>body{font-family:sans-serif}\
             td,th{text-align:left;padding:0 1em 0 0}</style></head>\n<body><h1>Router</h1>\n",
        );
        // Writing to a string cannot fail.
        let _ = writeln!(page, "<p>{}</p>", self.clock.http_date(now));
        page.push_str(
            "<h2>Leases</h2>\n<table><tr><th>Address</th><th>Ethernet address</th><th>Name</th><th>State</th></tr>\n",
        );
        for lease in tables.dhcp.leases() {
            let name = lease.host_name.as_deref().unwrap_or("&ndash;");
            let state = match lease.until {
                Some(until) => format!("{} s left", until.saturating_since(now).as_millis() / 1000),
                None => "kept".into(),
            };
            let _ =
                writeln!(page, "<tr><td>{}</td><td>{}</td><td>{name}</td><td>{state}</td></tr>", lease.ip, lease.mac);
        }
        page.push_str("</table>\n<h2>Conversations with the internet</h2>\n");
        page.push_str("<table><tr><th>Inside</th><th>Outside port</th><th>Remote</th></tr>\n");
        for mapping in tables.napt.mappings(now) {
            let (inside, remote) = (mapping.inside, mapping.remote);
            let kind = mapping.protocol.map_or("icmp", |protocol| match protocol {
                trace::Protocol::Tcp => "tcp",
                trace::Protocol::Udp => "udp",
            });
            let _ = writeln!(
                page,
                "<tr><td>{kind} {}:{}</td><td>{}</td><td>{}:{}</td></tr>",
                inside.ip, inside.port, mapping.outside_port, remote.ip, remote.port
            );
        }
        page.push_str("</table>\n</body></html>\n");
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables() -> Tables {
        let config = RouterConfig::default();
        Tables {
            dhcp: DhcpServer::new(dhcp_config(&config, MacAddress::default())),
            napt: Napt::new(config.wan_ip, Vec::new()),
            names: vec![("router".into(), config.ip), ("pc".into(), PcConfig::default().ip)],
            domain: config.domain,
        }
    }

    fn ask(name: &str, kind: QueryKind) -> Option<Answer> {
        tables().local_answer(&Query { id: 0, name: name.into(), kind })
    }

    #[test]
    fn names_of_the_lan_are_answered_here() {
        for name in ["router", "router.lan"] {
            assert_eq!(ask(name, QueryKind::Address).unwrap().addresses, [Ipv4Addr::new(192, 168, 1, 1)]);
        }
        assert_eq!(ask("nobody.lan", QueryKind::Address).unwrap().outcome, Outcome::NameError);
        assert_eq!(ask("nobody", QueryKind::Address).unwrap().outcome, Outcome::NameError);
        assert_eq!(ask("pc.lan", QueryKind::Other(28)).unwrap().outcome, Outcome::NoError);
        assert_eq!(ask("httpbin.org", QueryKind::Address), None);
        assert_eq!(ask("notlan", QueryKind::Address).unwrap().outcome, Outcome::NameError);
        assert_eq!(ask("evil.notlan", QueryKind::Address), None);
    }

    #[test]
    fn addresses_of_the_lan_have_names() {
        let name = dns::pointer_name(Ipv4Addr::new(192, 168, 1, 50));
        assert_eq!(ask(&name, QueryKind::Pointer).unwrap().pointers, ["pc.lan"]);
        assert_eq!(ask(&dns::pointer_name(Ipv4Addr::new(8, 8, 8, 8)), QueryKind::Pointer), None);
        let unknown = dns::pointer_name(Ipv4Addr::new(192, 168, 1, 77));
        assert_eq!(ask(&unknown, QueryKind::Pointer).unwrap().outcome, Outcome::NameError);
    }
}
