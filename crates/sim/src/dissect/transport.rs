//! TCP (RFC 9293) and UDP (RFC 768).

use std::net::Ipv4Addr;

use trace::{Endpoint, Protocol};

use super::Work;
use super::application;
use super::internet::Ipv4;
use super::reader::{Reader, checksum, printable};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;
const URG: u8 = 0x20;

pub(super) fn tcp(work: &mut Work<'_>, ip: &Ipv4) -> Option<()> {
    let mut reader = Reader::new(work.bytes, ip.payload());
    let source = reader.u16()?;
    reader.note("Source port", source, 2);
    let destination = reader.u16()?;
    reader.note("Destination port", destination, 2);
    let seq = reader.u32()?;
    reader.note("Sequence number", seq, 4);
    let ack = reader.u32()?;
    reader.note("Acknowledgement number", ack, 4);
    let header_length = usize::from(reader.u8()? >> 4) * 4;
    reader.note("Header length", format_args!("{header_length} bytes"), 1);
    let flags = reader.u8()?;
    let flag_names = flag_names(flags);
    reader.note("Flags", format_args!("{flag_names} (0x{flags:02x})"), 1);
    let window = reader.u16()?;
    reader.note("Window", window, 2);
    let sum = reader.u16()?;
    reader.note("Checksum", format_args!("0x{sum:04x}"), 2);
    if checksum(&[&ip.pseudo_header(), work.bytes.get(ip.payload())?]) != 0 {
        reader.error("does not match the segment");
    }
    let urgent = reader.u16()?;
    reader.note("Urgent pointer", urgent, 2);
    let mss = options(&mut reader, ip.start + header_length)?;
    let payload = reader.rest();

    let mut summary = format!("{source} → {destination} [{flag_names}] Seq={seq}");
    if flags & ACK != 0 {
        summary += &format!(" Ack={ack}");
    }
    summary += &format!(" Win={window} Len={}", payload.len());
    if let Some(mss) = mss {
        summary += &format!(" MSS={mss}");
    }
    let start = reader.at();
    work.found.layers.push(reader.layer("TCP", &summary));
    work.transport(Protocol::Tcp, source, destination, payload.len(), Some(flag_names));
    let sentence = tcp_sentence(work, ip, flags, source, destination, window, payload);
    work.describe("TCP", summary, sentence);
    if !payload.is_empty() {
        application::over_tcp(work, ip, start);
    }
    Some(())
}

fn options(reader: &mut Reader<'_>, end: usize) -> Option<Option<u16>> {
    let mut mss = None;
    while reader.at() < end {
        match reader.u8()? {
            0 => {
                reader.take(end.saturating_sub(reader.at()))?;
            }
            1 => reader.note("Option", "no operation", 1),
            kind => {
                let length = usize::from(reader.u8()?);
                let value = reader.take(length.checked_sub(2)?)?;
                match (kind, value) {
                    (2, [high, low]) => {
                        let size = u16::from_be_bytes([*high, *low]);
                        mss = Some(size);
                        reader.note("Option", format_args!("maximum segment size {size}"), length);
                    }
                    (3, [shift]) => reader.note("Option", format_args!("window scale {shift}"), length),
                    (4, _) => reader.note("Option", "selective acknowledgement permitted", length),
                    (5, _) => reader.note("Option", "selective acknowledgement", length),
                    (8, _) => reader.note("Option", "timestamps", length),
                    _ => reader.note("Option", format_args!("kind {kind}"), length),
                }
            }
        }
    }
    Some(mss)
}

fn flag_names(flags: u8) -> String {
    let names = [(SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (ACK, "ACK"), (URG, "URG")];
    let set: Vec<_> = names.into_iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| name).collect();
    if set.is_empty() { "none".into() } else { set.join(", ") }
}

fn tcp_sentence(
    work: &Work<'_>,
    ip: &Ipv4,
    flags: u8,
    source: u16,
    destination: u16,
    window: u16,
    payload: &[u8],
) -> String {
    let (from, to) = (work.who(ip.source), work.who(ip.destination));
    let length = payload.len();
    if flags & RST != 0 {
        return if flags & ACK != 0 && length == 0 {
            format!("{from} refuses or resets the connection with {to} (port {source}).")
        } else {
            format!("{from} resets the connection with {to}.")
        };
    }
    if flags & (SYN | ACK) == SYN {
        return format!("{from} asks {to} to open a connection to port {destination}.");
    }
    if flags & SYN != 0 {
        return format!("{from} accepts the connection of {to} to port {source}.");
    }
    let text = printable(payload, 40);
    match (length, flags & FIN != 0) {
        (0, true) => format!("{from} has nothing more to send to {to} and closes its side."),
        (0, false) if window == 0 => format!("{from} confirms what came and asks {to} to pause (its window is full)."),
        (0, false) => format!("{from} confirms to {to} what came so far."),
        (_, true) => format!("{from} sends {to} its last {length} bytes (“{text}”) and closes its side."),
        (_, false) => format!("{from} sends {to} {length} bytes: “{text}”."),
    }
}

pub(super) fn udp(work: &mut Work<'_>, ip: &Ipv4) -> Option<()> {
    let mut reader = Reader::new(work.bytes, ip.payload());
    let source = reader.u16()?;
    reader.note("Source port", source, 2);
    let destination = reader.u16()?;
    reader.note("Destination port", destination, 2);
    let length = reader.u16()?;
    reader.note("Length", length, 2);
    if usize::from(length) != ip.end.saturating_sub(ip.start) {
        reader.error("does not match the packet");
    }
    let sum = reader.u16()?;
    reader.note("Checksum", format_args!("0x{sum:04x}"), 2);
    if sum != 0 && checksum(&[&ip.pseudo_header(), work.bytes.get(ip.payload())?]) != 0 {
        reader.error("does not match the datagram");
    }
    let start = reader.at();
    let payload = reader.rest();
    let summary = format!("{source} → {destination} Len={}", payload.len());
    work.found.layers.push(reader.layer("UDP", &summary));
    work.transport(Protocol::Udp, source, destination, payload.len(), None);
    let (from, to) = (work.who(ip.source), work.who(ip.destination));
    let text = printable(payload, 40);
    let sentence =
        format!("{from} sends a datagram of {} bytes to port {destination} of {to}: “{text}”.", payload.len());
    work.describe("UDP", summary, sentence);
    application::over_udp(work, ip, start, source, destination);
    Some(())
}

/// What a stream needs to know of a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcpSegment<'a> {
    pub(crate) source: Endpoint,
    pub(crate) destination: Endpoint,
    pub(crate) seq: u32,
    pub(crate) syn: bool,
    pub(crate) payload: &'a [u8],
}

/// What a stream needs to know of a UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UdpDatagram<'a> {
    pub(crate) source: Endpoint,
    pub(crate) destination: Endpoint,
    pub(crate) payload: &'a [u8],
}

/// The TCP segment in an Ethernet frame, if it is one.
pub(crate) fn segment_of(frame: &[u8]) -> Option<TcpSegment<'_>> {
    let (source, destination, segment) = ip_payload(frame, 6)?;
    let port = |at: usize| Some(u16::from_be_bytes([*segment.get(at)?, *segment.get(at + 1)?]));
    let header_length = usize::from(segment.get(12)? >> 4) * 4;
    Some(TcpSegment {
        source: Endpoint { ip: source, port: port(0)? },
        destination: Endpoint { ip: destination, port: port(2)? },
        seq: u32::from_be_bytes(segment.get(4..8)?.try_into().ok()?),
        syn: segment.get(13)? & SYN != 0,
        payload: segment.get(header_length.max(20)..)?,
    })
}

/// The UDP datagram in an Ethernet frame, if it is one.
pub(crate) fn datagram_of(frame: &[u8]) -> Option<UdpDatagram<'_>> {
    let (source, destination, datagram) = ip_payload(frame, 17)?;
    let port = |at: usize| Some(u16::from_be_bytes([*datagram.get(at)?, *datagram.get(at + 1)?]));
    Some(UdpDatagram {
        source: Endpoint { ip: source, port: port(0)? },
        destination: Endpoint { ip: destination, port: port(2)? },
        payload: datagram.get(8..)?,
    })
}

fn ip_payload(frame: &[u8], protocol: u8) -> Option<(Ipv4Addr, Ipv4Addr, &[u8])> {
    if frame.get(12..14)? != [0x08, 0x00] {
        return None;
    }
    let packet = frame.get(14..)?;
    let header_length = usize::from(packet.first()? & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
    let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?));
    if *packet.get(9)? != protocol {
        return None;
    }
    Some((address(12)?, address(16)?, packet.get(header_length.max(20)..total.min(packet.len()))?))
}
