//! Ethernet II and ARP (RFC 826).

use super::reader::Reader;
use super::{Work, internet};

const TYPE_IPV4: u16 = 0x0800;
const TYPE_ARP: u16 = 0x0806;
const TYPE_IPV6: u16 = 0x86dd;

/// Length of the Ethernet header.
pub(super) const HEADER: usize = 14;

pub(super) fn ethernet(work: &mut Work<'_>) -> Option<()> {
    let mut reader = Reader::new(work.bytes, 0..work.bytes.len());
    let destination = mac(reader.read()?);
    reader.note("Destination", &destination, 6);
    let source = mac(reader.read()?);
    reader.note("Source", &source, 6);
    let kind = reader.u16()?;
    let kind_name = match kind {
        TYPE_IPV4 => "IPv4",
        TYPE_ARP => "ARP",
        TYPE_IPV6 => "IPv6",
        _ => "unknown",
    };
    reader.note("Type", format_args!("{kind_name} (0x{kind:04x})"), 2);
    work.found.layers.push(reader.layer("Ethernet", format_args!("{source} → {destination}")));
    work.found.source = source;
    work.found.destination = if destination == "ff:ff:ff:ff:ff:ff" { "broadcast".into() } else { destination };
    work.describe("Ethernet", format_args!("Type 0x{kind:04x}"), "A frame of a protocol that is not taken apart here.");
    match kind {
        TYPE_IPV4 => internet::ipv4(work),
        TYPE_ARP => arp(work),
        _ => Some(()),
    }
}

fn arp(work: &mut Work<'_>) -> Option<()> {
    let mut reader = Reader::new(work.bytes, HEADER..work.bytes.len());
    let hardware = reader.u16()?;
    reader.note("Hardware type", hardware, 2);
    let protocol = reader.u16()?;
    reader.note("Protocol type", format_args!("0x{protocol:04x}"), 2);
    let lengths = reader.read::<2>()?;
    reader.note("Address lengths", format_args!("{} and {}", lengths[0], lengths[1]), 2);
    let operation = reader.u16()?;
    let operation_name = match operation {
        1 => "request",
        2 => "reply",
        _ => "unknown",
    };
    reader.note("Operation", format_args!("{operation_name} ({operation})"), 2);
    let sender_mac = mac(reader.read()?);
    reader.note("Sender MAC", &sender_mac, 6);
    let sender = reader.ip()?;
    reader.note("Sender IP", sender, 4);
    let target_mac = mac(reader.read()?);
    reader.note("Target MAC", &target_mac, 6);
    let target = reader.ip()?;
    reader.note("Target IP", target, 4);
    let (summary, sentence) = match operation {
        1 if sender == target => {
            (format!("Announcement for {sender}"), format!("{} announces that it has {sender}.", work.who(sender)))
        }
        1 if sender.is_unspecified() => {
            (format!("Who has {target}? (probe)"), format!("{sender_mac} asks whether anyone already has {target}."))
        }
        1 => (
            format!("Who has {target}? Tell {sender}"),
            format!("{} asks who has the address {target}.", work.who(sender)),
        ),
        _ => (
            format!("{sender} is at {sender_mac}"),
            format!("{} answers that {sender} is at {sender_mac}.", work.who(sender)),
        ),
    };
    work.found.layers.push(reader.layer("ARP", &summary));
    work.describe("ARP", summary, sentence);
    Some(())
}

pub(super) fn mac(bytes: [u8; 6]) -> String {
    let [a, b, c, d, e, f] = bytes;
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}
