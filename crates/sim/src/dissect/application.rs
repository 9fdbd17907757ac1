//! What TCP and UDP carry: DHCP (RFC 2131), DNS (RFC 1035), NTP (RFC 5905), HTTP (RFC 9112), MQTT, and plain bytes.
//!
//! These are recognised by their ports, HTTP by its first line. A payload that is not what its port promises is shown as
//! data.

use std::net::Ipv4Addr;

use super::Work;
use super::internet::Ipv4;
use super::reader::{Reader, printable};

pub(super) fn over_udp(work: &mut Work<'_>, ip: &Ipv4, start: usize, source: u16, destination: u16) {
    let known = match (source, destination) {
        (67 | 68, 67 | 68) => dhcp(work, ip, start),
        (53, _) | (_, 53) => dns(work, ip, start),
        (123, _) | (_, 123) => ntp(work, ip, start),
        _ => None,
    };
    if known.is_none() {
        data(work, ip, start);
    }
}

pub(super) fn over_tcp(work: &mut Work<'_>, ip: &Ipv4, start: usize) {
    if http(work, ip, start).is_none() {
        data(work, ip, start);
    }
}

fn data(work: &mut Work<'_>, ip: &Ipv4, start: usize) {
    let mut reader = Reader::new(work.bytes, start..ip.end);
    let length = reader.rest().len();
    let Some(bytes) = reader.take(length).filter(|bytes| !bytes.is_empty()) else { return };
    reader.note("Data", printable(bytes, 200), length);
    work.found.layers.push(reader.layer("Data", format_args!("{length} bytes")));
}

fn dns(work: &mut Work<'_>, ip: &Ipv4, start: usize) -> Option<()> {
    let message = work.bytes.get(start..ip.end)?;
    let mut reader = Reader::new(work.bytes, start..ip.end);
    let id = reader.u16()?;
    reader.note("Identifier", format_args!("0x{id:04x}"), 2);
    let flags = reader.u16()?;
    let answer = flags & 0x8000 != 0;
    let code = flags & 0x0f;
    let code_name = match code {
        0 => "no error",
        1 => "format error",
        2 => "server failure",
        3 => "no such name",
        4 => "not implemented",
        5 => "refused",
        _ => "unknown error",
    };
    reader.note(
        "Flags",
        format_args!("{}, {code_name} (0x{flags:04x})", if answer { "answer" } else { "question" }),
        2,
    );
    let counts: [u16; 4] = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
    let [questions, answers, authorities, additional] = counts;
    reader.note(
        "Counts",
        format_args!("{questions} questions, {answers} answers, {authorities} authorities, {additional} additional"),
        8,
    );
    let mut asked = String::new();
    for _ in 0..questions {
        let begin = reader.at();
        let name = dns_name(message, &mut reader, start)?;
        let kind = reader.u16()?;
        reader.u16()?;
        reader.note_range("Question", format_args!("{name} {}", dns_type(kind)), begin..reader.at());
        asked = name;
    }
    let mut addresses = Vec::new();
    for _ in 0..answers {
        let begin = reader.at();
        let name = dns_name(message, &mut reader, start)?;
        let kind = reader.u16()?;
        reader.u16()?;
        let ttl = reader.u32()?;
        let length = usize::from(reader.u16()?);
        let value = reader.take(length)?;
        let shown = match (kind, <[u8; 4]>::try_from(value)) {
            (1, Ok(octets)) => {
                let address = Ipv4Addr::from(octets);
                addresses.push(address.to_string());
                address.to_string()
            }
            _ => format!("{length} bytes"),
        };
        reader.note_range(
            "Answer",
            format_args!("{name} {} {shown} (for {ttl} s)", dns_type(kind)),
            begin..reader.at(),
        );
    }
    reader.take(reader.rest().len())?;
    let (from, to) = (work.who(ip.source), work.who(ip.destination));
    let (summary, sentence) = if !answer {
        (format!("Question {asked}"), format!("{from} asks {to} for the address of {asked}."))
    } else if code != 0 {
        (format!("Answer {asked}: {code_name}"), format!("{from} answers {to} about {asked}: {code_name}."))
    } else if addresses.is_empty() {
        (format!("Answer {asked}: no address"), format!("{from} answers {to} that {asked} has no address."))
    } else {
        let list = addresses.join(", ");
        (format!("Answer {asked} A {list}"), format!("{from} answers {to} that {asked} is {list}."))
    };
    work.found.layers.push(reader.layer("DNS", &summary));
    work.describe("DNS", summary, sentence);
    Some(())
}

fn dns_type(kind: u16) -> &'static str {
    match kind {
        1 => "A",
        5 => "CNAME",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        _ => "other",
    }
}

/// Reads a name and follows its pointers; a pointer may only lead backwards, so that it ends.
fn dns_name(message: &[u8], reader: &mut Reader<'_>, start: usize) -> Option<String> {
    let mut name = String::new();
    let mut at = reader.at() - start;
    let mut read_to = None;
    let mut earliest = at;
    loop {
        let length = *message.get(at)?;
        match length {
            0 => break,
            1..=63 => {
                let label = message.get(at + 1..at + 1 + usize::from(length))?;
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(&printable(label, 63));
                at += 1 + usize::from(length);
            }
            192.. => {
                let target = (usize::from(length & 0x3f) << 8) | usize::from(*message.get(at + 1)?);
                read_to.get_or_insert(at + 2);
                if target >= earliest {
                    return None;
                }
                (at, earliest) = (target, target);
            }
            _ => return None,
        }
    }
    let end = read_to.unwrap_or(at + 1);
    reader.take((start + end).checked_sub(reader.at())?)?;
    Some(if name.is_empty() { ".".into() } else { name })
}

fn dhcp(work: &mut Work<'_>, ip: &Ipv4, start: usize) -> Option<()> {
    let mut reader = Reader::new(work.bytes, start..ip.end);
    let operation = reader.u8()?;
    reader.note("Operation", if operation == 1 { "request" } else { "reply" }, 1);
    reader.take(3)?;
    let transaction = reader.u32()?;
    reader.note("Transaction", format_args!("0x{transaction:08x}"), 4);
    reader.take(4)?;
    let client = reader.ip()?;
    reader.note("Client address", client, 4);
    let offered = reader.ip()?;
    reader.note("Your address", offered, 4);
    reader.take(8)?;
    let mac = super::link::mac(reader.read()?);
    reader.note("Client MAC", &mac, 6);
    reader.take(10 + 64 + 128)?;
    if reader.u32()? != 0x6382_5363 {
        return None;
    }
    let mut kind = 0;
    let mut requested = None;
    loop {
        let option = reader.u8()?;
        match option {
            0 => continue,
            255 => break,
            _ => {}
        }
        let length = usize::from(reader.u8()?);
        let value = reader.take(length)?;
        let address = <[u8; 4]>::try_from(value).ok().map(Ipv4Addr::from);
        let (name, shown) = match (option, value, address) {
            (53, [message], _) => {
                kind = *message;
                ("Message type", dhcp_message(kind).to_owned())
            }
            (50, _, Some(address)) => {
                requested = Some(address);
                ("Requested address", address.to_string())
            }
            (1, _, Some(address)) => ("Subnet mask", address.to_string()),
            (3, _, Some(address)) => ("Router", address.to_string()),
            (6, _, _) => ("Name servers", addresses(value)),
            (12, _, _) => ("Host name", printable(value, 64)),
            (28, _, Some(address)) => ("Broadcast address", address.to_string()),
            (42, _, _) => ("Time servers", addresses(value)),
            (51, _, Some(seconds)) => ("Lease time", format!("{} s", u32::from(seconds))),
            (54, _, Some(address)) => ("Server", address.to_string()),
            (55, _, _) => {
                ("Asked for", format!("options {}", value.iter().map(u8::to_string).collect::<Vec<_>>().join(" ")))
            }
            (57, [high, low], _) => ("Largest message", u16::from_be_bytes([*high, *low]).to_string()),
            _ => ("Option", format!("{option}, {length} bytes")),
        };
        reader.note(name, shown, length + 2);
    }
    reader.take(reader.rest().len())?;
    let name = dhcp_message(kind);
    let sentence = match (kind, requested) {
        (1, _) => format!("{mac} asks every DHCP server for an address."),
        (2, _) => format!("{} offers {mac} the address {offered}.", work.who(ip.source)),
        (3, Some(address)) => format!("{mac} asks to have the address {address}."),
        (3, None) => format!("{mac} asks to keep the address {client}."),
        (5, _) => format!("{} gives {mac} the address {offered}.", work.who(ip.source)),
        (6, _) => format!("{} refuses {mac} the address.", work.who(ip.source)),
        (4, _) => format!("{mac} says that the address is already in use."),
        (7, _) => format!("{mac} gives its address {client} back."),
        _ => "A DHCP message.".to_owned(),
    };
    let summary = format!("DHCP {name} - Transaction 0x{transaction:08x}");
    work.found.layers.push(reader.layer("DHCP", &summary));
    work.describe("DHCP", summary, sentence);
    Some(())
}

fn addresses(bytes: &[u8]) -> String {
    let list: Vec<_> =
        bytes.chunks_exact(4).map(|part| Ipv4Addr::new(part[0], part[1], part[2], part[3]).to_string()).collect();
    list.join(", ")
}

fn dhcp_message(kind: u8) -> &'static str {
    match kind {
        1 => "Discover",
        2 => "Offer",
        3 => "Request",
        4 => "Decline",
        5 => "Ack",
        6 => "Nak",
        7 => "Release",
        8 => "Inform",
        _ => "message",
    }
}

fn ntp(work: &mut Work<'_>, ip: &Ipv4, start: usize) -> Option<()> {
    let mut reader = Reader::new(work.bytes, start..ip.end);
    let first = reader.u8()?;
    let mode = first & 0x07;
    let mode_name = match mode {
        3 => "client",
        4 => "server",
        5 => "broadcast",
        _ => "other",
    };
    reader.note("Version and mode", format_args!("{}, {mode_name}", (first >> 3) & 0x07), 1);
    let stratum = reader.u8()?;
    reader.note("Stratum", stratum, 1);
    reader.take(2 + 8 + 4)?;
    for name in ["Reference time", "Origin time", "Receive time", "Transmit time"] {
        let seconds = reader.u32()?;
        let fraction = reader.u32()?;
        reader.note(name, format_args!("{seconds}.{:03} s", (u64::from(fraction) * 1000) >> 32), 8);
    }
    reader.take(reader.rest().len())?;
    let (from, to) = (work.who(ip.source), work.who(ip.destination));
    let sentence = if mode == 3 {
        format!("{from} asks {to} what time it is.")
    } else {
        format!("{from} tells {to} what time it is.")
    };
    let summary = format!("NTP {mode_name}");
    work.found.layers.push(reader.layer("NTP", &summary));
    work.describe("NTP", summary, sentence);
    Some(())
}

fn http(work: &mut Work<'_>, ip: &Ipv4, start: usize) -> Option<()> {
    let payload = work.bytes.get(start..ip.end)?;
    let first_end = payload.windows(2).position(|pair| pair == b"\r\n")?;
    let first = std::str::from_utf8(&payload[..first_end]).ok()?;
    let request = ["GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ", "PATCH "];
    let is_request = request.iter().any(|method| first.starts_with(method)) && first.contains(" HTTP/");
    if !is_request && !first.starts_with("HTTP/") {
        return None;
    }
    let first = first.to_owned();
    let mut reader = Reader::new(work.bytes, start..ip.end);
    reader.take(first_end + 2)?;
    reader.note(if is_request { "Request" } else { "Status" }, &first, first_end + 2);
    while let Some(end) = reader.rest().windows(2).position(|pair| pair == b"\r\n") {
        let line = reader.take(end + 2)?;
        if end == 0 {
            break;
        }
        let line = String::from_utf8_lossy(&line[..end]);
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        reader.note(name, value.trim(), end + 2);
    }
    let body = reader.rest().len();
    if body > 0 {
        let bytes = reader.take(body)?;
        reader.note("Body", printable(bytes, 200), body);
    }
    let (from, to) = (work.who(ip.source), work.who(ip.destination));
    let sentence = if is_request {
        let mut words = first.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        format!("{from} requests {path} from {to} ({method}).")
    } else {
        let status = first.split_once(' ').map_or("", |(_, status)| status);
        format!("{from} answers {to}: {status}.")
    };
    work.found.layers.push(reader.layer("HTTP", &first));
    work.describe("HTTP", first, sentence);
    Some(())
}
