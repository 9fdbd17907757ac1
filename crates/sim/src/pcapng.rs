//! Captures for packet analysers: every frame that was sent, once, with the line of Lua that caused it as its comment.
//!
//! One interface per host. A frame stands at the time it was sent; that it was lost later does not remove it, as with a
//! capture taken at the sender.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration as StdDuration;

use pcap_file::DataLink;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use trace::{HostId, Kind, Record, Trace};

/// Longest frame that a link carries, for the interface description.
const SNAPSHOT_LENGTH: u32 = 65_535;
/// Timestamps in units of 10^-9 seconds.
const RESOLUTION_NANOSECONDS: u8 = 9;

/// Writes the kept frames as pcapng; only those in `frames` when it is given. `name_of` names a host's interface.
pub fn capture(trace: &Trace, frames: Option<&[u64]>, name_of: &dyn Fn(HostId) -> String) -> Vec<u8> {
    // Writing to memory cannot fail, and neither can a block that is built here.
    write(trace, frames, name_of).unwrap_or_default()
}

fn write(
    trace: &Trace,
    frames: Option<&[u64]>,
    name_of: &dyn Fn(HostId) -> String,
) -> Result<Vec<u8>, pcap_file::PcapError> {
    let mut writer = PcapNgWriter::new(Vec::new())?;
    let mut interfaces = BTreeMap::new();
    for record in trace.since(None) {
        let Kind::FrameSent { bytes, .. } = &record.kind else { continue };
        if frames.is_some_and(|frames| !frames.contains(&record.id.get())) {
            continue;
        }
        let next = u32::try_from(interfaces.len()).unwrap_or(u32::MAX);
        let interface = match interfaces.get(&record.host) {
            Some(known) => *known,
            None => {
                writer.write_pcapng_block(interface_block(name_of(record.host)))?;
                interfaces.insert(record.host, next);
                next
            }
        };
        let comment = cause_in_words(trace, &record, name_of);
        writer.write_pcapng_block(EnhancedPacketBlock {
            interface_id: interface,
            timestamp: StdDuration::from_micros(record.at.as_micros()),
            original_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            data: Cow::Borrowed(bytes),
            options: comment.map(|text| EnhancedPacketOption::Comment(Cow::Owned(text))).into_iter().collect(),
        })?;
    }
    Ok(writer.into_inner())
}

fn interface_block(name: String) -> InterfaceDescriptionBlock<'static> {
    InterfaceDescriptionBlock {
        linktype: DataLink::ETHERNET,
        snaplen: SNAPSHOT_LENGTH,
        options: vec![
            InterfaceDescriptionOption::IfName(Cow::Owned(name)),
            InterfaceDescriptionOption::IfTsResol(RESOLUTION_NANOSECONDS),
        ],
    }
}

/// The nearest call of Lua, or input of a person, among the causes of a frame: `board: init.lua:7 net.socket:send("hi")`.
pub(crate) fn cause_in_words(trace: &Trace, record: &Record, name_of: &dyn Fn(HostId) -> String) -> Option<String> {
    trace.chain(record.id).iter().find_map(|cause| match &cause.kind {
        Kind::Call { function, arguments, position, .. } => {
            let place = position.as_ref().map(|place| format!("{}:{} ", place.file, place.line)).unwrap_or_default();
            Some(format!("{}: {place}{function}({arguments})", name_of(cause.host)))
        }
        Kind::Input { text } => Some(format!("{}: {text}", name_of(cause.host))),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use pcap_file::pcapng::{Block, PcapNgReader};
    use trace::{Instant, Position};

    use super::*;

    #[test]
    fn frames_carry_time_interface_and_the_line_that_caused_them() {
        let trace = Trace::new(100);
        let call = trace.record(
            Instant::ZERO,
            HostId(1),
            Kind::Call {
                function: "net.socket:send".into(),
                arguments: "\"hi\"".into(),
                position: Some(Position { file: "init.lua".into(), line: 7 }),
                socket: None,
            },
        );
        let bytes: Rc<[u8]> = Rc::from([7u8; 60]);
        let sent = || Kind::FrameSent { socket: None, length: 60, bytes: Rc::clone(&bytes) };
        trace.record_caused(Instant::from_micros(1_500_001), HostId(1), Some(call), sent());
        let second = trace.record(Instant::from_micros(1_600_000), HostId(0), sent());

        let all = capture(&trace, None, &|host| format!("host{}", host.0));
        let mut reader = PcapNgReader::new(all.as_slice()).unwrap();
        let mut seen = Vec::new();
        while let Some(block) = reader.next_block() {
            match block.unwrap() {
                Block::InterfaceDescription(block) => seen.push(format!("{:?}", block.options[0])),
                Block::EnhancedPacket(block) => seen.push(format!(
                    "{} {} {} {:?}",
                    block.interface_id,
                    block.timestamp.as_micros(),
                    block.data.len(),
                    block.options
                )),
                other => panic!("unexpected block {other:?}"),
            }
        }
        assert_eq!(
            seen,
            [
                "IfName(\"host1\")",
                "0 1500001 60 [Comment(\"host1: init.lua:7 net.socket:send(\\\"hi\\\")\")]",
                "IfName(\"host0\")",
                "1 1600000 60 []",
            ]
        );
        assert!(capture(&trace, Some(&[second.get()]), &|_| String::new()).len() < all.len());
    }
}
