//! Frames and packets as the router reads and writes them, below any stack.
//!
//! Everything goes through `smoltcp::wire`. Nothing here trusts a length field: whatever does not parse is `None`.

use std::net::Ipv4Addr;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr,
    Icmpv4DstUnreachable, Icmpv4Message, Icmpv4Packet, Icmpv4Repr, Icmpv4TimeExceeded, IpAddress, IpProtocol,
    Ipv4Packet, Ipv4Repr, TcpPacket, UdpPacket, UdpRepr,
};
use trace::Endpoint;

use crate::address::MacAddress;

const ETHERNET_HEADER_LENGTH: usize = 14;
const IPV4_HEADER_LENGTH: usize = 20;
const UDP_HEADER_LENGTH: usize = 8;
/// How much of the payload an ICMP error quotes (RFC 792: the first 64 bits).
const QUOTED_LENGTH: usize = 8;

/// What a frame carries, as far as a router cares.
#[derive(Debug)]
pub(crate) struct FrameView<'a> {
    pub(crate) destination: MacAddress,
    pub(crate) content: Content<'a>,
}

/// The protocol above Ethernet.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    Arp(Arp),
    /// An IPv4 packet of exactly its stated length, header checksum verified.
    Ipv4(&'a [u8]),
}

/// An ARP message for IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arp {
    pub(crate) is_request: bool,
    pub(crate) sender_mac: MacAddress,
    pub(crate) sender_ip: Ipv4Addr,
    pub(crate) target_ip: Ipv4Addr,
}

/// A UDP datagram inside an IPv4 packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Datagram<'a> {
    pub(crate) source: Endpoint,
    pub(crate) destination: Endpoint,
    pub(crate) payload: &'a [u8],
}

/// Why a router or host gives a packet back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IcmpError {
    TimeExceeded,
    NetUnreachable,
    PortUnreachable,
}

/// Reads an Ethernet frame.
pub(crate) fn parse_frame(bytes: &[u8]) -> Option<FrameView<'_>> {
    let frame = EthernetFrame::new_checked(bytes).ok()?;
    let content = match frame.ethertype() {
        EthernetProtocol::Arp => Content::Arp(parse_arp(frame.payload())?),
        EthernetProtocol::Ipv4 => Content::Ipv4(parse_ipv4(frame.payload())?),
        _ => return None,
    };
    Some(FrameView { destination: MacAddress(frame.dst_addr().0), content })
}

/// Whether a frame tells an Ethernet address that was asked for.
pub(crate) fn is_arp_reply(frame: &[u8]) -> bool {
    matches!(parse_frame(frame).map(|view| view.content), Some(Content::Arp(arp)) if !arp.is_request)
}

fn parse_arp(bytes: &[u8]) -> Option<Arp> {
    let packet = ArpPacket::new_checked(bytes).ok()?;
    match ArpRepr::parse(&packet).ok()? {
        ArpRepr::EthernetIpv4 {
            operation, source_hardware_addr, source_protocol_addr, target_protocol_addr, ..
        } => Some(Arp {
            is_request: operation == ArpOperation::Request,
            sender_mac: MacAddress(source_hardware_addr.0),
            sender_ip: source_protocol_addr,
            target_ip: target_protocol_addr,
        }),
        _ => None,
    }
}

/// The packet without the padding after it.
fn parse_ipv4(bytes: &[u8]) -> Option<&[u8]> {
    let packet = Ipv4Packet::new_checked(bytes).ok()?;
    let fits = packet.version() == 4 && usize::from(packet.header_len()) >= IPV4_HEADER_LENGTH;
    if !fits || !packet.verify_checksum() {
        return None;
    }
    bytes.get(..usize::from(packet.total_len()))
}

/// Reads the datagram in `packet`; `None` for other protocols, fragments and wrong checksums.
pub(crate) fn parse_udp(packet: &[u8]) -> Option<Datagram<'_>> {
    let ip = Ipv4Packet::new_checked(packet).ok()?;
    if ip.next_header() != IpProtocol::Udp || ip.more_frags() || ip.frag_offset() != 0 {
        return None;
    }
    let (source, destination) = (ip.src_addr(), ip.dst_addr());
    let udp = UdpPacket::new_checked(ip.payload()).ok()?;
    let repr = UdpRepr::parse(&udp, &source.into(), &destination.into(), &ChecksumCapabilities::default()).ok()?;
    Some(Datagram {
        source: Endpoint { ip: source, port: repr.src_port },
        destination: Endpoint { ip: destination, port: repr.dst_port },
        payload: udp.payload(),
    })
}

/// An IPv4 packet with one UDP datagram.
pub(crate) fn udp_packet(source: Endpoint, destination: Endpoint, payload: &[u8]) -> Vec<u8> {
    let udp = UdpRepr { src_port: source.port, dst_port: destination.port };
    let mut packet = ipv4_packet(source.ip, destination.ip, IpProtocol::Udp, UDP_HEADER_LENGTH + payload.len());
    udp.emit(
        &mut UdpPacket::new_unchecked(&mut packet[IPV4_HEADER_LENGTH..]),
        &IpAddress::from(source.ip),
        &IpAddress::from(destination.ip),
        payload.len(),
        |room| room.copy_from_slice(payload),
        &ChecksumCapabilities::default(),
    );
    packet
}

/// The error packet that `router` sends to whoever sent `packet`; `None` where RFC 1122 (section 3.2.2) forbids one.
pub(crate) fn icmp_error(router: Ipv4Addr, packet: &[u8], error: IcmpError) -> Option<Vec<u8>> {
    let ip = Ipv4Packet::new_checked(packet).ok()?;
    let (source, destination) = (ip.src_addr(), ip.dst_addr());
    let forbidden = ip.frag_offset() != 0
        || destination.is_broadcast()
        || destination.is_multicast()
        || source.is_unspecified()
        || source.is_multicast()
        || source.is_broadcast()
        || is_icmp_error(packet);
    if forbidden {
        return None;
    }
    let header = Ipv4Repr {
        src_addr: source,
        dst_addr: destination,
        next_header: ip.next_header(),
        payload_len: ip.payload().len(),
        hop_limit: ip.hop_limit(),
    };
    let data = &ip.payload()[..ip.payload().len().min(QUOTED_LENGTH)];
    let unreachable = |reason| Icmpv4Repr::DstUnreachable { reason, header, data };
    let icmp = match error {
        IcmpError::TimeExceeded => Icmpv4Repr::TimeExceeded { reason: Icmpv4TimeExceeded::TtlExpired, header, data },
        IcmpError::NetUnreachable => unreachable(Icmpv4DstUnreachable::NetUnreachable),
        IcmpError::PortUnreachable => unreachable(Icmpv4DstUnreachable::PortUnreachable),
    };
    Some(icmp_packet(router, source, &icmp))
}

fn is_icmp_error(packet: &[u8]) -> bool {
    let Ok(ip) = Ipv4Packet::new_checked(packet) else { return false };
    if ip.next_header() != IpProtocol::Icmp {
        return false;
    }
    let is_echo =
        |icmp: Icmpv4Packet<&[u8]>| matches!(icmp.msg_type(), Icmpv4Message::EchoRequest | Icmpv4Message::EchoReply);
    !Icmpv4Packet::new_checked(ip.payload()).is_ok_and(is_echo)
}

/// An IPv4 packet with `icmp` in it.
fn icmp_packet(source: Ipv4Addr, destination: Ipv4Addr, icmp: &Icmpv4Repr<'_>) -> Vec<u8> {
    let mut packet = ipv4_packet(source, destination, IpProtocol::Icmp, icmp.buffer_len());
    icmp.emit(&mut Icmpv4Packet::new_unchecked(&mut packet[IPV4_HEADER_LENGTH..]), &ChecksumCapabilities::default());
    packet
}

/// A packet with its header written and `payload_length` zero bytes after it.
fn ipv4_packet(source: Ipv4Addr, destination: Ipv4Addr, protocol: IpProtocol, payload_length: usize) -> Vec<u8> {
    let ip = Ipv4Repr {
        src_addr: source,
        dst_addr: destination,
        next_header: protocol,
        payload_len: payload_length,
        hop_limit: 64,
    };
    let mut packet = vec![0; IPV4_HEADER_LENGTH + payload_length];
    ip.emit(&mut Ipv4Packet::new_unchecked(&mut packet[..]), &ChecksumCapabilities::default());
    packet
}

/// A frame around an IPv4 packet.
pub(crate) fn ipv4_frame(source: MacAddress, destination: MacAddress, packet: &[u8]) -> Vec<u8> {
    frame(source, destination, EthernetProtocol::Ipv4, packet)
}

/// An ARP question for `target_ip`.
#[cfg(test)]
pub(crate) fn arp_request(sender_mac: MacAddress, sender_ip: Ipv4Addr, target_ip: Ipv4Addr) -> Vec<u8> {
    arp(ArpOperation::Request, (sender_mac, sender_ip), (MacAddress::default(), target_ip), MacAddress::BROADCAST)
}

/// The answer to an ARP question: `sender_ip` is at `sender_mac`.
pub(crate) fn arp_reply(sender_mac: MacAddress, sender_ip: Ipv4Addr, asker: Arp) -> Vec<u8> {
    arp(ArpOperation::Reply, (sender_mac, sender_ip), (asker.sender_mac, asker.sender_ip), asker.sender_mac)
}

fn arp(
    operation: ArpOperation,
    sender: (MacAddress, Ipv4Addr),
    target: (MacAddress, Ipv4Addr),
    destination: MacAddress,
) -> Vec<u8> {
    let repr = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: EthernetAddress(sender.0.0),
        source_protocol_addr: sender.1,
        target_hardware_addr: EthernetAddress(target.0.0),
        target_protocol_addr: target.1,
    };
    let mut packet = vec![0; repr.buffer_len()];
    repr.emit(&mut ArpPacket::new_unchecked(&mut packet[..]));
    frame(sender.0, destination, EthernetProtocol::Arp, &packet)
}

fn frame(source: MacAddress, destination: MacAddress, ethertype: EthernetProtocol, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; ETHERNET_HEADER_LENGTH + payload.len()];
    let header =
        EthernetRepr { src_addr: EthernetAddress(source.0), dst_addr: EthernetAddress(destination.0), ethertype };
    header.emit(&mut EthernetFrame::new_unchecked(&mut bytes[..]));
    bytes[ETHERNET_HEADER_LENGTH..].copy_from_slice(payload);
    bytes
}

/// The addresses and ports (for echoes: the identifier on the asking side) of a packet: what a translation table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Flow {
    pub(crate) protocol: Transport,
    pub(crate) source: (Ipv4Addr, u16),
    pub(crate) destination: (Ipv4Addr, u16),
}

/// The protocols that a router translates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Transport {
    Tcp,
    Udp,
    /// Echo requests and replies.
    Echo,
}

/// What kind of packet a translator has before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Translatable {
    /// A segment, datagram or echo.
    Whole(Flow),
    /// An ICMP error; the flow is that of the quoted packet.
    Quoting(Flow),
}

/// Which flow `packet` belongs to; `None` for what no translator handles (other protocols, later fragments).
pub(crate) fn flow(packet: &[u8]) -> Option<Translatable> {
    let ip = Ipv4Packet::new_checked(packet).ok()?;
    if ip.frag_offset() != 0 {
        return None;
    }
    if ip.next_header() == IpProtocol::Icmp {
        let icmp = Icmpv4Packet::new_checked(ip.payload()).ok()?;
        if matches!(icmp.msg_type(), Icmpv4Message::DstUnreachable | Icmpv4Message::TimeExceeded) {
            return quoted_flow(icmp.data()).map(Translatable::Quoting);
        }
    }
    transport_flow(&ip, ip.payload()).map(Translatable::Whole)
}

fn quoted_flow(quoted: &[u8]) -> Option<Flow> {
    let ip = quoted_header(quoted)?;
    transport_flow(&ip, quoted.get(usize::from(ip.header_len())..)?)
}

/// The header of a quoted packet, which may be cut short after 8 bytes of payload.
fn quoted_header(quoted: &[u8]) -> Option<Ipv4Packet<&[u8]>> {
    let ip = Ipv4Packet::new_unchecked(quoted);
    if quoted.len() < IPV4_HEADER_LENGTH + QUOTED_LENGTH {
        return None;
    }
    let header_length = usize::from(ip.header_len());
    let complete = header_length >= IPV4_HEADER_LENGTH && quoted.len() >= header_length + QUOTED_LENGTH;
    complete.then_some(ip)
}

/// The flow from the first 8 bytes of a transport header.
fn transport_flow(ip: &Ipv4Packet<&[u8]>, payload: &[u8]) -> Option<Flow> {
    let word = |at: usize| Some(u16::from_be_bytes([*payload.get(at)?, *payload.get(at + 1)?]));
    let (protocol, source_port, destination_port) = match ip.next_header() {
        IpProtocol::Tcp => (Transport::Tcp, word(0)?, word(2)?),
        IpProtocol::Udp => (Transport::Udp, word(0)?, word(2)?),
        // The identifier stands for the port of whoever asked.
        IpProtocol::Icmp if payload.first() == Some(&8) => (Transport::Echo, word(4)?, 0),
        IpProtocol::Icmp if payload.first() == Some(&0) => (Transport::Echo, 0, word(4)?),
        _ => return None,
    };
    Some(Flow { protocol, source: (ip.src_addr(), source_port), destination: (ip.dst_addr(), destination_port) })
}

/// Writes other ends into a packet (or, in an ICMP error, into the packet it quotes) and makes its checksums right again.
pub(crate) fn rewrite(packet: &mut [u8], kind: Translatable, to: Flow) -> Option<()> {
    match kind {
        Translatable::Whole(_) => rewrite_whole(packet, to),
        Translatable::Quoting(_) => rewrite_quoting(packet, to),
    }
}

fn rewrite_whole(packet: &mut [u8], to: Flow) -> Option<()> {
    let mut ip = Ipv4Packet::new_checked(packet).ok()?;
    ip.set_src_addr(to.source.0);
    ip.set_dst_addr(to.destination.0);
    ip.fill_checksum();
    let (source, destination) = (IpAddress::from(to.source.0), IpAddress::from(to.destination.0));
    match to.protocol {
        Transport::Tcp => {
            let mut tcp = TcpPacket::new_checked(ip.payload_mut()).ok()?;
            tcp.set_src_port(to.source.1);
            tcp.set_dst_port(to.destination.1);
            tcp.fill_checksum(&source, &destination);
        }
        Transport::Udp => {
            let mut udp = UdpPacket::new_checked(ip.payload_mut()).ok()?;
            udp.set_src_port(to.source.1);
            udp.set_dst_port(to.destination.1);
            udp.fill_checksum(&source, &destination);
        }
        Transport::Echo => {
            let mut icmp = Icmpv4Packet::new_checked(ip.payload_mut()).ok()?;
            icmp.set_echo_ident(if icmp.msg_type() == Icmpv4Message::EchoRequest {
                to.source.1
            } else {
                to.destination.1
            });
            icmp.fill_checksum();
        }
    }
    Some(())
}

/// `to` is the flow that the quoted packet shall have; the error itself goes to (or comes from) its source.
fn rewrite_quoting(packet: &mut [u8], to: Flow) -> Option<()> {
    let mut ip = Ipv4Packet::new_checked(packet).ok()?;
    ip.set_dst_addr(to.source.0);
    ip.fill_checksum();
    let mut icmp = Icmpv4Packet::new_checked(ip.payload_mut()).ok()?;
    let header_length = usize::from(quoted_header(icmp.data_mut())?.header_len());
    let mut quoted = Ipv4Packet::new_unchecked(icmp.data_mut());
    quoted.set_src_addr(to.source.0);
    quoted.set_dst_addr(to.destination.0);
    quoted.fill_checksum();
    let transport = icmp.data_mut().get_mut(header_length..)?;
    let (at, port) = match to.protocol {
        Transport::Tcp | Transport::Udp => (0, to.source.1),
        Transport::Echo => (4, to.source.1),
    };
    transport.get_mut(at..at + 2)?.copy_from_slice(&port.to_be_bytes());
    icmp.fill_checksum();
    Some(())
}

/// Source, destination and remaining hops of a packet.
pub(crate) fn addresses(packet: &[u8]) -> Option<(Ipv4Addr, Ipv4Addr, u8)> {
    let ip = Ipv4Packet::new_checked(packet).ok()?;
    Some((ip.src_addr(), ip.dst_addr(), ip.hop_limit()))
}

/// Takes one hop off; `false` if none was left and the packet must not go on.
pub(crate) fn take_hop(packet: &mut [u8]) -> bool {
    let Ok(mut ip) = Ipv4Packet::new_checked(packet) else { return false };
    let hops = ip.hop_limit();
    if hops <= 1 {
        return false;
    }
    ip.set_hop_limit(hops - 1);
    ip.fill_checksum();
    true
}

/// The reply to the echo request in `packet`; `None` if it holds none.
pub(crate) fn echo_reply(packet: &[u8]) -> Option<Vec<u8>> {
    let ip = Ipv4Packet::new_checked(packet).ok()?;
    if ip.next_header() != IpProtocol::Icmp || ip.frag_offset() != 0 || ip.more_frags() {
        return None;
    }
    let icmp = Icmpv4Packet::new_checked(ip.payload()).ok()?;
    match Icmpv4Repr::parse(&icmp, &ChecksumCapabilities::default()).ok()? {
        Icmpv4Repr::EchoRequest { ident, seq_no, data } => {
            let reply = Icmpv4Repr::EchoReply { ident, seq_no, data };
            Some(icmp_packet(ip.dst_addr(), ip.src_addr(), &reply))
        }
        _ => None,
    }
}

/// Whether the checksum above IPv4 is right; true for fragments and protocols that have none we know.
pub(crate) fn transport_is_intact(packet: &[u8]) -> bool {
    let Ok(ip) = Ipv4Packet::new_checked(packet) else { return false };
    if ip.frag_offset() != 0 || ip.more_frags() {
        return true;
    }
    let (source, destination) = (IpAddress::from(ip.src_addr()), IpAddress::from(ip.dst_addr()));
    match ip.next_header() {
        IpProtocol::Tcp => {
            TcpPacket::new_checked(ip.payload()).is_ok_and(|tcp| tcp.verify_checksum(&source, &destination))
        }
        IpProtocol::Udp => {
            UdpPacket::new_checked(ip.payload()).is_ok_and(|udp| udp.verify_checksum(&source, &destination))
        }
        IpProtocol::Icmp => Icmpv4Packet::new_checked(ip.payload()).is_ok_and(|icmp| icmp.verify_checksum()),
        _ => true,
    }
}

/// Gives a packet this many hops.
#[cfg(test)]
pub(crate) fn set_hops(packet: &mut [u8], hops: u8) {
    let mut ip = Ipv4Packet::new_checked(packet).expect("a packet");
    ip.set_hop_limit(hops);
    ip.fill_checksum();
}

/// The flags of a TCP segment that end or begin a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcpFlags {
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
}

/// The flags of the segment in `packet`.
pub(crate) fn tcp_flags(packet: &[u8]) -> Option<TcpFlags> {
    let ip = Ipv4Packet::new_checked(packet).ok()?;
    if ip.next_header() != IpProtocol::Tcp || ip.frag_offset() != 0 {
        return None;
    }
    let tcp = TcpPacket::new_checked(ip.payload()).ok()?;
    Some(TcpFlags { syn: tcp.syn(), fin: tcp.fin(), rst: tcp.rst() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOARD: Endpoint = Endpoint { ip: Ipv4Addr::new(192, 168, 1, 100), port: 4096 };
    const SERVER: Endpoint = Endpoint { ip: Ipv4Addr::new(8, 8, 8, 8), port: 53 };
    const ROUTER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 50);

    #[test]
    fn a_datagram_survives_the_round_trip() {
        let packet = udp_packet(BOARD, SERVER, b"question");
        let frame = ipv4_frame(MacAddress([2; 6]), MacAddress([4; 6]), &packet);
        let view = parse_frame(&frame).unwrap();
        let Content::Ipv4(inner) = view.content else { panic!("not IPv4") };
        assert_eq!(inner, packet);
        let datagram = parse_udp(inner).unwrap();
        assert_eq!((datagram.source, datagram.destination, datagram.payload), (BOARD, SERVER, &b"question"[..]));
    }

    #[test]
    fn padding_after_the_packet_is_not_part_of_it() {
        let packet = udp_packet(BOARD, SERVER, b"x");
        let mut frame = ipv4_frame(MacAddress([2; 6]), MacAddress([4; 6]), &packet);
        frame.resize(60, 0xaa);
        let Content::Ipv4(inner) = parse_frame(&frame).unwrap().content else { panic!("not IPv4") };
        assert_eq!(inner, packet);
    }

    #[test]
    fn rewriting_keeps_checksums_right() {
        let mut packet = udp_packet(BOARD, SERVER, b"question");
        let kind = flow(&packet).unwrap();
        let Translatable::Whole(before) = kind else { panic!("not whole") };
        rewrite(&mut packet, kind, Flow { source: (ROUTER, 50_000), ..before }).unwrap();
        let datagram = parse_udp(&packet).expect("checksums verify");
        assert_eq!(datagram.source, Endpoint { ip: ROUTER, port: 50_000 });
    }

    #[test]
    fn an_error_quotes_the_packet_and_is_translated_with_it() {
        let outside = udp_packet(Endpoint { ip: ROUTER, port: 50_000 }, SERVER, b"question");
        let mut error = icmp_error(Ipv4Addr::new(203, 0, 113, 1), &outside, IcmpError::TimeExceeded).unwrap();
        let kind = flow(&error).unwrap();
        let Translatable::Quoting(quoted) = kind else { panic!("not an error") };
        assert_eq!(quoted.source, (ROUTER, 50_000));
        rewrite(&mut error, kind, Flow { source: (BOARD.ip, BOARD.port), ..quoted }).unwrap();
        assert_eq!(addresses(&error).unwrap().1, BOARD.ip);
        let Some(Translatable::Quoting(after)) = flow(&error) else { panic!("not an error") };
        assert_eq!(after.source, (BOARD.ip, BOARD.port));
        let ip = Ipv4Packet::new_checked(&error[..]).unwrap();
        assert!(ip.verify_checksum() && Icmpv4Packet::new_checked(ip.payload()).unwrap().verify_checksum());
    }

    #[test]
    fn errors_are_never_answered_with_errors() {
        let packet = udp_packet(BOARD, SERVER, b"question");
        let error = icmp_error(ROUTER, &packet, IcmpError::NetUnreachable).unwrap();
        assert_eq!(icmp_error(ROUTER, &error, IcmpError::TimeExceeded), None);
        let broadcast = udp_packet(BOARD, Endpoint { ip: Ipv4Addr::BROADCAST, port: 1 }, b"x");
        assert_eq!(icmp_error(ROUTER, &broadcast, IcmpError::PortUnreachable), None);
    }

    #[test]
    fn hops_run_out() {
        let mut packet = udp_packet(BOARD, SERVER, b"x");
        let mut hops = 0;
        while take_hop(&mut packet) {
            hops += 1;
            assert!(parse_udp(&packet).is_some());
        }
        assert_eq!(hops, 63);
    }

    /// Cuts and damages every byte of `frame`; nothing may panic.
    fn sweep(frame: &[u8]) {
        let mut variants: Vec<Vec<u8>> = (0..frame.len()).map(|length| frame[..length].to_vec()).collect();
        for at in 0..frame.len() {
            for value in [0, 1, 0x0f, 0x45, 0x4f, 0x7f, 0xff] {
                let mut damaged = frame.to_vec();
                damaged[at] = value;
                variants.push(damaged);
            }
        }
        for bytes in variants {
            if let Some(FrameView { content: Content::Ipv4(packet), .. }) = parse_frame(&bytes) {
                poke(packet);
            }
            // Without the header's checksum in the way.
            poke(bytes.get(14..).unwrap_or_default());
        }
    }

    fn poke(packet: &[u8]) {
        echo_reply(packet);
        transport_is_intact(packet);
        parse_udp(packet);
        tcp_flags(packet);
        addresses(packet);
        icmp_error(ROUTER, packet, IcmpError::TimeExceeded);
        let mut copy = packet.to_vec();
        take_hop(&mut copy);
        if let Some(kind) = flow(&copy) {
            let (Translatable::Whole(flow) | Translatable::Quoting(flow)) = kind;
            rewrite(&mut copy, kind, flow);
        }
    }

    #[test]
    fn hostile_frames_are_refused_without_panic() {
        let packet = udp_packet(BOARD, SERVER, b"question");
        sweep(&ipv4_frame(MacAddress([2; 6]), MacAddress([4; 6]), &packet));
        sweep(&ipv4_frame(
            MacAddress([2; 6]),
            MacAddress([4; 6]),
            &icmp_error(ROUTER, &packet, IcmpError::TimeExceeded).unwrap(),
        ));
        sweep(&arp_request(MacAddress([2; 6]), BOARD.ip, SERVER.ip));
    }
}
