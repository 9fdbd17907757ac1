//! One endpoint: a stack and its sockets, without I/O.
//!
//! Mutate, drain, mutate: after every call that takes `now`, the owner drains [`Host::take_event`] and
//! [`Host::take_frame`] until both are empty, then asks [`Host::next_deadline`] when to call [`Host::poll`].

use std::net::Ipv4Addr;

use trace::{Endpoint, HostId, Instant, RecordId, SocketId, SocketState, Trace};

use crate::address::{Address, MacAddress};
use crate::error::*;
use crate::event::{Event, IncomingId, ListenerId, QueryId};
use crate::frame::Frame;
use crate::netstat::Netstat;

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

/// What the DHCP client learnt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The server.
    pub server: Ipv4Addr,
    /// The own address.
    pub address: Address,
    /// The first time server (option 42).
    pub ntp_server: Option<Ipv4Addr>,
    /// Name servers in the server's order.
    pub dns_servers: Vec<Ipv4Addr>,
    /// When it ends.
    pub until: Instant,
}

/// One endpoint of the network.
#[derive(Debug)]
pub struct Host {
    config: HostConfig,
    trace: Trace,
}

impl Host {
    /// A host whose interfaces have neither link nor address.
    pub fn new(config: HostConfig, trace: Trace) -> Host {
        Host { config, trace }
    }

    /// Its id in the trace.
    pub fn id(&self) -> HostId {
        self.config.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// The log it writes to.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    // ---- driving ----

    /// Takes one frame in. While events of an earlier frame wait to be taken, it queues behind them.
    pub fn receive(&mut self, now: Instant, interface: u8, frame: &Frame) {
        let _ = (now, interface, frame);
        todo!()
    }

    /// Does what is due at `now`.
    pub fn poll(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }

    /// When [`Host::poll`] has something to do next.
    pub fn next_deadline(&self) -> Option<Instant> {
        todo!()
    }

    /// The next frame to put on the link of an interface.
    pub fn take_frame(&mut self) -> Option<(u8, Frame)> {
        todo!()
    }

    /// The next event, with the record that caused it.
    ///
    /// The owner is "inside" the event until it calls [`Host::event_done`] or takes the next one: what it sends on that
    /// event's connection meanwhile leaves at once with the acknowledgement, as from within an lwIP callback.
    pub fn take_event(&mut self) -> Option<(Event, Option<RecordId>)> {
        todo!()
    }

    /// Ends the handling of the event taken last, at the time the handler returned: reopens the window for its data and,
    /// after the last event of a segment, sends what the handlers queued.
    pub fn event_done(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }

    // ---- interfaces ----

    /// Number of interfaces.
    pub fn interface_count(&self) -> u8 {
        todo!()
    }

    /// The Ethernet address of `interface`.
    pub fn mac(&self, interface: u8) -> MacAddress {
        let _ = interface;
        todo!()
    }

    /// Gives `interface` another Ethernet address.
    pub fn set_mac(&mut self, interface: u8, mac: MacAddress) {
        let _ = (interface, mac);
        todo!()
    }

    /// Connects or cuts the link of `interface`. Addresses stay (an owner that wants them gone says so).
    pub fn set_link(&mut self, now: Instant, interface: u8, up: bool) {
        let _ = (now, interface, up);
        todo!()
    }

    /// Configures `interface` by hand, or takes its address away. Connections from another address there end with
    /// [`CloseReason::Aborted`](crate::CloseReason::Aborted); listeners survive.
    pub fn set_address(&mut self, now: Instant, interface: u8, address: Option<Address>) {
        let _ = (now, interface, address);
        todo!()
    }

    /// The address of `interface`.
    pub fn address(&self, interface: u8) -> Option<Address> {
        let _ = interface;
        todo!()
    }

    /// Further addresses that `interface` answers for, without a subnet of their own: many names on one host.
    pub fn set_extra_addresses(&mut self, interface: u8, addresses: Vec<Ipv4Addr>) {
        let _ = (interface, addresses);
        todo!()
    }

    /// What to do with packets for others.
    pub fn set_transit(&mut self, transit: Transit) {
        let _ = transit;
        todo!()
    }

    /// Sends a finished IPv4 packet on its way: for a router's own forwarding. Does not touch the time to live.
    ///
    /// # Errors
    /// [`RouteError::NoRoute`] when no interface leads there.
    pub fn send_packet(&mut self, now: Instant, packet: &[u8], intact: bool) -> Result<(), RouteError> {
        let _ = (now, packet, intact);
        todo!()
    }

    /// Starts asking for a lease on `interface`.
    pub fn start_dhcp(&mut self, now: Instant, interface: u8) {
        let _ = (now, interface);
        todo!()
    }

    /// Stops the client, giving the lease back when `release`; the address stays otherwise.
    pub fn stop_dhcp(&mut self, now: Instant, interface: u8, release: bool) {
        let _ = (now, interface, release);
        todo!()
    }

    /// Whether a DHCP client runs on `interface`.
    pub fn dhcp_active(&self, interface: u8) -> bool {
        let _ = interface;
        todo!()
    }

    /// The lease of `interface`.
    pub fn lease(&self, interface: u8) -> Option<&Lease> {
        let _ = interface;
        todo!()
    }

    /// Joins `group` on the interface with address `interface_ip`, or on all of them for 0.0.0.0.
    ///
    /// # Errors
    /// See [`MulticastError`].
    pub fn join_group(&mut self, now: Instant, interface_ip: Ipv4Addr, group: Ipv4Addr) -> Result<(), MulticastError> {
        let _ = (now, interface_ip, group);
        todo!()
    }

    /// Leaves `group` once; the membership ends when it was left as often as joined.
    ///
    /// # Errors
    /// See [`MulticastError`].
    pub fn leave_group(&mut self, now: Instant, interface_ip: Ipv4Addr, group: Ipv4Addr) -> Result<(), MulticastError> {
        let _ = (now, interface_ip, group);
        todo!()
    }

    // ---- TCP ----

    /// A new socket without a connection.
    pub fn tcp_open(&mut self) -> SocketId {
        todo!()
    }

    /// Starts connecting and sends the first SYN.
    ///
    /// # Errors
    /// See [`ConnectError`]; after [`ConnectError::NoRoute`] the socket stays open and silent, as on the chip.
    pub fn tcp_connect(&mut self, now: Instant, socket: SocketId, remote: Endpoint) -> Result<(), ConnectError> {
        let _ = (now, socket, remote);
        todo!()
    }

    /// Listens on `ip` (0.0.0.0 for all) and `port` (0 for a free one).
    ///
    /// # Errors
    /// See [`ListenError`].
    pub fn tcp_listen(&mut self, now: Instant, ip: Ipv4Addr, port: u16) -> Result<ListenerId, ListenError> {
        let _ = (now, ip, port);
        todo!()
    }

    /// Stops listening; accepted connections stay.
    pub fn tcp_unlisten(&mut self, now: Instant, listener: ListenerId) {
        let _ = (now, listener);
        todo!()
    }

    /// Where `listener` listens.
    pub fn listener_local(&self, listener: ListenerId) -> Option<Endpoint> {
        let _ = listener;
        todo!()
    }

    /// Queues all of `data` or nothing.
    ///
    /// On the chip it leaves at the end of the event under way when that is one of this connection, otherwise at the
    /// next slow tick (docs/behaviour.md §4.4).
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn tcp_send(&mut self, now: Instant, socket: SocketId, data: &[u8]) -> Result<(), SendError> {
        let _ = (now, socket, data);
        todo!()
    }

    /// Bytes that one [`Host::tcp_send`] may carry now.
    pub fn tcp_send_space(&self, socket: SocketId) -> usize {
        let _ = socket;
        todo!()
    }

    /// Sends what is queued without waiting for a tick.
    pub fn tcp_flush(&mut self, now: Instant, socket: SocketId) {
        let _ = (now, socket);
        todo!()
    }

    /// Gives the connection up; no event of this socket follows and its id is dead. Sends FIN after what is queued, or RST
    /// when received data has not been acknowledged to the window (docs/behaviour.md §4.2). Returns whether there was a
    /// socket to close.
    pub fn tcp_close(&mut self, now: Instant, socket: SocketId) -> bool {
        let _ = (now, socket);
        todo!()
    }

    /// Resets the connection; no event of this socket follows and its id is dead.
    pub fn tcp_abort(&mut self, now: Instant, socket: SocketId) {
        let _ = (now, socket);
        todo!()
    }

    /// Stops reopening the receive window; what still fits is delivered.
    pub fn tcp_hold(&mut self, socket: SocketId) {
        let _ = socket;
        todo!()
    }

    /// Reopens the window and says so to the other end.
    pub fn tcp_unhold(&mut self, now: Instant, socket: SocketId) {
        let _ = (now, socket);
        todo!()
    }

    /// Sends keep-alive probes after `idle` of silence, `probes` of them `interval` apart, then gives up.
    pub fn tcp_set_keepalive(
        &mut self,
        now: Instant,
        socket: SocketId,
        idle: trace::Duration,
        interval: trace::Duration,
        probes: u8,
    ) {
        let _ = (now, socket, idle, interval, probes);
        todo!()
    }

    /// Time to live of the connection's packets.
    pub fn tcp_ttl(&self, socket: SocketId) -> Option<u8> {
        let _ = socket;
        todo!()
    }

    /// Sets the time to live of the connection's packets.
    pub fn tcp_set_ttl(&mut self, socket: SocketId, ttl: u8) {
        let _ = (socket, ttl);
        todo!()
    }

    /// The own end, once the SYN was sent.
    pub fn tcp_local(&self, socket: SocketId) -> Option<Endpoint> {
        let _ = socket;
        todo!()
    }

    /// The other end.
    pub fn tcp_remote(&self, socket: SocketId) -> Option<Endpoint> {
        let _ = socket;
        todo!()
    }

    /// The state; `None` when the socket is dead.
    pub fn tcp_state(&self, socket: SocketId) -> Option<SocketState> {
        let _ = socket;
        todo!()
    }

    /// Lets the connection attempt through: it becomes a socket, and [`Event::Connected`] follows.
    pub fn accept_incoming(&mut self, now: Instant, incoming: IncomingId) -> Option<SocketId> {
        let _ = (now, incoming);
        todo!()
    }

    /// Answers the connection attempt with RST, or not at all when `silently`.
    pub fn refuse_incoming(&mut self, now: Instant, incoming: IncomingId, silently: bool) {
        let _ = (now, incoming, silently);
        todo!()
    }

    // ---- UDP ----

    /// A new socket without a port.
    pub fn udp_open(&mut self) -> SocketId {
        todo!()
    }

    /// Gives `socket` an address (0.0.0.0 for all) and a port (0 for the first free one from 4096).
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn udp_bind(&mut self, now: Instant, socket: SocketId, ip: Ipv4Addr, port: u16) -> Result<(), BindError> {
        let _ = (now, socket, ip, port);
        todo!()
    }

    /// Makes `socket` receive every datagram that passes this gateway and that no other socket takes.
    pub fn udp_bind_any(&mut self, socket: SocketId) {
        let _ = socket;
        todo!()
    }

    /// Sends one datagram, binding the socket first if it has no port. A datagram that no frame can carry (over 1472
    /// bytes) is lost without an error.
    ///
    /// # Errors
    /// See [`UdpSendError`].
    pub fn udp_send(&mut self, now: Instant, socket: SocketId, to: Endpoint, data: &[u8]) -> Result<(), UdpSendError> {
        let _ = (now, socket, to, data);
        todo!()
    }

    /// Sends one datagram from an address that need not be this host's: a gateway's answer, a server's with many
    /// addresses.
    ///
    /// # Errors
    /// See [`UdpSendError`].
    pub fn udp_send_from(
        &mut self,
        now: Instant,
        from: Endpoint,
        to: Endpoint,
        data: &[u8],
    ) -> Result<(), UdpSendError> {
        let _ = (now, from, to, data);
        todo!()
    }

    /// Gives the port up; the id is dead afterwards. Returns whether there was a socket.
    pub fn udp_close(&mut self, now: Instant, socket: SocketId) -> bool {
        let _ = (now, socket);
        todo!()
    }

    /// The own end, once bound.
    pub fn udp_local(&self, socket: SocketId) -> Option<Endpoint> {
        let _ = socket;
        todo!()
    }

    /// Time to live of the socket's packets.
    pub fn udp_ttl(&self, socket: SocketId) -> Option<u8> {
        let _ = socket;
        todo!()
    }

    /// Sets the time to live of the socket's packets.
    pub fn udp_set_ttl(&mut self, socket: SocketId, ttl: u8) {
        let _ = (socket, ttl);
        todo!()
    }

    // ---- names and echoes ----

    /// The name servers; unset entries are `None`.
    pub fn dns_servers(&self) -> [Option<Ipv4Addr>; 2] {
        todo!()
    }

    /// Sets name server `index` (0 or 1; others are ignored).
    pub fn set_dns_server(&mut self, index: usize, server: Option<Ipv4Addr>) {
        let _ = (index, server);
        todo!()
    }

    /// Whether an error answer (NXDOMAIN, SERVFAIL) ends a lookup at once; the chip ignores it (docs/behaviour.md §2.7).
    pub fn set_dns_errors_end_lookups(&mut self, end: bool) {
        let _ = end;
        todo!()
    }

    /// Asks for the address of `name`, which is not an address itself (callers try
    /// [`parse_ipv4_literal`](crate::parse_ipv4_literal) first).
    ///
    /// # Errors
    /// See [`DnsError`].
    pub fn dns_resolve(&mut self, now: Instant, name: &[u8]) -> Result<QueryId, DnsError> {
        let _ = (now, name);
        todo!()
    }

    /// Sends an echo request; the answer arrives as [`Event::EchoReply`].
    ///
    /// # Errors
    /// [`RouteError::NoRoute`] when no interface leads there.
    pub fn echo_send(
        &mut self,
        now: Instant,
        to: Ipv4Addr,
        id: u16,
        seq: u16,
        ttl: u8,
        payload: &[u8],
    ) -> Result<(), RouteError> {
        let _ = (now, to, id, seq, ttl, payload);
        todo!()
    }

    /// A snapshot of the host's tables.
    pub fn netstat(&self) -> Netstat {
        todo!()
    }
}
