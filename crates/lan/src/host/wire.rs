//! Reading and writing packet headers, on smoltcp's wire formats.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::rc::Rc;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    Icmpv4Packet, Icmpv4Repr, IpAddress, IpProtocol, Ipv4Packet, Ipv4Repr, TcpPacket, UdpPacket, UdpRepr,
};
use trace::{Endpoint, FrameBytes};

use super::device::blank_frame;
use crate::address::MacAddress;

/// Bytes of an Ethernet header.
pub(crate) const ETHERNET_HEADER: usize = 14;
/// Bytes of an IPv4 header without options.
pub(crate) const IPV4_HEADER: usize = 20;
/// Where the protocol and both addresses are in it.
const IPV4_PROTOCOL: usize = 9;
const IPV4_ADDRESSES: Range<usize> = 12..20;
/// Where the checksum of a TCP segment is.
const TCP_CHECKSUM: Range<usize> = 16..18;
/// EtherType of IPv4.
pub(crate) const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
/// EtherType of ARP.
pub(crate) const ETHERTYPE_ARP: [u8; 2] = [0x08, 0x06];

/// The fixed part of an Ethernet header.
pub(crate) struct Ethernet {
    pub(crate) destination: MacAddress,
    pub(crate) source: MacAddress,
    pub(crate) ethertype: [u8; 2],
}

impl Ethernet {
    pub(crate) fn parse(frame: &[u8]) -> Option<Ethernet> {
        let header = frame.first_chunk::<ETHERNET_HEADER>()?;
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = *header;
        Some(Ethernet {
            destination: MacAddress([d0, d1, d2, d3, d4, d5]),
            source: MacAddress([s0, s1, s2, s3, s4, s5]),
            ethertype: [t0, t1],
        })
    }

    /// Fills in the header of a frame that nobody else holds yet.
    pub(crate) fn write(&self, frame: &mut FrameBytes) {
        let bytes = exclusive(frame);
        bytes[0..6].copy_from_slice(&self.destination.0);
        bytes[6..12].copy_from_slice(&self.source.0);
        bytes[12..14].copy_from_slice(&self.ethertype);
    }
}

/// The bytes of `frame` for writing, copied first if someone else holds them.
pub(crate) fn exclusive(frame: &mut FrameBytes) -> &mut [u8] {
    if Rc::get_mut(frame).is_none() {
        *frame = Rc::from(&frame[..]);
    }
    Rc::get_mut(frame).expect("made exclusive above")
}

/// What this crate reads of an IPv4 header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ipv4 {
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
    pub(crate) protocol: IpProtocol,
    pub(crate) ttl: u8,
    /// Where the payload begins and ends in the frame.
    pub(crate) payload: (usize, usize),
    pub(crate) is_fragment: bool,
}

impl Ipv4 {
    /// Reads the header of the packet in an Ethernet frame.
    pub(crate) fn parse(frame: &[u8]) -> Option<Ipv4> {
        let packet = Ipv4Packet::new_checked(frame.get(ETHERNET_HEADER..)?).ok()?;
        if packet.version() != 4 {
            return None;
        }
        let start = ETHERNET_HEADER + usize::from(packet.header_len());
        Some(Ipv4 {
            source: packet.src_addr(),
            destination: packet.dst_addr(),
            protocol: packet.next_header(),
            ttl: packet.hop_limit(),
            payload: (start, ETHERNET_HEADER + usize::from(packet.total_len())),
            is_fragment: packet.more_frags() || packet.frag_offset() != 0,
        })
    }

    pub(crate) fn payload_of<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        frame.get(self.payload.0..self.payload.1).unwrap_or_default()
    }
}

/// Whether every checksum that `frame` carries is right.
pub(crate) fn checksums_hold(frame: &[u8]) -> bool {
    let Some(Ipv4 { source, destination, protocol, payload, is_fragment, .. }) = Ipv4::parse(frame) else {
        // ARP has none. A packet that cannot be read has a damaged header.
        return frame.get(12..14) != Some(&ETHERTYPE_IPV4);
    };
    let header = Ipv4Packet::new_unchecked(&frame[ETHERNET_HEADER..]);
    if !header.verify_checksum() {
        return false;
    }
    let payload = &frame[payload.0..payload.1];
    let (source, destination) = (IpAddress::Ipv4(source), IpAddress::Ipv4(destination));
    match protocol {
        _ if is_fragment => true,
        IpProtocol::Tcp => TcpPacket::new_checked(payload).is_ok_and(|p| p.verify_checksum(&source, &destination)),
        IpProtocol::Udp => UdpPacket::new_checked(payload).is_ok_and(|p| p.verify_checksum(&source, &destination)),
        IpProtocol::Icmp => Icmpv4Packet::new_checked(payload).is_ok_and(|p| p.verify_checksum()),
        _ => true,
    }
}

/// Puts the right checksum into the TCP segment of a frame whose IPv4 header has no options; leaves other frames alone.
pub(crate) fn fill_tcp_checksum(frame: &mut [u8]) {
    let Some((header, segment)) = frame.split_at_mut_checked(ETHERNET_HEADER + IPV4_HEADER) else { return };
    let ip = &header[ETHERNET_HEADER..];
    if ip[IPV4_PROTOCOL] != u8::from(IpProtocol::Tcp) || segment.len() < TCP_CHECKSUM.end {
        return;
    }
    segment[TCP_CHECKSUM].fill(0);
    // RFC 9293, section 3.1: over the addresses, the protocol and the length, too.
    let protocol_and_length = u16::from(ip[IPV4_PROTOCOL]).wrapping_add(segment.len() as u16).to_be();
    let words = sum_of_words(&ip[IPV4_ADDRESSES]) + sum_of_words(segment) + u64::from(protocol_and_length);
    let checksum = !folded(words);
    segment[TCP_CHECKSUM].copy_from_slice(&checksum.to_ne_bytes());
}

/// The sum of all 32-bit words in the machine's own order, the last one filled up with zeros. Folded, it is the sum of the
/// 16-bit words in that order (RFC 1071, sections 2(B) and 2(C)).
fn sum_of_words(bytes: &[u8]) -> u64 {
    let (pairs, rest) = bytes.as_chunks::<8>();
    let (mut even, mut odd) = (0, 0);
    for pair in pairs {
        let pair = u64::from_ne_bytes(*pair);
        even += pair & u64::from(u32::MAX);
        odd += pair >> 32;
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let last = u64::from_ne_bytes(last);
    even + odd + (last & u64::from(u32::MAX)) + (last >> 32)
}

/// Adds the carries of a sum in one's complement until it fits (RFC 1071, section 1).
fn folded(mut sum: u64) -> u16 {
    while sum > u64::from(u16::MAX) {
        sum = (sum & u64::from(u16::MAX)) + (sum >> 16);
    }
    sum as u16
}

/// An IPv4 packet with `length` bytes of payload that `fill` writes, in a frame without Ethernet header.
pub(crate) fn ipv4_frame(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: IpProtocol,
    ttl: u8,
    length: usize,
    fill: impl FnOnce(&mut [u8]),
) -> FrameBytes {
    let header = Ipv4Repr {
        src_addr: source,
        dst_addr: destination,
        next_header: protocol,
        payload_len: length,
        hop_limit: ttl,
    };
    let mut frame = blank_frame(IPV4_HEADER + length);
    let bytes = &mut exclusive(&mut frame)[ETHERNET_HEADER..];
    header.emit(&mut Ipv4Packet::new_unchecked(&mut *bytes), &ChecksumCapabilities::default());
    fill(&mut bytes[IPV4_HEADER..]);
    frame
}

/// A UDP datagram.
pub(crate) fn udp_frame(from: Endpoint, to: Endpoint, ttl: u8, data: &[u8]) -> FrameBytes {
    let header = UdpRepr { src_port: from.port, dst_port: to.port };
    let length = header.header_len() + data.len();
    ipv4_frame(from.ip, to.ip, IpProtocol::Udp, ttl, length, |payload| {
        header.emit(
            &mut UdpPacket::new_unchecked(payload),
            &IpAddress::Ipv4(from.ip),
            &IpAddress::Ipv4(to.ip),
            data.len(),
            |body| body.copy_from_slice(data),
            &ChecksumCapabilities::default(),
        );
    })
}

/// An ICMP message.
pub(crate) fn icmp_frame(source: Ipv4Addr, destination: Ipv4Addr, ttl: u8, message: &Icmpv4Repr) -> FrameBytes {
    ipv4_frame(source, destination, IpProtocol::Icmp, ttl, message.buffer_len(), |payload| {
        message.emit(&mut Icmpv4Packet::new_unchecked(payload), &ChecksumCapabilities::default());
    })
}

/// Sets the time to live of the packet in `frame` and makes its header checksum right again.
pub(crate) fn set_ttl(frame: &mut FrameBytes, ttl: u8) {
    if frame[ETHERNET_HEADER + 8] != ttl {
        let mut packet = Ipv4Packet::new_unchecked(&mut exclusive(frame)[ETHERNET_HEADER..]);
        packet.set_hop_limit(ttl);
        packet.fill_checksum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_checksums_are_right_at_every_length() {
        let (source, destination) = (Ipv4Addr::new(192, 168, 1, 100), Ipv4Addr::new(255, 254, 253, 252));
        let mut random = fastrand::Rng::with_seed(1);
        for length in 20..=1480 {
            let mut frame = ipv4_frame(source, destination, IpProtocol::Tcp, 64, length, |segment| {
                // Large bytes make carries.
                segment.fill_with(|| random.u8(..) | 0xC0);
                segment[12] = 5 << 4;
            });
            fill_tcp_checksum(exclusive(&mut frame));
            assert!(checksums_hold(&frame), "{length} bytes");
        }
    }

    #[test]
    fn a_frame_too_short_for_a_segment_is_left_alone() {
        for length in 0..18 {
            let ip = Ipv4Addr::UNSPECIFIED;
            let mut frame = ipv4_frame(ip, ip, IpProtocol::Tcp, 64, length, |_| {});
            let before = frame.clone();
            fill_tcp_checksum(exclusive(&mut frame));
            assert_eq!(frame, before);
        }
    }
}
