//! Datagram sockets (docs/behaviour.md §5).
//!
//! smoltcp reads and writes the headers; its UDP sockets are not used, because lwIP's send at once and say what went
//! wrong, and because the latest bound of several sockets gets a datagram.

use std::net::Ipv4Addr;

use smoltcp::wire::UdpPacket;
use trace::{Endpoint, Instant, Kind, Layer, Protocol, RecordId, Silence, SocketId, SocketState};

use super::wire::{Ipv4, udp_frame};
use super::{Host, StackProfile};
use crate::chip;
use crate::error::{BindError, UdpSendError};
use crate::event::Event;
use crate::frame::Frame;
use crate::netstat::SocketRow;

/// Largest payload that one frame carries (docs/behaviour.md §5.2).
const PAYLOAD_MAX: usize = 1472;

#[derive(Debug)]
struct Socket {
    id: SocketId,
    local: Option<Endpoint>,
    ttl: u8,
    takes_everything: bool,
}

/// The sockets of a host, the latest bound last.
#[derive(Debug, Default)]
pub(crate) struct Sockets(Vec<Socket>);

impl Sockets {
    fn get(&self, id: SocketId) -> Option<&Socket> {
        self.0.iter().find(|socket| socket.id == id)
    }

    fn get_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.0.iter_mut().find(|socket| socket.id == id)
    }

    /// Who gets a datagram: the first that fits, the latest bound first (docs/behaviour.md §5.3).
    fn receiver(&self, to: Endpoint, is_group: bool) -> Option<SocketId> {
        let fits =
            |local: &Endpoint| local.port == to.port && (local.ip.is_unspecified() || local.ip == to.ip || is_group);
        let takes = |socket: &&Socket| socket.local.as_ref().is_some_and(fits);
        let exact = self.0.iter().rev().find(takes);
        exact.or_else(|| self.0.iter().rev().find(|socket| socket.takes_everything)).map(|socket| socket.id)
    }

    fn is_free(&self, ip: Ipv4Addr, port: u16) -> bool {
        !self
            .0
            .iter()
            .filter_map(|socket| socket.local)
            .any(|local| local.port == port && (local.ip == ip || local.ip.is_unspecified() || ip.is_unspecified()))
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = SocketRow> + '_ {
        let nowhere = Endpoint { ip: Ipv4Addr::UNSPECIFIED, port: 0 };
        self.0.iter().map(move |socket| SocketRow {
            socket: socket.id,
            protocol: Protocol::Udp,
            local: socket.local.unwrap_or(nowhere),
            remote: nowhere,
            state: if socket.local.is_some() { SocketState::Bound } else { SocketState::Closed },
            send_queue: 0,
            receive_queue: 0,
            held: false,
        })
    }
}

impl Host {
    /// A new socket without a port.
    pub fn udp_open(&mut self) -> SocketId {
        let id = self.new_socket();
        let ttl = self.default_ttl();
        self.datagram_sockets.0.push(Socket { id, local: None, ttl, takes_everything: false });
        id
    }

    pub(crate) fn default_ttl(&self) -> u8 {
        match self.profile {
            StackProfile::Chip => chip::TTL,
            StackProfile::Desktop => chip::desktop::TTL,
        }
    }

    /// Gives `socket` an address (0.0.0.0 for all) and a port (0 for the first free one from 4096).
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn udp_bind(&mut self, now: Instant, socket: SocketId, ip: Ipv4Addr, port: u16) -> Result<(), BindError> {
        self.advance(now);
        let index = (self.datagram_sockets.0.iter().position(|s| s.id == socket && s.local.is_none()))
            .ok_or(BindError::AlreadyBound)?;
        let sockets = &mut self.datagram_sockets;
        let port = match (port, self.profile) {
            (0, StackProfile::Chip) => chip::UDP_PORTS.into_iter().find(|port| sockets.is_free(ip, *port)),
            (0, StackProfile::Desktop) => {
                let mut candidates = (0..100).map(|_| self.random.u16(chip::desktop::PORTS));
                candidates.find(|port| sockets.is_free(ip, *port))
            }
            _ => Some(port).filter(|port| sockets.is_free(ip, *port)),
        };
        let local = Endpoint { ip, port: port.ok_or(BindError::AddressInUse)? };
        let mut bound = sockets.0.remove(index);
        bound.local = Some(local);
        sockets.0.push(bound);
        self.record_udp(socket, Some(local), SocketState::Bound);
        Ok(())
    }

    fn record_udp(&self, socket: SocketId, local: Option<Endpoint>, state: SocketState) {
        let kind = Kind::Socket { socket, protocol: Protocol::Udp, local, remote: None, state };
        self.trace.record(self.now, self.id, kind);
    }

    /// Makes `socket` receive every datagram that passes this gateway and that no other socket takes.
    pub fn udp_bind_any(&mut self, socket: SocketId) {
        if let Some(socket) = self.datagram_sockets.get_mut(socket) {
            socket.takes_everything = true;
        }
    }

    /// Sends one datagram, binding the socket first if it has no port. A datagram that no frame can carry (over 1472
    /// bytes) is lost without an error.
    ///
    /// # Errors
    /// See [`UdpSendError`].
    pub fn udp_send(&mut self, now: Instant, socket: SocketId, to: Endpoint, data: &[u8]) -> Result<(), UdpSendError> {
        self.advance(now);
        let found = self.datagram_sockets.get(socket).ok_or(UdpSendError::NoSuchSocket)?;
        let ttl = found.ttl;
        if found.local.is_none() {
            self.udp_bind(now, socket, Ipv4Addr::UNSPECIFIED, 0).map_err(|_| UdpSendError::NoRoute)?;
        }
        let local = self.udp_local(socket).ok_or(UdpSendError::NoSuchSocket)?;
        let is_own = self.profile == StackProfile::Desktop && (to.ip.is_loopback() || self.owns(to.ip));
        let outgoing = if is_own { to.ip } else { self.route(to.ip).ok_or(UdpSendError::NoRoute)?.address.ip };
        let source = if local.ip.is_unspecified() { outgoing } else { local.ip };
        if source != outgoing && !(self.profile == StackProfile::Desktop && self.owns(source)) {
            return Err(UdpSendError::IllegalValue);
        }
        self.datagram_out(now, Some(socket), Endpoint { ip: source, port: local.port }, to, ttl, data)
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
        self.advance(now);
        let ttl = self.default_ttl();
        self.datagram_out(now, None, from, to, ttl, data)
    }

    pub(crate) fn datagram_out(
        &mut self,
        now: Instant,
        socket: Option<SocketId>,
        from: Endpoint,
        to: Endpoint,
        ttl: u8,
        data: &[u8],
    ) -> Result<(), UdpSendError> {
        let cause = self.trace.current();
        if data.len() > PAYLOAD_MAX {
            self.nothing(cause, Layer::Ip, Silence::Other, socket, || {
                format!("a datagram of {} bytes was lost: nothing longer than {PAYLOAD_MAX} fits a frame", data.len())
            });
            return Ok(());
        }
        let frame = udp_frame(from, to, ttl, data);
        self.send_ip(now, frame, socket, cause, true).map_err(|_| UdpSendError::NoRoute)
    }

    /// Gives the port up; the id is dead afterwards. Returns whether there was a socket.
    pub fn udp_close(&mut self, now: Instant, socket: SocketId) -> bool {
        self.advance(now);
        let Some(index) = self.datagram_sockets.0.iter().position(|s| s.id == socket) else { return false };
        let closed = self.datagram_sockets.0.remove(index);
        self.events.retain(|pending| !matches!(&pending.event, Event::Datagram { socket: s, .. } if *s == socket));
        self.record_udp(socket, closed.local, SocketState::Closed);
        self.read_backlog();
        true
    }

    /// The own end, once bound.
    pub fn udp_local(&self, socket: SocketId) -> Option<Endpoint> {
        self.datagram_sockets.get(socket)?.local
    }

    /// Time to live of the socket's packets.
    pub fn udp_ttl(&self, socket: SocketId) -> Option<u8> {
        self.datagram_sockets.get(socket).map(|socket| socket.ttl)
    }

    /// Sets the time to live of the socket's packets.
    pub fn udp_set_ttl(&mut self, socket: SocketId, ttl: u8) {
        if let Some(socket) = self.datagram_sockets.get_mut(socket) {
            socket.ttl = ttl;
        }
    }

    pub(crate) fn udp_in(&mut self, now: Instant, ip: &Ipv4, frame: &Frame, carried: RecordId, is_group: bool) {
        let Ok(packet) = UdpPacket::new_checked(ip.payload_of(&frame.bytes)) else { return };
        let from = Endpoint { ip: ip.source, port: packet.src_port() };
        let to = Endpoint { ip: ip.destination, port: packet.dst_port() };
        if self.dns_in(now, from, to, packet.payload()) {
            return;
        }
        if let Some(socket) = self.datagram_sockets.receiver(to, is_group) {
            let data = packet.payload().to_vec();
            self.push_event(Event::Datagram { socket, data, from, to }, Some(carried));
            return;
        }
        if is_group {
            return;
        }
        self.nothing(Some(carried), Layer::Udp, Silence::ClosedPort, None, || {
            format!("a datagram for port {}, on which nobody listens", to.port)
        });
        self.send_port_unreachable(now, ip, frame);
    }
}
