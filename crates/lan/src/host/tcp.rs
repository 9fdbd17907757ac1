//! Connections and listeners over smoltcp's sockets.
//!
//! A listener is only a port here: the SYN that meets one gets a fresh smoltcp socket in LISTEN, so any number of
//! handshakes run side by side. A connection's socket sits in a socket set of its own; this file watches what one segment
//! changed in it and tells the owner in lwIP's order: acknowledged, received, closed. Until the owner is done with these
//! events nothing of the connection leaves, then everything leaves together.
//!
//! What the chip does differently is decided by the values in [`crate::chip`] and the branches on
//! [`StackProfile::Chip`] below.

use std::net::Ipv4Addr;

use smoltcp::iface::{SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp;
use smoltcp::wire::{IpAddress, IpEndpoint, IpListenEndpoint, IpProtocol, TcpControl, TcpPacket, TcpRepr};
use trace::{Duration, Endpoint, FrameBytes, Instant, Kind, Layer, Protocol, RecordId, Silence, SocketId, SocketState};

use super::wire::{Ipv4, exclusive, ipv4_frame, set_ttl};
use super::{Handling, Host, Pending, StackProfile, Transit, from_stack, to_stack};
use crate::chip::{self, desktop};
use crate::error::{ConnectError, ListenError, SendError};
use crate::event::{CloseReason, Event, IncomingId, ListenerId};
use crate::frame::{Frame, Payload};
use crate::netstat::SocketRow;

const NOWHERE: Endpoint = Endpoint { ip: Ipv4Addr::UNSPECIFIED, port: 0 };
/// When smoltcp says "now" and then sends nothing, it is asked again after this.
const RETRY: Duration = Duration::from_millis(10);

/// Both ends of a connection, in a form that sorts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ends {
    local: (Ipv4Addr, u16),
    remote: (Ipv4Addr, u16),
}

impl Ends {
    fn new(local: Endpoint, remote: Endpoint) -> Ends {
        Ends { local: (local.ip, local.port), remote: (remote.ip, remote.port) }
    }

    fn local(&self) -> Endpoint {
        Endpoint { ip: self.local.0, port: self.local.1 }
    }

    fn remote(&self) -> Endpoint {
        Endpoint { ip: self.remote.0, port: self.remote.1 }
    }
}

#[derive(Debug)]
pub(crate) struct Listener {
    local: Endpoint,
}

/// A SYN that a gateway's owner has not decided on.
#[derive(Debug)]
pub(crate) struct Incoming {
    frame: Frame,
    carried: RecordId,
}

/// How a connection came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// The owner opened it.
    Opened,
    /// A listener; the owner does not know it until the handshake is complete.
    Listener(ListenerId),
    /// A gateway's owner let it through.
    Gateway,
}

/// The SYN of a connection that the chip's owner opened, and its repetitions.
#[derive(Debug)]
struct SynRetry {
    frame: FrameBytes,
    retries: u8,
    next: Instant,
}

#[derive(Clone, Copy, Debug)]
struct KeepAlive {
    idle: Duration,
    interval: Duration,
    probes: u8,
    sent: u8,
}

/// What is left to do for a connection before frames and deadlines are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unsettled {
    Nothing,
    Deadline,
    Output,
}

/// One connection, or a socket that may become one.
pub(crate) struct Connection {
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    origin: Origin,
    ends: Option<Ends>,
    /// Whom the owner asked for; known even when there was no route.
    target: Option<Endpoint>,
    /// The state recorded last, and since when.
    state: SocketState,
    since: Instant,
    /// The call that made it send: connect, send or close.
    cause: Option<RecordId>,
    /// The frame it reacted to last.
    reaction: Option<RecordId>,
    ttl: u8,
    deadline: Option<Instant>,
    /// What [`Host::tcp_settle`] has to do: nothing, look at the deadline, or fetch output too.
    unsettled: Unsettled,

    /// The owner has closed it or been told of its end: no event follows, its id is dead.
    is_orphan: bool,
    /// An orphan that swallows what still arrives instead of resetting.
    swallows: bool,
    has_connected: bool,
    is_held: bool,
    /// Delivered bytes that the window was not reopened for.
    held_bytes: usize,
    /// Data that smoltcp has not been given yet.
    queued: Vec<u8>,
    flush_at: Option<Instant>,
    /// Events of one segment that the owner is not done with.
    events_open: u32,
    /// What smoltcp answered at once; sent when the events are done.
    replies: Vec<FrameBytes>,

    /// Next sequence number expected, sent, and acknowledged by the other end.
    rcv_nxt: u32,
    snd_nxt: u32,
    snd_una: u32,
    /// Where the segment sent last ended; before [`Connection::snd_nxt`] while lost ones are repeated.
    sent_to: u32,
    /// The acknowledgement number sent last.
    acknowledged: u32,
    window_sent: u16,
    peer_window: u16,
    peer_mss: usize,
    /// Where segments that came early begin and end.
    boundaries: Vec<u32>,

    /// lwIP's delayed acknowledgement.
    ack_at: Option<Instant>,
    ack_now: bool,
    consumed_since_ack: usize,
    segments_since_ack: u32,

    syn: Option<SynRetry>,
    /// Our answer to the other end's SYN, while the handshake lasts.
    syn_ack: Option<FrameBytes>,
    unacknowledged_since: Option<Instant>,
    is_rtt_measured: bool,
    keepalive: Option<KeepAlive>,
    heard: Instant,
}

impl Connection {
    fn new(profile: StackProfile, origin: Origin, now: Instant, ttl: u8) -> Connection {
        let (receive, send) = match profile {
            StackProfile::Chip => (chip::RECEIVE_WINDOW, chip::SEND_BUFFER),
            StackProfile::Desktop => (desktop::BUFFER, desktop::BUFFER),
        };
        let buffer = |length| tcp::SocketBuffer::new(vec![0; length]);
        let mut socket = tcp::Socket::new(buffer(receive), buffer(send));
        match profile {
            StackProfile::Chip => {
                // When an acknowledgement is fetched is decided here.
                socket.set_ack_delay(None);
                socket.set_congestion_control(tcp::CongestionControl::None);
            }
            // A window of 64 kB into a short queue would lose most of every attempt.
            StackProfile::Desktop => socket.set_congestion_control(tcp::CongestionControl::Reno),
        }
        socket.set_hop_limit(stack_hop_limit(ttl));
        let mut sockets = SocketSet::new(vec![SocketStorage::EMPTY]);
        let handle = sockets.add(socket);
        Connection {
            sockets,
            handle,
            origin,
            ends: None,
            target: None,
            state: SocketState::Closed,
            since: now,
            cause: None,
            reaction: None,
            ttl,
            deadline: None,
            unsettled: Unsettled::Nothing,
            is_orphan: false,
            swallows: false,
            has_connected: false,
            is_held: false,
            held_bytes: 0,
            queued: Vec::new(),
            flush_at: None,
            events_open: 0,
            replies: Vec::new(),
            rcv_nxt: 0,
            snd_nxt: 0,
            snd_una: 0,
            sent_to: 0,
            acknowledged: 0,
            window_sent: 0,
            peer_window: 0,
            peer_mss: 536,
            boundaries: Vec::new(),
            ack_at: None,
            ack_now: false,
            consumed_since_ack: 0,
            segments_since_ack: 0,
            syn: None,
            syn_ack: None,
            unacknowledged_since: None,
            is_rtt_measured: false,
            keepalive: None,
            heard: now,
        }
    }

    fn socket(&self) -> &tcp::Socket<'static> {
        self.sockets.get(self.handle)
    }

    fn socket_mut(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    /// Whether the owner still knows the socket.
    fn is_owned(&self) -> bool {
        !self.is_orphan && (self.has_connected || !matches!(self.origin, Origin::Listener(_)))
    }

    fn in_flight(&self) -> usize {
        self.snd_nxt.wrapping_sub(self.snd_una) as usize
    }

    /// Whether the segment sent last was the end of all that smoltcp holds, so that asking it for more is in vain.
    fn has_sent_all(&self) -> bool {
        matches!(self.socket().state(), tcp::State::Established | tcp::State::CloseWait)
            && self.sent_to == self.snd_nxt
            && self.in_flight() == self.socket().send_queue()
    }

    /// Reopens the window for `length` delivered bytes.
    fn consume(&mut self, mut length: usize) {
        self.consumed_since_ack += length;
        while length > 0 {
            let taken = self.socket_mut().recv(|bytes| {
                let taken = bytes.len().min(length);
                (taken, taken)
            });
            match taken {
                Ok(taken) if taken > 0 => length -= taken,
                // The connection was reset meanwhile.
                _ => return,
            }
        }
    }

    /// Gives smoltcp what waited in front of it.
    fn flush(&mut self) {
        let socket = self.sockets.get_mut::<tcp::Socket>(self.handle);
        if self.queued.is_empty() || !socket.may_send() {
            return;
        }
        self.flush_at = None;
        let sent = socket.send_slice(&self.queued).unwrap_or(0);
        debug_assert_eq!(sent, self.queued.len(), "what is queued fits: tcp_send has checked it");
        self.queued.clear();
    }

    fn owes_acknowledgement(&self) -> bool {
        self.acknowledged != self.rcv_nxt && self.has_connected
    }
}

/// The time to live for smoltcp, which writes it into most segments and refuses 0; [`set_ttl`] mends the others.
fn stack_hop_limit(ttl: u8) -> Option<u8> {
    (ttl > 0).then_some(ttl)
}

/// What one segment says.
struct Segment {
    from: Endpoint,
    to: Endpoint,
    seq: u32,
    ack: Option<u32>,
    is_syn: bool,
    is_fin: bool,
    is_rst: bool,
    window: u16,
    mss: Option<usize>,
    /// Where its payload is in the frame.
    payload: (usize, usize),
}

impl Segment {
    fn parse(ip: &Ipv4, frame: &[u8]) -> Option<Segment> {
        let packet = TcpPacket::new_checked(ip.payload_of(frame)).ok()?;
        let start = ip.payload.0 + usize::from(packet.header_len());
        Some(Segment {
            from: Endpoint { ip: ip.source, port: packet.src_port() },
            to: Endpoint { ip: ip.destination, port: packet.dst_port() },
            seq: packet.seq_number().0 as u32,
            ack: packet.ack().then(|| packet.ack_number().0 as u32),
            is_syn: packet.syn(),
            is_fin: packet.fin(),
            is_rst: packet.rst(),
            window: packet.window_len(),
            mss: if packet.syn() { mss_option(&packet) } else { None },
            payload: (start, ip.payload.1.max(start)),
        })
    }

    fn payload_length(&self) -> usize {
        self.payload.1 - self.payload.0
    }

    fn end(&self) -> u32 {
        self.seq.wrapping_add(self.payload_length() as u32)
    }

    /// Opens a connection.
    fn is_opening(&self) -> bool {
        self.is_syn && self.ack.is_none() && !self.is_rst
    }
}

fn mss_option(packet: &TcpPacket<&[u8]>) -> Option<usize> {
    let mut options = packet.options();
    while let Ok((rest, option)) = smoltcp::wire::TcpOption::parse(options) {
        match option {
            smoltcp::wire::TcpOption::EndOfList => return None,
            smoltcp::wire::TcpOption::MaxSegmentSize(mss) => return Some(usize::from(mss)),
            _ => options = rest,
        }
    }
    None
}

/// Whether sequence number `a` is before `b`.
fn is_before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

// ---- what the owner does ----

impl Host {
    /// A new socket without a connection.
    pub fn tcp_open(&mut self) -> SocketId {
        self.open_connection(Origin::Opened)
    }

    fn open_connection(&mut self, origin: Origin) -> SocketId {
        let id = self.new_socket();
        let connection = Connection::new(self.profile, origin, self.now, self.default_ttl());
        self.connections.insert(id, connection);
        id
    }

    /// Says whether the heap has room for another connection; [`Host::tcp_make_room`] asks.
    pub fn set_short_of_memory(&mut self, is_short: bool) {
        self.is_short_of_memory = is_short;
    }

    /// Sees to it that there is memory for another connection, as lwIP's `tcp_alloc`: when there is none, the connection
    /// that has been in TIME_WAIT for longest makes room, else the one that has been silent for longest, whose owner is
    /// told (docs/behaviour.md §3.5). Returns whether there is room.
    pub fn tcp_make_room(&mut self, now: Instant) -> bool {
        self.advance(now);
        if !self.is_short_of_memory {
            return true;
        }
        let in_use = || self.connections.iter().filter(|(_, connection)| connection.ends.is_some());
        let over = in_use().filter(|(_, connection)| connection.state == SocketState::TimeWait);
        let oldest_over = over.min_by_key(|(_, connection)| connection.since).map(|(id, _)| *id);
        let most_silent = || in_use().min_by_key(|(_, connection)| connection.heard).map(|(id, _)| *id);
        let Some(id) = oldest_over.or_else(most_silent) else { return false };
        if oldest_over.is_some() {
            self.remove(id);
        } else {
            self.abandon(now, id);
        }
        true
    }

    /// Starts connecting and sends the first SYN.
    ///
    /// # Errors
    /// See [`ConnectError`]; after [`ConnectError::NoRoute`] the socket stays open and silent, as on the chip.
    pub fn tcp_connect(&mut self, now: Instant, socket: SocketId, remote: Endpoint) -> Result<(), ConnectError> {
        self.advance(now);
        let connection = self.owned_mut(socket).ok_or(ConnectError::NoSuchSocket)?;
        if connection.ends.is_some() {
            return Err(ConnectError::AlreadyConnected);
        }
        connection.target = Some(remote);
        let is_own = self.profile == StackProfile::Desktop && (remote.ip.is_loopback() || self.owns(remote.ip));
        let local_ip = if is_own { Some(remote.ip) } else { self.route(remote.ip).map(|route| route.address.ip) };
        let local_ip = local_ip.filter(|_| !remote.ip.is_unspecified() && remote.port != 0);
        let Some(ip) = local_ip else {
            self.nothing(self.trace.current(), Layer::Ip, Silence::NoRoute, Some(socket), || {
                format!("no interface leads to {}: nothing was sent and no event will come", remote.ip)
            });
            return Err(ConnectError::NoRoute);
        };
        let port = self.free_port().ok_or(ConnectError::NoPort)?;
        self.connect_between(now, socket, Endpoint { ip, port }, remote)
    }

    fn connect_between(
        &mut self,
        now: Instant,
        socket: SocketId,
        local: Endpoint,
        remote: Endpoint,
    ) -> Result<(), ConnectError> {
        let ends = Ends::new(local, remote);
        let cause = self.trace.current();
        let connection = self.connections.get_mut(&socket).ok_or(ConnectError::NoSuchSocket)?;
        let tcp = connection.sockets.get_mut::<tcp::Socket>(connection.handle);
        let far = IpEndpoint::new(IpAddress::Ipv4(remote.ip), remote.port);
        let near = IpListenEndpoint { addr: Some(IpAddress::Ipv4(local.ip)), port: local.port };
        tcp.connect(self.stack.context(), far, near).map_err(|_| ConnectError::AlreadyConnected)?;
        connection.ends = Some(ends);
        connection.cause = cause;
        self.by_ends.insert(ends, socket);
        self.note_state(socket);
        self.output(now, socket);
        self.touch(socket, Unsettled::Deadline);
        Ok(())
    }

    /// Starts connecting from an address that need not be this host's: for a gateway that stands in for whoever connects.
    ///
    /// # Errors
    /// [`ConnectError::NoPort`] if a connection between these ends exists; else as [`Host::tcp_connect`].
    pub fn tcp_connect_as(
        &mut self,
        now: Instant,
        socket: SocketId,
        local: Endpoint,
        remote: Endpoint,
    ) -> Result<(), ConnectError> {
        self.advance(now);
        let connection = self.owned_mut(socket).ok_or(ConnectError::NoSuchSocket)?;
        if connection.ends.is_some() {
            return Err(ConnectError::AlreadyConnected);
        }
        self.route(remote.ip).ok_or(ConnectError::NoRoute)?;
        if let Some(before) = self.by_ends.get(&Ends::new(local, remote)).copied() {
            if self.connections.get(&before).is_some_and(|c| c.state != SocketState::TimeWait) {
                return Err(ConnectError::NoPort);
            }
            // The peer uses its port again.
            self.remove(before);
        }
        self.connect_between(now, socket, local, remote)
    }

    fn free_port(&mut self) -> Option<u16> {
        let range = match self.profile {
            StackProfile::Chip => chip::TCP_PORTS,
            StackProfile::Desktop => desktop::PORTS,
        };
        let first = self.random.u16(range.clone());
        let after = (first..=*range.end()).chain(*range.start()..first);
        after.into_iter().find(|port| {
            let is_connected = self.by_ends.keys().any(|ends| ends.local.1 == *port);
            !is_connected && !self.listeners.values().any(|listener| listener.local.port == *port)
        })
    }

    /// Listens on `ip` (0.0.0.0 for all) and `port` (0 for a free one).
    ///
    /// # Errors
    /// See [`ListenError`].
    pub fn tcp_listen(&mut self, now: Instant, ip: Ipv4Addr, port: u16) -> Result<ListenerId, ListenError> {
        self.advance(now);
        let port = if port == 0 { self.free_port().ok_or(ListenError::NoPort)? } else { port };
        let local = Endpoint { ip, port };
        if self.listeners.values().any(|listener| listener.local == local) {
            return Err(ListenError::Duplicate);
        }
        // docs/behaviour.md §3.1: only a connection that this host opened is in the way.
        let mut connections = self.connections.values();
        if connections.any(|c| c.origin == Origin::Opened && c.ends.is_some_and(|ends| ends.local.1 == port)) {
            return Err(ListenError::AddressInUse);
        }
        let id = ListenerId(self.new_socket());
        self.listeners.insert(id, Listener { local });
        self.record_tcp(id.0, Some(local), None, SocketState::Listen, self.trace.current());
        Ok(id)
    }

    /// Stops listening; accepted connections stay.
    pub fn tcp_unlisten(&mut self, now: Instant, listener: ListenerId) {
        self.advance(now);
        let Some(Listener { local }) = self.listeners.remove(&listener) else { return };
        self.record_tcp(listener.0, Some(local), None, SocketState::Closed, self.trace.current());
        let half_open: Vec<_> = (self.connections.iter())
            .filter(|(_, connection)| connection.origin == Origin::Listener(listener) && !connection.has_connected)
            .map(|(id, _)| *id)
            .collect();
        for id in half_open {
            self.reset(now, id);
        }
    }

    /// Where `listener` listens.
    pub fn listener_local(&self, listener: ListenerId) -> Option<Endpoint> {
        self.listeners.get(&listener).map(|listener| listener.local)
    }

    /// Queues all of `data` or nothing.
    ///
    /// On the chip it leaves at the end of the event under way when that is one of this connection, otherwise at the
    /// next slow tick (docs/behaviour.md §4.4).
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn tcp_send(&mut self, now: Instant, socket: SocketId, data: &[u8]) -> Result<(), SendError> {
        self.advance(now);
        let cause = self.trace.current();
        let space = self.tcp_send_space(socket);
        let is_inside = self.is_inside(socket);
        let (profile, ticks) = (self.profile, self.ticks);
        let connection = self.owned_mut(socket).ok_or(SendError::NotConnected)?;
        if !matches!(connection.state, SocketState::SynSent | SocketState::Established | SocketState::CloseWait) {
            return Err(SendError::NotConnected);
        }
        let mss = connection.peer_mss.clamp(1, chip::MSS);
        let segments =
            connection.socket().send_queue().div_ceil(mss) + (connection.queued.len() + data.len()).div_ceil(mss);
        let too_many =
            profile == StackProfile::Chip && connection.has_connected && segments > chip::SEND_QUEUE_SEGMENTS_MAX;
        if data.len() > space || too_many {
            self.nothing(cause, Layer::Tcp, Silence::SendRefused, Some(socket), || {
                format!("{} bytes do not fit into the send buffer, which has room for {space}", data.len())
            });
            return Err(SendError::OutOfMemory);
        }
        connection.cause = cause;
        if profile == StackProfile::Desktop && connection.queued.is_empty() && connection.socket().may_send() {
            // Nothing has to wait in front of smoltcp.
            let _ = connection.socket_mut().send_slice(data);
        } else {
            connection.queued.extend_from_slice(data);
        }
        if connection.state == SocketState::SynSent || is_inside {
            return Ok(());
        }
        match profile {
            StackProfile::Chip => {
                connection.flush_at.get_or_insert(ticks.slow_after(now, 1));
            }
            StackProfile::Desktop => self.touch(socket, Unsettled::Output),
        }
        self.touch(socket, Unsettled::Deadline);
        Ok(())
    }

    /// Whether an event of `socket` is being handled.
    fn is_inside(&self, socket: SocketId) -> bool {
        self.handling.as_ref().is_some_and(|handling| handling.connection == Some(socket))
    }

    /// Bytes that one [`Host::tcp_send`] may carry now.
    pub fn tcp_send_space(&self, socket: SocketId) -> usize {
        let Some(connection) = self.owned(socket) else { return 0 };
        let used = connection.socket().send_queue() + connection.queued.len();
        let buffer = match self.profile {
            StackProfile::Desktop => desktop::BUFFER,
            // docs/behaviour.md §3.1: the SYN still counts while the accept callback runs.
            StackProfile::Chip => {
                let is_accepting = self.is_inside(socket) && self.handling.as_ref().is_some_and(|h| h.is_accept);
                let counts_syn = is_accepting || !connection.has_connected;
                chip::SEND_BUFFER - usize::from(counts_syn)
            }
        };
        buffer.saturating_sub(used)
    }

    /// Sends what is queued without waiting for a tick.
    pub fn tcp_flush(&mut self, now: Instant, socket: SocketId) {
        self.advance(now);
        if let Some(connection) = self.owned_mut(socket).filter(|connection| connection.events_open == 0) {
            connection.flush();
            self.output(now, socket);
            self.touch(socket, Unsettled::Deadline);
        }
    }

    /// Gives the connection up; no event of this socket follows and its id is dead. Sends FIN after what is queued, or RST
    /// when [`Host::tcp_close_resets`]. Returns whether there was a socket to close.
    pub fn tcp_close(&mut self, now: Instant, socket: SocketId) -> bool {
        let resets = self.tcp_close_resets(socket);
        self.close(now, socket, resets)
    }

    /// Gives the connection up like [`Host::tcp_close`], but always sends FIN after what is queued, and swallows what the
    /// other end still sends.
    pub fn tcp_close_graceful(&mut self, now: Instant, socket: SocketId) -> bool {
        if let Some(connection) = self.owned_mut(socket) {
            connection.swallows = true;
        }
        self.close(now, socket, false)
    }

    /// Sends FIN after what is queued and goes on receiving (RFC 9293, section 3.6: a half close). The socket stays its
    /// owner's until it is closed or reset.
    pub fn tcp_shutdown(&mut self, now: Instant, socket: SocketId) {
        self.advance(now);
        let cause = self.trace.current();
        let Some(connection) = self.owned_mut(socket) else { return };
        connection.cause = cause;
        connection.flush();
        connection.socket_mut().close();
        self.note_state(socket);
        self.touch(socket, Unsettled::Output);
    }

    /// Whether [`Host::tcp_close`] would send RST and drop what is queued: on the chip when received data has not been given
    /// back to the window, or when a full send buffer is in flight (docs/behaviour.md §4.2).
    pub fn tcp_close_resets(&self, socket: SocketId) -> bool {
        let Some(connection) = self.owned(socket) else { return false };
        let has_unread = connection.socket().recv_queue() > 0;
        let is_full = connection.queued.is_empty()
            && connection.socket().send_queue() == chip::SEND_BUFFER
            && connection.in_flight() == chip::SEND_BUFFER;
        self.profile == StackProfile::Chip && (has_unread || is_full)
    }

    fn close(&mut self, now: Instant, socket: SocketId, resets: bool) -> bool {
        self.advance(now);
        let cause = self.trace.current();
        let Some(connection) = self.owned_mut(socket) else { return false };
        connection.cause = cause;
        self.forget_events(socket);
        self.finish(now, socket, resets);
        self.read_backlog();
        true
    }

    /// Sends FIN or RST for a connection that its owner is done with.
    fn finish(&mut self, now: Instant, id: SocketId, resets: bool) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.is_orphan = true;
        connection.events_open = 0;
        if matches!(connection.state, SocketState::Closed | SocketState::SynSent) {
            return self.remove(id);
        }
        if resets {
            return self.reset(now, id);
        }
        let unread = connection.socket().recv_queue();
        connection.consume(unread);
        connection.flush();
        connection.socket_mut().close();
        self.note_state(id);
        self.send_replies(now, id);
        self.output(now, id);
        self.touch(id, Unsettled::Deadline);
    }

    /// Resets the connection; no event of this socket follows and its id is dead.
    pub fn tcp_abort(&mut self, now: Instant, socket: SocketId) {
        self.advance(now);
        let cause = self.trace.current();
        let Some(connection) = self.owned_mut(socket) else { return };
        connection.cause = cause;
        self.forget_events(socket);
        self.reset(now, socket);
        self.read_backlog();
    }

    /// Sends RST, unless nothing was ever answered, and forgets the connection.
    fn reset(&mut self, now: Instant, id: SocketId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.is_orphan = true;
        if connection.state != SocketState::SynSent {
            connection.socket_mut().abort();
            self.output(now, id);
        }
        self.remove(id);
    }

    fn forget_events(&mut self, socket: SocketId) {
        self.events.retain(|pending| pending.connection != Some(socket));
    }

    /// Stops reopening the receive window; what still fits is delivered.
    pub fn tcp_hold(&mut self, socket: SocketId) {
        if let Some(connection) = self.owned_mut(socket) {
            connection.is_held = true;
        }
    }

    /// Reopens the window and says so to the other end.
    pub fn tcp_unhold(&mut self, now: Instant, socket: SocketId) {
        self.advance(now);
        let cause = self.trace.current();
        let Some(connection) = self.owned_mut(socket) else { return };
        connection.is_held = false;
        let held = std::mem::take(&mut connection.held_bytes);
        if held == 0 {
            return;
        }
        connection.consume(held);
        connection.reaction = cause;
        if connection.events_open > 0 {
            connection.ack_now = true;
            return;
        }
        connection.flush();
        self.output(now, socket);
        if self.connections.get(&socket).is_some_and(|connection| connection.consumed_since_ack > 0) {
            self.announce_window(now, socket);
        }
        self.touch(socket, Unsettled::Deadline);
    }

    /// Sends keep-alive probes after `idle` of silence, `probes` of them `interval` apart, then gives up.
    pub fn tcp_set_keepalive(
        &mut self,
        now: Instant,
        socket: SocketId,
        idle: Duration,
        interval: Duration,
        probes: u8,
    ) {
        self.advance(now);
        if let Some(connection) = self.owned_mut(socket) {
            connection.keepalive = Some(KeepAlive { idle, interval, probes, sent: 0 });
            self.touch(socket, Unsettled::Deadline);
        }
    }

    /// Time to live of the connection's packets.
    pub fn tcp_ttl(&self, socket: SocketId) -> Option<u8> {
        self.owned(socket).map(|connection| connection.ttl)
    }

    /// Sets the time to live of the connection's packets.
    pub fn tcp_set_ttl(&mut self, socket: SocketId, ttl: u8) {
        if let Some(connection) = self.owned_mut(socket) {
            connection.ttl = ttl;
            connection.socket_mut().set_hop_limit(stack_hop_limit(ttl));
        }
    }

    /// The own end, once the SYN was sent.
    pub fn tcp_local(&self, socket: SocketId) -> Option<Endpoint> {
        self.owned(socket)?.ends.map(|ends| ends.local())
    }

    /// The other end; after a connect without a route, the one that was asked for.
    pub fn tcp_remote(&self, socket: SocketId) -> Option<Endpoint> {
        let connection = self.owned(socket)?;
        connection.ends.map(|ends| ends.remote()).or(connection.target)
    }

    /// The state; `None` when the socket is dead.
    pub fn tcp_state(&self, socket: SocketId) -> Option<SocketState> {
        self.owned(socket).map(|connection| connection.state)
    }

    /// Lets the connection attempt through: it becomes a socket, and [`Event::Connected`] follows.
    pub fn accept_incoming(&mut self, now: Instant, incoming: IncomingId) -> Option<SocketId> {
        self.advance(now);
        let Incoming { frame, carried } = self.incoming.remove(&incoming)?;
        let ip = Ipv4::parse(&frame.bytes)?;
        let segment = Segment::parse(&ip, &frame.bytes)?;
        Some(self.open_passive(now, Origin::Gateway, segment, &frame, carried))
    }

    /// Answers the connection attempt with RST, or not at all when `silently`.
    pub fn refuse_incoming(&mut self, now: Instant, incoming: IncomingId, silently: bool) {
        self.advance(now);
        if let Some(Incoming { frame, carried }) = self.incoming.remove(&incoming).filter(|_| !silently) {
            self.answer_with_reset(now, &frame, carried);
        }
    }

    fn owned(&self, socket: SocketId) -> Option<&Connection> {
        self.connections.get(&socket).filter(|connection| connection.is_owned())
    }

    fn owned_mut(&mut self, socket: SocketId) -> Option<&mut Connection> {
        self.connections.get_mut(&socket).filter(|connection| connection.is_owned())
    }
}

// ---- what arrives ----

impl Host {
    pub(crate) fn tcp_in(&mut self, now: Instant, ip: &Ipv4, frame: &Frame, carried: RecordId) {
        let Some(segment) = Segment::parse(ip, &frame.bytes) else { return };
        let ends = Ends::new(segment.to, segment.from);
        let listener = if segment.is_opening() { self.listener_for(segment.to) } else { None };
        if let Some(id) = self.by_ends.get(&ends).copied() {
            let is_over = self.connections.get(&id).is_some_and(|c| c.state == SocketState::TimeWait);
            if !(is_over && listener.is_some()) {
                return self.segment_in(now, id, &segment, frame, carried);
            }
            // The other end uses its port again.
            self.remove(id);
        }
        if let Some(listener) = listener {
            if self.is_full() {
                self.nothing(Some(carried), Layer::Tcp, Silence::ConnectionLimit, Some(listener.0), || {
                    let limit = chip::ESTABLISHED_LIMIT;
                    format!("{limit} connections are established: the SYN from {} was dropped", segment.from.ip)
                });
                return;
            }
            if !self.tcp_make_room(now) {
                self.nothing(Some(carried), Layer::Tcp, Silence::Other, Some(listener.0), || {
                    format!("no memory is left for a connection: the SYN from {} was dropped", segment.from.ip)
                });
                return;
            }
            self.open_passive(now, Origin::Listener(listener), segment, frame, carried);
        } else if segment.is_opening() && self.transit == Transit::Terminate && !self.owns(segment.to.ip) {
            self.hold_incoming(&segment, frame, carried);
        } else if !segment.is_rst {
            self.nothing(Some(carried), Layer::Tcp, Silence::ClosedPort, None, || {
                format!("a segment for port {}, on which nobody listens: answered with RST", segment.to.port)
            });
            self.answer_with_reset(now, frame, carried);
        }
    }

    fn listener_for(&self, to: Endpoint) -> Option<ListenerId> {
        let find = |ip| {
            let mut listeners = self.listeners.iter();
            listeners.find(|(_, listener)| listener.local == Endpoint { ip, port: to.port }).map(|(id, _)| *id)
        };
        find(to.ip).or_else(|| find(Ipv4Addr::UNSPECIFIED))
    }

    /// docs/behaviour.md §3.5: the test is for exactly five.
    fn is_full(&self) -> bool {
        self.profile == StackProfile::Chip
            && self.connections.values().filter(|c| c.state == SocketState::Established).count()
                == chip::ESTABLISHED_LIMIT
    }

    fn hold_incoming(&mut self, segment: &Segment, frame: &Frame, carried: RecordId) {
        let is_same = |event: &Event| matches!(event, Event::Incoming { from, to, .. } if *from == segment.from && *to == segment.to);
        let parse = |frame: &Frame| Ipv4::parse(&frame.bytes).and_then(|ip| Segment::parse(&ip, &frame.bytes));
        let is_waiting = (self.incoming.values())
            .filter_map(|incoming| parse(&incoming.frame))
            .any(|waiting| waiting.from == segment.from && waiting.to == segment.to);
        if is_waiting || self.events.iter().any(|pending| is_same(&pending.event)) {
            // A repeated SYN while the owner decides.
            return;
        }
        let incoming = IncomingId(self.new_socket().0);
        self.incoming.insert(incoming, Incoming { frame: frame.clone(), carried });
        self.push_event(Event::Incoming { incoming, from: segment.from, to: segment.to }, Some(carried));
    }

    fn open_passive(
        &mut self,
        now: Instant,
        origin: Origin,
        segment: Segment,
        frame: &Frame,
        carried: RecordId,
    ) -> SocketId {
        let id = self.open_connection(origin);
        let ends = Ends::new(segment.to, segment.from);
        let local = IpListenEndpoint { addr: Some(IpAddress::Ipv4(segment.to.ip)), port: segment.to.port };
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.ends = Some(ends);
            // Port 0 is the only refusal; the SYN is then answered by nobody.
            let _ = connection.socket_mut().listen(local);
        }
        self.by_ends.insert(ends, id);
        self.segment_in(now, id, &segment, frame, carried);
        id
    }

    /// Lets smoltcp answer a segment that belongs to no connection.
    fn answer_with_reset(&mut self, now: Instant, frame: &Frame, carried: RecordId) {
        self.device.incoming = Some(frame.bytes.clone());
        self.stack.poll_ingress_single(to_stack(now), &mut self.device, &mut self.nobody);
        for mut answer in std::mem::take(&mut self.device.outgoing) {
            set_ttl(&mut answer, self.default_ttl());
            // Without a way back there is nobody to tell.
            let _ = self.send_ip(now, answer, None, Some(carried), true);
        }
    }

    fn segment_in(&mut self, now: Instant, id: SocketId, segment: &Segment, frame: &Frame, carried: RecordId) {
        let is_chip = self.profile == StackProfile::Chip;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.reaction = Some(carried);
        connection.heard = now;
        if let Some(keepalive) = &mut connection.keepalive {
            keepalive.sent = 0;
        }
        let has_new_data = segment.payload_length() > 0 && is_before(connection.rcv_nxt, segment.end());
        if connection.is_orphan && !connection.swallows && has_new_data && !segment.is_rst {
            // docs/behaviour.md §4.2: data after our FIN is answered with RST.
            connection.cause = Some(carried);
            return self.reset(now, id);
        }
        if let Some(answer) = connection.syn_ack.clone().filter(|_| segment.is_opening()) {
            // The answer was lost; smoltcp would let the other end wait for its own repetition.
            return self.tcp_frame_out(now, id, answer, Some(carried));
        }
        if repeats_acknowledgement_before_fin(segment, connection) {
            return;
        }
        let bytes = for_stack(frame, segment, connection, is_chip);
        let before = Snapshot::of(connection);
        self.device.incoming = Some(bytes);
        self.stack.poll_ingress_single(to_stack(now), &mut self.device, &mut connection.sockets);
        connection.replies.append(&mut self.device.outgoing);
        let after = Snapshot::of(connection);
        note_numbers(connection, segment, &before, &after, now);
        match (before.state, after.state) {
            // smoltcp goes back to LISTEN when a handshake is reset.
            (_, tcp::State::Listen) => return self.remove(id),
            (_, tcp::State::Closed) if connection.is_orphan || !connection.is_owned() => return self.remove(id),
            (_, tcp::State::Closed) => return self.lost(id, CloseReason::Reset, Some(carried)),
            _ => {}
        }
        if before.state != after.state {
            self.note_state(id);
        }
        self.tell(id, segment, frame, &before, &after, carried);
        if self.connections.get(&id).is_some_and(|connection| connection.events_open == 0) {
            self.segment_done(now, id);
        }
    }

    /// Queues the events of one segment, in lwIP's order.
    fn tell(
        &mut self,
        id: SocketId,
        segment: &Segment,
        frame: &Frame,
        before: &Snapshot,
        after: &Snapshot,
        carried: RecordId,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let open_before = self.events.len();
        let events = &mut self.events;
        let mut push = |event| events.push_back(Pending { event, cause: Some(carried), connection: Some(id) });
        let is_up = matches!(after.state, tcp::State::Established | tcp::State::CloseWait);
        if is_up && !connection.has_connected {
            connection.has_connected = true;
            connection.syn_ack = None;
            push(match connection.origin {
                Origin::Listener(listener) => Event::Accepted { listener, socket: id },
                Origin::Opened | Origin::Gateway => Event::Connected(id),
            });
        }
        let acknowledged = before.send_queue.saturating_sub(after.send_queue);
        if acknowledged > 0 {
            connection.is_rtt_measured = true;
            push(Event::Acknowledged { socket: id, bytes: acknowledged as u32 });
        }
        let received = after.recv_queue.saturating_sub(before.recv_queue);
        if connection.is_orphan {
            connection.consume(received);
        } else {
            payloads(connection, segment, frame, before, received, |data| push(Event::Received { socket: id, data }));
        }
        connection.rcv_nxt = connection.rcv_nxt.wrapping_add(received as u32);
        if received > 0 {
            connection.segments_since_ack += 1;
        }
        if after.has_fin && !before.has_fin {
            connection.rcv_nxt = connection.rcv_nxt.wrapping_add(1);
            connection.ack_now = true;
            push(Event::Closed { socket: id, reason: CloseReason::PeerFin });
        }
        if connection.is_orphan {
            self.events.truncate(open_before);
        }
        connection.events_open += (self.events.len() - open_before) as u32;
    }

    /// A connection that ended without its owner's doing.
    fn lost(&mut self, id: SocketId, reason: CloseReason, cause: Option<RecordId>) {
        let was_owned = self.owned(id).is_some();
        self.remove(id);
        if was_owned {
            self.push_event(Event::Closed { socket: id, reason }, cause);
        }
    }

    /// The owner learns of the end of `socket`; whether the host has to answer the other end's FIN afterwards.
    pub(crate) fn tcp_closing(&mut self, socket: SocketId, reason: CloseReason) -> bool {
        // A desktop program may go on sending to the half-closed connection.
        let ends_here = self.profile == StackProfile::Chip && reason == CloseReason::PeerFin;
        if ends_here && let Some(connection) = self.connections.get_mut(&socket) {
            connection.is_orphan = true;
        }
        ends_here
    }

    pub(crate) fn tcp_event_done(&mut self, now: Instant, id: SocketId, handling: &Handling) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.events_open == 0 {
            // Closed by the handler.
            return;
        }
        if connection.is_held {
            connection.held_bytes += handling.received;
        } else {
            connection.consume(handling.received);
        }
        connection.events_open -= 1;
        if handling.is_peer_fin {
            // docs/behaviour.md §4.3: what is queued goes out, then our FIN; RST if held with data outstanding.
            let resets = connection.socket().recv_queue() > 0;
            self.finish(now, id, resets);
        } else if connection.events_open == 0 {
            self.segment_done(now, id);
        }
    }

    /// The end of lwIP's `tcp_input`: everything that is ready leaves.
    fn segment_done(&mut self, now: Instant, id: SocketId) {
        let (profile, ticks) = (self.profile, self.ticks);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.flush();
        if connection.consumed_since_ack > 0 && !connection.replies.is_empty() {
            // An acknowledgement from before the window was reopened: one that says so takes its place.
            connection.replies.clear();
            if !self.output(now, id) {
                self.announce_window(now, id);
            }
            return self.touch(id, Unsettled::Deadline);
        }
        self.send_replies(now, id);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match profile {
            StackProfile::Desktop => return self.touch(id, Unsettled::Output),
            StackProfile::Chip if delays_acknowledgement(connection) => {
                connection.ack_at.get_or_insert(ticks.fast_after(now));
            }
            StackProfile::Chip => drop(self.output(now, id)),
        }
        self.touch(id, Unsettled::Deadline);
    }

    fn send_replies(&mut self, now: Instant, id: SocketId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        for reply in std::mem::take(&mut connection.replies) {
            self.segment_out(now, id, reply);
        }
    }
}

/// The parts of a socket that a segment can change.
struct Snapshot {
    state: tcp::State,
    send_queue: usize,
    recv_queue: usize,
    has_fin: bool,
}

impl Snapshot {
    fn of(connection: &Connection) -> Snapshot {
        let socket = connection.socket();
        let state = socket.state();
        let has_fin =
            matches!(state, tcp::State::CloseWait | tcp::State::LastAck | tcp::State::Closing | tcp::State::TimeWait);
        Snapshot { state, send_queue: socket.send_queue(), recv_queue: socket.recv_queue(), has_fin }
    }
}

/// Whether the segment only says again that our FIN has not arrived. smoltcp counts these; at the third it means to repeat
/// data, finds none, and has stopped the timer that would have repeated the FIN.
fn repeats_acknowledgement_before_fin(segment: &Segment, connection: &Connection) -> bool {
    let is_bare = segment.payload_length() == 0 && !segment.is_syn && !segment.is_fin && !segment.is_rst;
    let has_sent_fin = matches!(connection.state, SocketState::FinWait1 | SocketState::Closing | SocketState::LastAck);
    is_bare
        && has_sent_fin
        && connection.in_flight() == 1
        && segment.ack == Some(connection.snd_una)
        && segment.seq == connection.rcv_nxt
}

/// The frame as smoltcp shall see it: without options that lwIP does not know, and with an acknowledgement that smoltcp
/// does not drop the payload for (it ignores segments that were overtaken).
fn for_stack(frame: &Frame, segment: &Segment, connection: &Connection, is_chip: bool) -> FrameBytes {
    let mut bytes = frame.bytes.clone();
    let tcp_start = |bytes: &[u8]| Ipv4::parse(bytes).map_or(bytes.len(), |ip| ip.payload.0);
    if segment.is_syn && is_chip {
        let start = tcp_start(&bytes);
        blank_unknown_options(&mut exclusive(&mut bytes)[start..]);
    }
    let is_overtaken = segment.ack.is_some_and(|ack| is_before(ack, connection.snd_una));
    if is_overtaken && segment.payload_length() > 0 && connection.has_connected && !segment.is_rst {
        let tcp = tcp_start(&bytes);
        let header = &mut exclusive(&mut bytes)[tcp..];
        header[8..12].copy_from_slice(&connection.snd_una.to_be_bytes());
        // Its window counts from the old acknowledgement; from the new one it would end behind the real one's end.
        header[14..16].copy_from_slice(&connection.peer_window.to_be_bytes());
    }
    let window_end = connection.acknowledged.wrapping_add(u32::from(connection.window_sent));
    if segment.is_fin && connection.has_connected && is_before(window_end, segment.end()) {
        // smoltcp cuts the payload off at the window's end and takes the end of the stream all the same.
        const FIN: u8 = 1;
        let tcp = tcp_start(&bytes);
        exclusive(&mut bytes)[tcp + 13] &= !FIN;
    }
    bytes
}

/// Overwrites all options but the segment size with "no operation".
fn blank_unknown_options(segment: &mut [u8]) {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    const SEGMENT_SIZE: u8 = 2;
    let end = segment.get(12).map_or(0, |offset| usize::from(offset >> 4) * 4).min(segment.len());
    let mut at = 20;
    while at < end {
        let length = match segment[at] {
            END => return,
            NO_OPERATION => 1,
            _ => segment.get(at + 1).map_or(1, |length| usize::from(*length).max(2)),
        };
        let option_end = (at + length).min(end);
        if segment[at] != SEGMENT_SIZE {
            segment[at..option_end].fill(NO_OPERATION);
        }
        at = option_end;
    }
}

/// Keeps the connection's own account of sequence numbers.
fn note_numbers(connection: &mut Connection, segment: &Segment, before: &Snapshot, after: &Snapshot, now: Instant) {
    if segment.is_syn && matches!(before.state, tcp::State::Listen | tcp::State::SynSent) {
        connection.rcv_nxt = segment.seq.wrapping_add(1);
        connection.acknowledged = segment.seq;
        connection.peer_mss = segment.mss.unwrap_or(536);
        connection.ack_now = true;
    }
    if before.state == tcp::State::SynSent && after.state != tcp::State::SynSent {
        connection.syn = None;
    }
    if segment.is_rst {
        return;
    }
    // An overtaken segment tells an old window.
    if segment.ack.is_none_or(|ack| !is_before(ack, connection.snd_una)) {
        connection.peer_window = segment.window;
    }
    if let Some(ack) = segment.ack
        && is_before(connection.snd_una, ack)
        && !is_before(connection.snd_nxt, ack)
    {
        connection.snd_una = ack;
        let is_all = ack == connection.snd_nxt;
        connection.unacknowledged_since = if is_all { None } else { Some(now) };
    }
}

/// Hands out the received bytes, one piece per segment.
fn payloads(
    connection: &mut Connection,
    segment: &Segment,
    frame: &Frame,
    before: &Snapshot,
    received: usize,
    mut each: impl FnMut(Payload),
) {
    let payload = &frame.bytes[segment.payload.0..segment.payload.1];
    let start = connection.rcv_nxt;
    if received == 0 {
        if !payload.is_empty() && is_before(start, segment.seq) {
            connection.boundaries.extend([segment.seq, segment.end()]);
        }
        return;
    }
    let seen = start.wrapping_sub(segment.seq) as usize;
    if connection.boundaries.is_empty() && payload.get(seen..seen.saturating_add(received)).is_some() {
        let start = segment.payload.0 + seen;
        return each(Payload::of(&frame.bytes, start..start + received));
    }
    let mut bytes = vec![0; before.recv_queue + received];
    // Reads all that is asked for: smoltcp has just said that so much is there.
    let _ = connection.socket_mut().peek_slice(&mut bytes);
    let bytes = &bytes[before.recv_queue..];
    let mut cuts: Vec<usize> = (connection.boundaries.iter().chain([&segment.end()]))
        .map(|boundary| boundary.wrapping_sub(start) as usize)
        .filter(|cut| (1..received).contains(cut))
        .chain([received])
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    let end = start.wrapping_add(received as u32);
    connection.boundaries.retain(|boundary| is_before(end, *boundary));
    let mut from = 0;
    for to in cuts {
        each(Payload::from(&bytes[std::mem::replace(&mut from, to)..to]));
    }
}

/// docs/behaviour.md §4.10: a full segment's window, the second segment in a row and a FIN are acknowledged at once.
fn delays_acknowledgement(connection: &Connection) -> bool {
    let has_more = connection.socket().send_queue() > connection.in_flight();
    let is_urgent = connection.ack_now
        || connection.consumed_since_ack >= chip::WINDOW_UPDATE_THRESHOLD
        || connection.segments_since_ack >= 2;
    connection.owes_acknowledgement() && !has_more && !is_urgent && connection.state == SocketState::Established
}

// ---- what leaves ----

impl Host {
    /// Fetches everything that smoltcp wants to send for `id` now; whether there was anything.
    fn output(&mut self, now: Instant, id: SocketId) -> bool {
        let mut has_sent = false;
        while let Some(connection) = self.connections.get_mut(&id) {
            if connection.syn.is_some() {
                break;
            }
            self.stack.poll_egress(to_stack(now), &mut self.device, &mut connection.sockets);
            let mut outgoing = std::mem::take(&mut self.device.outgoing);
            if outgoing.is_empty() {
                self.device.outgoing = outgoing;
                break;
            }
            has_sent = true;
            for frame in outgoing.drain(..) {
                self.segment_out(now, id, frame);
            }
            self.device.outgoing = outgoing;
            if self.connections.get(&id).is_some_and(Connection::has_sent_all) {
                break;
            }
        }
        self.note_state(id);
        has_sent
    }

    fn segment_out(&mut self, now: Instant, id: SocketId, mut frame: FrameBytes) {
        let (is_chip, ticks) = (self.profile == StackProfile::Chip, self.ticks);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let Some(ip) = Ipv4::parse(&frame) else { return };
        let Some(segment) = Segment::parse(&ip, &frame) else { return };
        if segment.is_syn && is_chip {
            frame = without_unknown_options(&ip, &frame).unwrap_or(frame);
        }
        set_ttl(&mut frame, connection.ttl);
        if segment.is_syn && connection.snd_nxt == 0 {
            connection.snd_nxt = segment.seq;
            connection.snd_una = segment.seq;
        }
        let length = segment.payload_length() as u32 + u32::from(segment.is_syn) + u32::from(segment.is_fin);
        let end = segment.seq.wrapping_add(length);
        connection.sent_to = end;
        if is_before(connection.snd_nxt, end) {
            connection.snd_nxt = end;
        }
        if length > 0 {
            connection.unacknowledged_since.get_or_insert(now);
        }
        if let Some(ack) = segment.ack {
            connection.acknowledged = ack;
            connection.window_sent = segment.window;
            connection.ack_at = None;
            connection.ack_now = false;
            connection.consumed_since_ack = 0;
            connection.segments_since_ack = 0;
        }
        if segment.is_syn && segment.ack.is_none() && is_chip {
            let next = ticks.slow_after(now, chip::SYN_RETRY_TICKS);
            connection.syn = Some(SynRetry { frame: frame.clone(), retries: 0, next });
        }
        if segment.is_syn && segment.ack.is_some() {
            connection.syn_ack = Some(frame.clone());
        }
        let carries = length > 0 || segment.is_rst;
        let cause = if carries { connection.cause.or(connection.reaction) } else { connection.reaction };
        self.tcp_frame_out(now, id, frame, cause);
    }

    fn tcp_frame_out(&mut self, now: Instant, id: SocketId, frame: FrameBytes, cause: Option<RecordId>) {
        if self.send_ip(now, frame, Some(id), cause, true).is_err() {
            self.nothing(cause, Layer::Ip, Silence::NoRoute, Some(id), || {
                "a segment could not be sent: no interface leads to the other end".to_owned()
            });
        }
    }

    /// Makes smoltcp announce the present window: it answers a repetition of the last byte received at once.
    fn announce_window(&mut self, now: Instant, id: SocketId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let Some(ends) = connection.ends else { return };
        let segment = TcpRepr {
            src_port: ends.remote.1,
            dst_port: ends.local.1,
            control: TcpControl::None,
            seq_number: smoltcp::wire::TcpSeqNumber(connection.rcv_nxt.wrapping_sub(1) as i32),
            ack_number: Some(smoltcp::wire::TcpSeqNumber(connection.snd_una as i32)),
            window_len: connection.peer_window,
            window_scale: None,
            max_seg_size: None,
            sack_permitted: false,
            sack_ranges: [None, None, None],
            timestamp: None,
            payload: &[0],
        };
        self.device.incoming = Some(tcp_frame(ends.remote.0, ends.local.0, &segment));
        self.stack.poll_ingress_single(to_stack(now), &mut self.device, &mut connection.sockets);
        for frame in std::mem::take(&mut self.device.outgoing) {
            self.segment_out(now, id, frame);
        }
    }

    /// Asks the other end for a sign of life.
    fn probe(&mut self, now: Instant, id: SocketId) {
        let Some(connection) = self.connections.get(&id) else { return };
        let Some(ends) = connection.ends else { return };
        let segment = TcpRepr {
            src_port: ends.local.1,
            dst_port: ends.remote.1,
            control: TcpControl::None,
            seq_number: smoltcp::wire::TcpSeqNumber(connection.snd_nxt.wrapping_sub(1) as i32),
            ack_number: Some(smoltcp::wire::TcpSeqNumber(connection.rcv_nxt as i32)),
            window_len: connection.window_sent,
            window_scale: None,
            max_seg_size: None,
            sack_permitted: false,
            sack_ranges: [None, None, None],
            timestamp: None,
            payload: &[],
        };
        let mut frame = tcp_frame(ends.local.0, ends.remote.0, &segment);
        set_ttl(&mut frame, connection.ttl);
        let cause = connection.cause.or(connection.reaction);
        self.tcp_frame_out(now, id, frame, cause);
    }
}

fn tcp_frame(source: Ipv4Addr, destination: Ipv4Addr, segment: &TcpRepr) -> FrameBytes {
    ipv4_frame(source, destination, IpProtocol::Tcp, desktop::TTL, segment.buffer_len(), |body| {
        segment.emit(
            &mut TcpPacket::new_unchecked(body),
            &IpAddress::Ipv4(source),
            &IpAddress::Ipv4(destination),
            &smoltcp::phy::ChecksumCapabilities::default(),
        );
    })
}

/// The SYN in `frame` with the options that lwIP sends: the segment size alone.
fn without_unknown_options(ip: &Ipv4, frame: &[u8]) -> Option<FrameBytes> {
    let packet = TcpPacket::new_checked(ip.payload_of(frame)).ok()?;
    let (source, destination) = (IpAddress::Ipv4(ip.source), IpAddress::Ipv4(ip.destination));
    let ignored = smoltcp::phy::ChecksumCapabilities::ignored();
    let mut segment = TcpRepr::parse(&packet, &source, &destination, &ignored).ok()?;
    segment.window_scale = None;
    segment.sack_permitted = false;
    Some(tcp_frame(ip.source, ip.destination, &segment))
}

// ---- time ----

impl Host {
    pub(crate) fn tcp_deadline(&self) -> Option<Instant> {
        self.connections.values().filter_map(|connection| connection.deadline).min()
    }

    pub(crate) fn tcp_poll(&mut self, now: Instant) {
        let is_due = |connection: &Connection| connection.deadline.is_some_and(|deadline| deadline <= now);
        let due: Vec<_> = self.connections.iter().filter(|(_, c)| is_due(c)).map(|(id, _)| *id).collect();
        for id in due {
            self.connection_due(now, id);
        }
    }

    fn connection_due(&mut self, now: Instant, id: SocketId) {
        let (profile, ticks) = (self.profile, self.ticks);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.deadline = None;
        let is_past = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if let Some(syn) = &mut connection.syn
            && syn.next <= now
        {
            if syn.retries == chip::SYN_RETRIES {
                let cause = connection.cause;
                return self.lost(id, CloseReason::Aborted, cause);
            }
            syn.retries += 1;
            // The last one is given a single tick (docs/behaviour.md §4.1: -8 after about 6.1 s).
            let ticks_more = if syn.retries == chip::SYN_RETRIES { 1 } else { chip::SYN_RETRY_TICKS };
            syn.next = ticks.slow_after(now, ticks_more);
            let (frame, cause) = (syn.frame.clone(), connection.cause);
            self.tcp_frame_out(now, id, frame, cause);
            return self.touch(id, Unsettled::Deadline);
        }
        if is_past(give_up_at(connection, profile)) || is_past(state_ends_at(connection, profile)) {
            let cause = connection.cause.or(connection.reaction);
            return self.lost(id, CloseReason::Aborted, cause);
        }
        if is_past(keepalive_at(connection, ticks)) && !self.keepalive_due(now, id) {
            return;
        }
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.flush();
        let has_sent = self.output(now, id);
        self.plan(now, id);
        if let Some(connection) = self.connections.get_mut(&id) {
            if !has_sent && connection.deadline.is_some_and(|deadline| deadline <= now) {
                connection.deadline = Some(now + RETRY);
            }
            if connection.state == SocketState::Closed {
                self.remove(id);
            }
        }
    }

    /// Probes, or gives up after the last probe; whether the connection lives.
    fn keepalive_due(&mut self, now: Instant, id: SocketId) -> bool {
        let Some(keepalive) = self.connections.get_mut(&id).and_then(|c| c.keepalive.as_mut()) else { return true };
        if keepalive.sent < keepalive.probes {
            keepalive.sent += 1;
            self.probe(now, id);
            return true;
        }
        let cause = self.connections.get(&id).and_then(|connection| connection.cause.or(connection.reaction));
        let was_owned = self.owned(id).is_some();
        self.reset(now, id);
        if was_owned {
            self.push_event(Event::Closed { socket: id, reason: CloseReason::Aborted }, cause);
        }
        false
    }

    /// Notes that something of `id` has changed.
    fn touch(&mut self, id: SocketId, unsettled: Unsettled) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.unsettled == Unsettled::Nothing {
            self.unsettled.push(id);
        }
        connection.unsettled = connection.unsettled.max(unsettled);
    }

    /// Fetches the output that a desktop's connections owe, so that several segments of one moment are answered
    /// together, and works out the deadlines of all that have changed.
    pub(crate) fn tcp_settle(&mut self) {
        let now = self.now;
        // By index, as output may touch further connections.
        let mut index = 0;
        while let Some(id) = self.unsettled.get(index).copied() {
            index += 1;
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            let unsettled = std::mem::replace(&mut connection.unsettled, Unsettled::Nothing);
            if unsettled == Unsettled::Output && connection.events_open == 0 {
                connection.flush();
                self.output(now, id);
            }
            self.plan(now, id);
        }
        self.unsettled.clear();
    }

    /// Works out when `id` has something to do next.
    fn plan(&mut self, now: Instant, id: SocketId) {
        let (profile, ticks) = (self.profile, self.ticks);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.events_open > 0 {
            connection.deadline = None;
            return;
        }
        let own = match &connection.syn {
            Some(syn) => Some(syn.next),
            None => {
                let at = self.stack.poll_at(to_stack(now), &connection.sockets).map(|at| from_stack(at).max(now));
                // "Now" is the acknowledgement that is being delayed.
                at.filter(|at| connection.ack_at.is_none() || *at > now)
            }
        };
        connection.deadline = [
            own,
            connection.flush_at,
            connection.ack_at,
            give_up_at(connection, profile),
            state_ends_at(connection, profile),
            keepalive_at(connection, ticks),
        ]
        .into_iter()
        .flatten()
        .min();
    }

    /// Ends every connection whose own address is `ip` (docs/behaviour.md §4.9).
    pub(crate) fn tcp_abort_bound_to(&mut self, now: Instant, ip: Ipv4Addr) {
        let bound: Vec<_> = (self.connections.iter())
            .filter(|(_, connection)| connection.ends.is_some_and(|ends| ends.local.0 == ip))
            .map(|(id, _)| *id)
            .collect();
        for id in bound {
            self.abandon(now, id);
        }
    }

    /// Resets a connection and tells its owner.
    fn abandon(&mut self, now: Instant, id: SocketId) {
        let was_owned = self.owned(id).is_some();
        self.forget_events(id);
        self.reset(now, id);
        if was_owned {
            let event = Event::Closed { socket: id, reason: CloseReason::Aborted };
            self.push_event(event, self.trace.current());
        }
    }

    /// Nobody answered for the other end (or its gateway) while connecting.
    pub(crate) fn tcp_unreachable(&mut self, socket: SocketId) {
        let Some(connection) = self.connections.get(&socket) else { return };
        if connection.state == SocketState::SynSent {
            let cause = connection.cause;
            self.lost(socket, CloseReason::Unreachable, cause);
        }
    }
}

/// When lwIP has repeated unacknowledged data often enough.
fn give_up_at(connection: &Connection, profile: StackProfile) -> Option<Instant> {
    let span = match profile {
        StackProfile::Desktop if connection.state == SocketState::SynSent => desktop::CONNECT_MAX,
        StackProfile::Desktop => desktop::GIVE_UP,
        StackProfile::Chip if connection.syn.is_some() => return None,
        StackProfile::Chip if connection.is_rtt_measured => chip::GIVE_UP_MEASURED,
        StackProfile::Chip => chip::GIVE_UP_UNMEASURED,
    };
    connection.unacknowledged_since.map(|since| since + span)
}

/// When a state that may not last is cut short.
fn state_ends_at(connection: &Connection, profile: StackProfile) -> Option<Instant> {
    let is_chip = profile == StackProfile::Chip;
    let half_open = if is_chip { chip::HALF_OPEN_MAX } else { desktop::HALF_OPEN_MAX };
    match connection.state {
        SocketState::SynReceived => Some(connection.since + half_open),
        SocketState::FinWait2 if connection.is_orphan => Some(connection.since + half_open),
        SocketState::LastAck if is_chip => Some(connection.since + chip::LAST_ACK_MAX),
        _ => None,
    }
}

fn keepalive_at(connection: &Connection, ticks: chip::Ticks) -> Option<Instant> {
    let keepalive = connection.keepalive.filter(|_| connection.has_connected)?;
    if !matches!(connection.state, SocketState::Established | SocketState::CloseWait) {
        return None;
    }
    let intervals = keepalive.interval.as_micros() * u64::from(keepalive.sent);
    let span = Duration::from_micros(keepalive.idle.as_micros() + intervals);
    Some(ticks.slow_past(connection.heard, span))
}

// ---- records ----

impl Host {
    fn remove(&mut self, id: SocketId) {
        let Some(connection) = self.connections.remove(&id) else { return };
        if let Some(ends) = connection.ends
            && self.by_ends.get(&ends) == Some(&id)
        {
            self.by_ends.remove(&ends);
        }
        if connection.state != SocketState::Closed {
            let (local, remote) = (connection.ends.map(|e| e.local()), connection.ends.map(|e| e.remote()));
            let cause = self.trace.current().or(connection.cause).or(connection.reaction);
            self.record_tcp(id, local, remote, SocketState::Closed, cause);
        }
    }

    /// Records the state of `id` if it has changed.
    fn note_state(&mut self, id: SocketId) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let state = socket_state(connection.socket().state());
        if state == connection.state || state == SocketState::Listen {
            return;
        }
        connection.state = state;
        connection.since = now;
        let (local, remote) = (connection.ends.map(|e| e.local()), connection.ends.map(|e| e.remote()));
        let cause = self.trace.current().or(connection.cause).or(connection.reaction);
        self.record_tcp(id, local, remote, state, cause);
    }

    fn record_tcp(
        &self,
        socket: SocketId,
        local: Option<Endpoint>,
        remote: Option<Endpoint>,
        state: SocketState,
        cause: Option<RecordId>,
    ) {
        let kind = Kind::Socket { socket, protocol: Protocol::Tcp, local, remote, state };
        self.trace.record_caused(self.now, self.id, cause, kind);
    }

    pub(crate) fn tcp_rows(&self) -> Vec<SocketRow> {
        let listening = self.listeners.iter().map(|(id, listener)| SocketRow {
            socket: id.0,
            protocol: Protocol::Tcp,
            local: listener.local,
            remote: NOWHERE,
            state: SocketState::Listen,
            send_queue: 0,
            receive_queue: 0,
            held: false,
        });
        let connected = self.connections.iter().map(|(id, connection)| SocketRow {
            socket: *id,
            protocol: Protocol::Tcp,
            local: connection.ends.map_or(NOWHERE, |ends| ends.local()),
            remote: connection.ends.map(|ends| ends.remote()).or(connection.target).unwrap_or(NOWHERE),
            state: connection.state,
            send_queue: (connection.socket().send_queue() + connection.queued.len()) as u32,
            receive_queue: connection.socket().recv_queue() as u32,
            held: connection.is_held,
        });
        listening.chain(connected).collect()
    }
}

fn socket_state(state: tcp::State) -> SocketState {
    match state {
        tcp::State::Closed => SocketState::Closed,
        tcp::State::Listen => SocketState::Listen,
        tcp::State::SynSent => SocketState::SynSent,
        tcp::State::SynReceived => SocketState::SynReceived,
        tcp::State::Established => SocketState::Established,
        tcp::State::FinWait1 => SocketState::FinWait1,
        tcp::State::FinWait2 => SocketState::FinWait2,
        tcp::State::CloseWait => SocketState::CloseWait,
        tcp::State::Closing => SocketState::Closing,
        tcp::State::LastAck => SocketState::LastAck,
        tcp::State::TimeWait => SocketState::TimeWait,
    }
}
