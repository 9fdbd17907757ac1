//! IPv4 (RFC 791), ICMP (RFC 792) and IGMP (RFC 2236).

use std::net::Ipv4Addr;
use std::ops::Range;

use super::link::HEADER as ETHERNET_HEADER;
use super::reader::{Reader, checksum};
use super::{Work, transport};

/// What the layers inside need of the IPv4 header.
#[derive(Clone, Copy)]
pub(super) struct Ipv4 {
    pub(super) source: Ipv4Addr,
    pub(super) destination: Ipv4Addr,
    pub(super) protocol: u8,
    /// Where the payload stands in the frame.
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Ipv4 {
    pub(super) fn payload(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The pseudo header that TCP and UDP include in their checksum.
    pub(super) fn pseudo_header(&self) -> [u8; 12] {
        let [a, b, c, d] = self.source.octets();
        let [e, f, g, h] = self.destination.octets();
        let [high, low] = u16::try_from(self.end.saturating_sub(self.start)).unwrap_or(u16::MAX).to_be_bytes();
        [a, b, c, d, e, f, g, h, 0, self.protocol, high, low]
    }
}

pub(super) fn ipv4(work: &mut Work<'_>) -> Option<()> {
    let mut reader = Reader::new(work.bytes, ETHERNET_HEADER..work.bytes.len());
    let first = reader.u8()?;
    let header_length = usize::from(first & 0x0f) * 4;
    reader.note("Version", first >> 4, 1);
    if first >> 4 != 4 {
        reader.error("not 4");
    }
    reader.note("Header length", format_args!("{header_length} bytes"), 1);
    let service = reader.u8()?;
    reader.note("Type of service", format_args!("0x{service:02x}"), 1);
    let total = usize::from(reader.u16()?);
    reader.note("Total length", total, 2);
    if ETHERNET_HEADER + total > work.bytes.len() {
        reader.error("beyond the end of the frame");
    }
    let identification = reader.u16()?;
    reader.note("Identification", format_args!("0x{identification:04x}"), 2);
    let fragment = reader.u16()?;
    let flags = match (fragment & 0x4000 != 0, fragment & 0x2000 != 0) {
        (true, _) => "don't fragment",
        (_, true) => "more fragments",
        _ => "none",
    };
    reader.note("Flags", flags, 2);
    reader.note("Fragment offset", usize::from(fragment & 0x1fff) * 8, 2);
    let ttl = reader.u8()?;
    reader.note("Time to live", ttl, 1);
    let protocol = reader.u8()?;
    reader.note("Protocol", format_args!("{} ({protocol})", protocol_name(protocol)), 1);
    let sum = reader.u16()?;
    reader.note("Header checksum", format_args!("0x{sum:04x}"), 2);
    let header = work.bytes.get(ETHERNET_HEADER..ETHERNET_HEADER + header_length)?;
    if checksum(&[header]) != 0 {
        reader.error("does not match the header");
    }
    let source = reader.ip()?;
    reader.note("Source", source, 4);
    let destination = reader.ip()?;
    reader.note("Destination", destination, 4);
    let options = header_length.checked_sub(20)?;
    if options > 0 {
        reader.take(options)?;
        reader.note("Options", format_args!("{options} bytes"), options);
    }
    let start = reader.at();
    work.found.layers.push(reader.layer("IPv4", format_args!("{source} → {destination}")));
    work.found.source = source.to_string();
    work.found.destination = destination.to_string();
    let end = (ETHERNET_HEADER + total).min(work.bytes.len()).max(start);
    let ip = Ipv4 { source, destination, protocol, start, end };
    let (from, to) = (work.who(source), work.who(destination));
    if fragment & 0x1fff != 0 {
        work.describe("IPv4", "Fragment", format_args!("A later piece of a packet from {from} to {to}."));
        return Some(());
    }
    let summary = format!("Protocol {protocol}");
    work.describe("IPv4", summary, format_args!("A packet from {from} to {to} of a protocol not taken apart here."));
    match protocol {
        1 => icmp(work, &ip),
        2 => igmp(work, &ip),
        6 => transport::tcp(work, &ip),
        17 => transport::udp(work, &ip),
        _ => Some(()),
    }
}

fn protocol_name(protocol: u8) -> &'static str {
    match protocol {
        1 => "ICMP",
        2 => "IGMP",
        6 => "TCP",
        17 => "UDP",
        _ => "unknown",
    }
}

fn icmp(work: &mut Work<'_>, ip: &Ipv4) -> Option<()> {
    let bytes = work.bytes.get(ip.payload())?;
    let mut reader = Reader::new(work.bytes, ip.payload());
    let kind = reader.u8()?;
    let code = reader.u8()?;
    let (name, meaning) = icmp_meaning(kind, code);
    reader.note_range("Type", format_args!("{name} ({kind})"), ip.start..ip.start + 1);
    reader.note("Code", code, 1);
    let sum = reader.u16()?;
    reader.note("Checksum", format_args!("0x{sum:04x}"), 2);
    if checksum(&[bytes]) != 0 {
        reader.error("does not match the message");
    }
    let (from, to) = (work.who(ip.source), work.who(ip.destination));
    let (summary, sentence) = if matches!(kind, 0 | 8) {
        let id = reader.u16()?;
        reader.note("Identifier", format_args!("0x{id:04x}"), 2);
        let seq = reader.u16()?;
        reader.note("Sequence number", seq, 2);
        let data = reader.rest().len();
        reader.take(data)?;
        reader.note("Data", format_args!("{data} bytes"), data);
        let sentence = if kind == 8 {
            format!("{from} pings {to} (number {seq}).")
        } else {
            format!("{from} answers the ping of {to} (number {seq}).")
        };
        (format!("{name} id=0x{id:04x} seq={seq} {data} bytes"), sentence)
    } else {
        reader.take(4)?;
        reader.note("Rest of header", "", 4);
        let quoted = reader.rest().len();
        reader.take(quoted)?;
        reader.note("Quoted packet", format_args!("{quoted} bytes"), quoted);
        (format!("{name}: {meaning}"), format!("{from} tells {to}: {meaning}."))
    };
    work.found.layers.push(reader.layer("ICMP", &summary));
    work.describe("ICMP", summary, sentence);
    Some(())
}

fn icmp_meaning(kind: u8, code: u8) -> (&'static str, &'static str) {
    match (kind, code) {
        (0, _) => ("Echo reply", ""),
        (8, _) => ("Echo request", ""),
        (3, 0) => ("Destination unreachable", "there is no way to that network"),
        (3, 1) => ("Destination unreachable", "that host does not answer"),
        (3, 3) => ("Destination unreachable", "nobody listens on that port"),
        (3, _) => ("Destination unreachable", "the packet could not be delivered"),
        (11, _) => ("Time exceeded", "the packet's time to live ran out on the way"),
        _ => ("Unknown type", "a message not taken apart here"),
    }
}

fn igmp(work: &mut Work<'_>, ip: &Ipv4) -> Option<()> {
    let bytes = work.bytes.get(ip.payload())?;
    let mut reader = Reader::new(work.bytes, ip.payload());
    let kind = reader.u8()?;
    let name = match kind {
        0x11 => "Membership query",
        0x12 | 0x16 | 0x22 => "Membership report",
        0x17 => "Leave group",
        _ => "Unknown type",
    };
    reader.note("Type", format_args!("{name} (0x{kind:02x})"), 1);
    let delay = reader.u8()?;
    reader.note("Maximum response time", format_args!("{}.{} s", delay / 10, delay % 10), 1);
    let sum = reader.u16()?;
    reader.note("Checksum", format_args!("0x{sum:04x}"), 2);
    if checksum(&[bytes]) != 0 {
        reader.error("does not match the message");
    }
    let group = reader.ip()?;
    reader.note("Group", group, 4);
    let summary = format!("{name} {group}");
    work.found.layers.push(reader.layer("IGMP", &summary));
    let who = work.who(ip.source);
    let sentence = match kind {
        0x11 => format!("{who} asks who listens to multicast groups."),
        0x17 => format!("{who} no longer listens to the group {group}."),
        _ => format!("{who} listens to the group {group}."),
    };
    work.describe("IGMP", summary, sentence);
    Some(())
}
