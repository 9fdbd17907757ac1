//! Echoes, and reports about packets that went nowhere (RFC 792).

use std::net::Ipv4Addr;

use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, IpProtocol};
use trace::{Endpoint, FrameBytes, Instant, Kind, Protocol, RecordId};

use super::Host;
use super::wire::{ETHERNET_HEADER, Ipv4, icmp_frame, ipv4_frame};
use crate::error::RouteError;
use crate::event::{Event, IcmpErrorKind};
use crate::frame::Frame;

const DESTINATION_UNREACHABLE: u8 = 3;
const TIME_EXCEEDED: u8 = 11;
const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;

impl Host {
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
        self.advance(now);
        let source = match self.route(to) {
            _ if to.is_loopback() => to,
            Some(route) => route.address.ip,
            None => return Err(RouteError::NoRoute),
        };
        self.trace.record(now, self.id(), Kind::PingSent { target: to, seq });
        let message = Icmpv4Repr::EchoRequest { ident: id, seq_no: seq, data: payload };
        let frame = icmp_frame(source, to, ttl, &message);
        self.send_ip(now, frame, None, self.trace.current(), true)
    }

    pub(crate) fn icmp_in(&mut self, now: Instant, ip: &Ipv4, frame: &Frame, carried: RecordId, is_group: bool) {
        let body = ip.payload_of(&frame.bytes);
        let Ok(packet) = Icmpv4Packet::new_checked(body) else { return };
        match u8::from(packet.msg_type()) {
            // docs/behaviour.md §2.10: broadcast and multicast pings are not answered.
            ECHO_REQUEST if !is_group && self.owns(ip.destination) => {
                let (ident, seq_no) = (packet.echo_ident(), packet.echo_seq_no());
                let message = Icmpv4Repr::EchoReply { ident, seq_no, data: packet.data() };
                let ttl = self.default_ttl();
                let reply = icmp_frame(ip.destination, ip.source, ttl, &message);
                // Without a way back there is nobody to tell.
                let _ = self.send_ip(now, reply, None, Some(carried), true);
            }
            ECHO_REPLY => {
                let event = Event::EchoReply {
                    from: ip.source,
                    id: packet.echo_ident(),
                    seq: packet.echo_seq_no(),
                    ttl: ip.ttl,
                    length: packet.data().len(),
                };
                self.push_event(event, Some(carried));
            }
            kind @ (DESTINATION_UNREACHABLE | TIME_EXCEEDED) => {
                let kind = match (kind, packet.msg_code()) {
                    (TIME_EXCEEDED, _) => IcmpErrorKind::TimeExceeded,
                    (_, 3) => IcmpErrorKind::PortUnreachable,
                    _ => IcmpErrorKind::HostUnreachable,
                };
                if let Some(event) = body.get(8..).and_then(|original| error_about(ip.source, kind, original)) {
                    self.push_event(event, Some(carried));
                }
            }
            _ => {}
        }
    }

    /// Tells the sender of `packet`, an IPv4 packet, what became of it, in the name of `from`: for whoever forwards.
    ///
    /// # Errors
    /// [`RouteError::IllegalPacket`] if `packet` is none, [`RouteError::NoRoute`] without a way back.
    pub fn send_icmp_error(
        &mut self,
        now: Instant,
        from: Ipv4Addr,
        kind: IcmpErrorKind,
        packet: &[u8],
    ) -> Result<(), RouteError> {
        self.advance(now);
        let frame = error_frame(from, self.default_ttl(), kind, packet).ok_or(RouteError::IllegalPacket)?;
        self.send_ip(now, frame, None, self.trace.current(), true)
    }

    pub(crate) fn send_port_unreachable(&mut self, now: Instant, ip: &Ipv4, frame: &Frame) {
        let packet = &frame.bytes[ETHERNET_HEADER..ip.payload.1];
        // Without a way back there is nobody to tell.
        let _ = self.send_icmp_error(now, ip.destination, IcmpErrorKind::PortUnreachable, packet);
    }
}

/// An ICMP error about `packet` (RFC 792: its header and eight bytes of its payload) back to its sender.
fn error_frame(from: Ipv4Addr, ttl: u8, kind: IcmpErrorKind, packet: &[u8]) -> Option<FrameBytes> {
    let header_length = usize::from(packet.first()? & 0x0f) * 4;
    let quoted = packet.get(..packet.len().min(header_length + 8))?;
    let back = Ipv4Addr::from(*packet.get(12..16)?.first_chunk::<4>()?);
    let (kind, code) = match kind {
        IcmpErrorKind::TimeExceeded => (TIME_EXCEEDED, 0),
        IcmpErrorKind::HostUnreachable => (DESTINATION_UNREACHABLE, 1),
        IcmpErrorKind::PortUnreachable => (DESTINATION_UNREACHABLE, 3),
    };
    let fill = |body: &mut [u8]| {
        body[0] = kind;
        body[1] = code;
        body[8..].copy_from_slice(quoted);
        Icmpv4Packet::new_unchecked(body).fill_checksum();
    };
    Some(ipv4_frame(from, back, IpProtocol::Icmp, ttl, 8 + quoted.len(), fill))
}

/// The event for an ICMP error that quotes `original`, the beginning of an IPv4 packet.
pub(crate) fn error_about(from: Ipv4Addr, kind: IcmpErrorKind, original: &[u8]) -> Option<Event> {
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    const ICMP: u8 = 1;
    let header_length = usize::from(original.first()? & 0x0f) * 4;
    let body = original.get(header_length..header_length + 8)?;
    let address = |at: usize| Some(Ipv4Addr::from(*original.get(at..at + 4)?.first_chunk::<4>()?));
    let number = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
    let (protocol, local_port, remote_port) = match *original.get(9)? {
        TCP => (Some(Protocol::Tcp), number(0), number(2)),
        UDP => (Some(Protocol::Udp), number(0), number(2)),
        ICMP if body[0] == ECHO_REQUEST => (None, number(4), number(6)),
        _ => return None,
    };
    let local = Endpoint { ip: address(12)?, port: local_port };
    let remote = Endpoint { ip: address(16)?, port: remote_port };
    Some(Event::IcmpError { from, kind, protocol, local, remote })
}
