//! One endpoint: a stack and its sockets, without I/O.
//!
//! Mutate, drain, mutate: after every call that takes `now`, the owner drains [`Host::take_event`] and
//! [`Host::take_frame`] until both are empty, then asks [`Host::next_deadline`] when to call [`Host::poll`].
//!
//! smoltcp's interface and TCP sockets do the hard part of TCP; each connection has a socket set of its own, so that one
//! connection can be asked for its output while another waits. What is below and beside TCP is in the submodules:
//! [`ip`] (routes, neighbours, who a packet is for), [`udp`], [`icmp`], [`igmp`], [`dhcp`] and [`dns`] (clients).

mod arp;
mod device;
mod dhcp;
mod dns;
mod icmp;
mod igmp;
mod ip;
mod tcp;
mod udp;
pub(crate) mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use trace::{DropReason, HostId, Instant, Kind, Layer, RecordId, Silence, SocketId, Trace};

use crate::address::{Address, MacAddress};
use crate::chip::Ticks;
use crate::event::{Event, IncomingId, ListenerId, QueryId};
use crate::frame::Frame;
use crate::netstat::{InterfaceRow, NeighbourRow, Netstat};
pub use dhcp::Lease;

/// Interface number of frames that never were on a link.
const LOOPBACK: u8 = u8::MAX;
/// Frames that may wait while events of an earlier one are being handled.
const BACKLOG_MAX: usize = 1024;

/// Whose limits and timing a host has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StackProfile {
    /// lwIP 1.4 as the firmware builds it: docs/behaviour.md §2 to §5 and §7.
    Chip,
    /// A computer: 64 kB windows, loopback, many connections, no ticks.
    Desktop,
}

/// What a host does with packets for other hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Transit {
    /// Nothing: it is a host, not a router.
    #[default]
    Ignore,
    /// Hands them out as [`Event::Transit`]; the owner sends them on with [`Host::send_packet`].
    Forward,
    /// Stands in for whoever they are for: connections arrive as [`Event::Incoming`], datagrams as
    /// [`Event::Datagram`] of the catch-all socket (see [`Host::udp_bind_any`]). For a gateway to a real network.
    Terminate,
}

/// What makes a host.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Its id in the trace.
    pub id: HostId,
    /// Its name, for DHCP and for people.
    pub name: String,
    /// One Ethernet address per interface.
    pub macs: Vec<MacAddress>,
    /// Whose limits and timing.
    pub profile: StackProfile,
    /// Seeds its ports, sequence numbers and identifiers.
    pub seed: u64,
}

/// One endpoint of the network.
pub struct Host {
    id: HostId,
    name: String,
    profile: StackProfile,
    trace: Trace,
    random: fastrand::Rng,
    ticks: Ticks,
    transit: Transit,
    /// The time of the latest call that named one.
    now: Instant,

    interfaces: Vec<ip::Netif>,
    stack: Interface,
    device: device::Device,
    /// Answers segments that belong to no connection.
    nobody: SocketSet<'static>,

    next_socket: u32,
    connections: BTreeMap<SocketId, tcp::Connection>,
    by_ends: BTreeMap<tcp::Ends, SocketId>,
    /// Connections to look at before frames and deadlines are asked for.
    unsettled: Vec<SocketId>,
    listeners: BTreeMap<ListenerId, tcp::Listener>,
    incoming: BTreeMap<IncomingId, tcp::Incoming>,
    datagram_sockets: udp::Sockets,
    resolver: dns::Resolver,

    /// Frames in: those that wait for the events of an earlier one.
    backlog: VecDeque<(u8, Frame)>,
    /// Whether the heap has no room for another connection.
    is_short_of_memory: bool,
    frames: VecDeque<(u8, Frame)>,
    events: VecDeque<Pending>,
    handling: Option<Handling>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// An event that waits to be taken.
struct Pending {
    event: Event,
    cause: Option<RecordId>,
    /// The connection whose segment it belongs to.
    connection: Option<SocketId>,
}

/// The event whose handler runs.
pub(crate) struct Handling {
    connection: Option<SocketId>,
    /// Payload to give back to the window.
    received: usize,
    is_accept: bool,
    is_peer_fin: bool,
    /// The lookup that ended with it.
    lookup: Option<QueryId>,
}

impl Host {
    /// A host whose interfaces have neither link nor address.
    pub fn new(config: HostConfig, trace: Trace) -> Host {
        let mut random = fastrand::Rng::with_seed(config.seed);
        let mut device = device::Device::default();
        let mut settings = Config::new(HardwareAddress::Ip);
        settings.random_seed = random.u64(..);
        let mut stack = Interface::new(settings, &mut device, to_stack(Instant::ZERO));
        // Which addresses are ours is decided in `ip`; smoltcp takes what it is given, and finds everyone on the link.
        stack.set_any_ip(true);
        stack.update_ip_addrs(|addresses| {
            let everything = IpCidr::new(IpAddress::v4(192, 0, 2, 1), 0);
            addresses.push(everything).expect("room for one address");
        });
        let ticks = Ticks::new(random.u64(..));
        let interfaces = config.macs.iter().map(|mac| ip::Netif::new(*mac, config.profile)).collect();
        Host {
            id: config.id,
            name: config.name,
            profile: config.profile,
            trace,
            resolver: dns::Resolver::new(config.profile, random.u64(..)),
            random,
            ticks,
            transit: Transit::Ignore,
            now: Instant::ZERO,
            interfaces,
            stack,
            device,
            nobody: SocketSet::new(Vec::new()),
            next_socket: 1,
            connections: BTreeMap::new(),
            by_ends: BTreeMap::new(),
            unsettled: Vec::new(),
            listeners: BTreeMap::new(),
            incoming: BTreeMap::new(),
            datagram_sockets: udp::Sockets::default(),
            backlog: VecDeque::new(),
            is_short_of_memory: false,
            frames: VecDeque::new(),
            events: VecDeque::new(),
            handling: None,
        }
    }

    /// Its id in the trace.
    pub fn id(&self) -> HostId {
        self.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose limits and timing it has.
    pub fn profile(&self) -> StackProfile {
        self.profile
    }

    /// The log it writes to.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    // ---- driving ----

    /// Takes one frame in. While events of an earlier frame wait to be taken, it queues behind them.
    pub fn receive(&mut self, now: Instant, interface: u8, frame: &Frame) {
        self.advance(now);
        if self.is_busy() {
            if self.backlog.len() < BACKLOG_MAX {
                self.backlog.push_back((interface, frame.clone()));
            } else {
                self.drop_frame(now, frame, DropReason::QueueFull);
            }
            return;
        }
        self.frame_in(now, interface, frame);
        self.read_backlog();
    }

    /// Does what is due at `now`.
    pub fn poll(&mut self, now: Instant) {
        self.advance(now);
        self.ip_poll(now);
        self.tcp_poll(now);
        self.dhcp_poll(now);
        self.dns_poll(now);
        self.read_backlog();
        self.tcp_settle();
    }

    /// When [`Host::poll`] has something to do next.
    pub fn next_deadline(&self) -> Option<Instant> {
        if !self.unsettled.is_empty() {
            return Some(self.now);
        }
        if !self.backlog.is_empty() && !self.is_busy() {
            return Some(self.now);
        }
        let clients = sooner(self.dhcp_deadline(), self.dns_deadline());
        sooner(sooner(self.ip_deadline(), self.tcp_deadline()), clients)
    }

    /// The next frame to put on the link of an interface.
    pub fn take_frame(&mut self) -> Option<(u8, Frame)> {
        self.tcp_settle();
        self.frames.pop_front()
    }

    /// The next event, with the record that caused it.
    ///
    /// The owner is "inside" the event until it calls [`Host::event_done`] or takes the next one: what it sends on that
    /// event's connection meanwhile leaves at once with the acknowledgement, as from within an lwIP callback.
    pub fn take_event(&mut self) -> Option<(Event, Option<RecordId>)> {
        if self.handling.is_some() {
            self.event_done(self.now);
        }
        let Pending { event, cause, connection } = self.events.pop_front()?;
        let mut handling = Handling { connection, received: 0, is_accept: false, is_peer_fin: false, lookup: None };
        match &event {
            Event::Received { data, .. } => handling.received = data.len(),
            Event::Accepted { .. } => handling.is_accept = true,
            Event::DnsDone { query, .. } => handling.lookup = Some(*query),
            Event::Closed { socket, reason } => handling.is_peer_fin = self.tcp_closing(*socket, *reason),
            _ => {}
        }
        self.handling = Some(handling);
        Some((event, cause))
    }

    /// Ends the handling of the event taken last, at the time the handler returned: reopens the window for its data and,
    /// after the last event of a segment, sends what the handlers queued.
    pub fn event_done(&mut self, now: Instant) {
        self.advance(now);
        let Some(handling) = self.handling.take() else { return };
        if let Some(connection) = handling.connection {
            self.tcp_event_done(now, connection, &handling);
        }
        if let Some(query) = handling.lookup {
            self.dns_told(query);
        }
        self.read_backlog();
    }

    /// Whether events wait or one is being handled.
    fn is_busy(&self) -> bool {
        self.handling.is_some() || !self.events.is_empty()
    }

    fn read_backlog(&mut self) {
        while !self.is_busy() {
            let Some((interface, frame)) = self.backlog.pop_front() else { return };
            self.frame_in(self.now, interface, &frame);
        }
    }

    fn advance(&mut self, now: Instant) {
        debug_assert!(now >= self.now, "virtual time runs forwards");
        self.now = self.now.max(now);
    }

    fn push_event(&mut self, event: Event, cause: Option<RecordId>) {
        self.events.push_back(Pending { event, cause, connection: None });
    }

    fn new_socket(&mut self) -> SocketId {
        let id = SocketId(self.next_socket);
        self.next_socket += 1;
        id
    }

    fn drop_frame(&self, now: Instant, frame: &Frame, reason: DropReason) {
        let dropped = Kind::FrameDropped { frame: frame.sent, reason };
        self.trace.record_caused(now, self.id, Some(frame.sent), dropped);
    }

    /// Records that nothing happened, caused by `cause`.
    fn nothing(
        &self,
        cause: Option<RecordId>,
        layer: Layer,
        reason: Silence,
        socket: Option<SocketId>,
        detail: impl FnOnce() -> String,
    ) {
        let detail = if self.trace.keeps_records() { detail() } else { String::new() };
        self.trace.record_caused(self.now, self.id, cause, Kind::Nothing { reason, layer, detail, socket });
    }

    /// A snapshot of the host's tables.
    pub fn netstat(&self) -> Netstat {
        let interfaces = (self.interfaces.iter().enumerate())
            .map(|(index, netif)| InterfaceRow {
                interface: index as u8,
                mac: netif.mac,
                up: netif.up,
                address: netif.address,
                groups: netif.groups.iter().map(|group| group.ip).collect(),
            })
            .collect();
        let neighbours = (self.interfaces.iter().enumerate())
            .flat_map(|(index, netif)| {
                netif.neighbours.iter().map(move |(ip, mac)| NeighbourRow { interface: index as u8, ip, mac })
            })
            .collect();
        let mut sockets = self.tcp_rows();
        sockets.extend(self.datagram_sockets.rows());
        sockets.sort_by_key(|row| row.socket);
        let dns_servers = self.dns_servers().into_iter().flatten().collect();
        Netstat { sockets, interfaces, neighbours, dns_servers }
    }

    /// Whether `ip` is an address of this host.
    pub fn owns(&self, ip: Ipv4Addr) -> bool {
        self.interfaces.iter().any(|netif| netif.owns(ip))
    }

    /// The address of `interface`.
    pub fn address(&self, interface: u8) -> Option<Address> {
        self.interfaces.get(usize::from(interface))?.address
    }
}

/// The earlier of two moments that may never come.
fn sooner(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (only, None) | (None, only) => only,
    }
}

/// Virtual time as smoltcp counts it.
fn to_stack(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
}

/// smoltcp's time as virtual time; smoltcp says 0 for "now".
fn from_stack(at: smoltcp::time::Instant) -> Instant {
    Instant::from_micros(u64::try_from(at.total_micros()).unwrap_or(0))
}
