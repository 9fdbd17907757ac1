//! Frames taken apart for people: layers, fields with byte ranges, one line, one sentence.
//!
//! Reads any bytes whatsoever: what is cut short or wrong becomes a field with an error or the protocol `malformed`, never
//! a panic. Each frame stands alone, so sequence numbers are as on the wire, not relative to a connection.
//!
//! Left out: reassembly. An HTTP message that spans segments is named in the segment that begins it.
//!
//! Reading order: `reader`, then from the outside in: `link`, `internet`, `transport`, `application`.

mod application;
mod internet;
mod link;
mod reader;
mod transport;

use std::fmt::Display;
use std::net::Ipv4Addr;

use trace::Protocol;

use crate::view::{FrameLayer, TransportView};

pub(crate) use transport::{datagram_of, segment_of};

/// A frame taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Dissection {
    /// Source as a list shows it: an IP address, else a MAC address.
    pub source: String,
    /// Destination likewise.
    pub destination: String,
    /// The innermost protocol.
    pub protocol: &'static str,
    /// One line in the manner of packet analysers.
    pub summary: String,
    /// One sentence for people.
    pub sentence: String,
    /// Ports and length, for TCP and UDP.
    pub transport: Option<TransportView>,
    /// Headers from the outside in.
    pub layers: Vec<FrameLayer>,
}

/// Takes an Ethernet frame apart. `name_of` gives the name of the host that has an address.
pub fn dissect(bytes: &[u8], name_of: &dyn Fn(Ipv4Addr) -> Option<String>) -> Dissection {
    let mut work = Work { bytes, name_of, found: Dissection::empty() };
    if link::ethernet(&mut work).is_none() {
        work.found.protocol = "malformed";
        work.found.summary = format!("[cut short] {}", work.found.summary).trim_end().to_owned();
        work.found.sentence = "A frame that ends before its headers do.".into();
    }
    work.found
}

/// A dissection under way.
struct Work<'a> {
    bytes: &'a [u8],
    name_of: &'a dyn Fn(Ipv4Addr) -> Option<String>,
    found: Dissection,
}

impl Work<'_> {
    /// A host as a sentence names it: its name, else its address.
    fn who(&self, ip: Ipv4Addr) -> String {
        if ip.is_broadcast() || ip == Ipv4Addr::new(192, 168, 1, 255) || ip == Ipv4Addr::new(192, 168, 4, 255) {
            return "everyone".into();
        }
        (self.name_of)(ip).unwrap_or_else(|| ip.to_string())
    }

    /// Sets what the innermost layer so far says about the frame.
    fn describe(&mut self, protocol: &'static str, summary: impl Display, sentence: impl Display) {
        self.found.protocol = protocol;
        self.found.summary = summary.to_string();
        self.found.sentence = sentence.to_string();
    }

    fn transport(
        &mut self,
        protocol: Protocol,
        source_port: u16,
        destination_port: u16,
        payload: usize,
        flags: Option<String>,
    ) {
        let payload_bytes = u32::try_from(payload).unwrap_or(u32::MAX);
        self.found.transport = Some(TransportView { protocol, source_port, destination_port, payload_bytes, flags });
    }
}

impl Dissection {
    fn empty() -> Dissection {
        Dissection {
            source: String::new(),
            destination: String::new(),
            protocol: "Ethernet",
            summary: String::new(),
            sentence: String::new(),
            transport: None,
            layers: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
