//! Questions about what has happened, answered from the trace alone.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use trace::{HostId, Kind, Protocol, Record, RecordId, SocketId, Trace};

use crate::dissect::{Dissection, dissect};
use crate::view::{FrameSummary, FrameView, Stream};
use crate::{millis, pcapng, stream};

/// Names of hosts, by id and by address.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// By id.
    pub hosts: BTreeMap<HostId, String>,
    /// By address, as far as they have one.
    pub addresses: BTreeMap<Ipv4Addr, String>,
}

impl Names {
    /// The name of a host.
    pub fn of(&self, host: HostId) -> String {
        self.hosts.get(&host).cloned().unwrap_or_else(|| format!("host {}", host.0))
    }
}

/// Reads a trace.
#[derive(Clone, Copy, Debug)]
pub struct Inspector<'a> {
    trace: &'a Trace,
    names: &'a Names,
}

impl<'a> Inspector<'a> {
    /// An inspector of `trace`.
    pub fn new(trace: &'a Trace, names: &'a Names) -> Inspector<'a> {
        Inspector { trace, names }
    }

    /// The frame of a `frame_sent` record, or the one that a carried or dropped record speaks of, taken apart.
    pub fn frame(&self, id: RecordId) -> Option<FrameView> {
        let record = self.trace.get(self.frame_id(id)?)?;
        let Kind::FrameSent { bytes, .. } = &record.kind else { return None };
        let mut found = self.dissect(bytes);
        let layers = std::mem::take(&mut found.layers);
        Some(FrameView { summary: summary(&record, bytes.len(), found), layers, bytes: bytes.to_vec() })
    }

    /// A line for each frame among `records`.
    pub fn summaries(&self, records: &[Record]) -> Vec<FrameSummary> {
        let lines = records.iter().filter_map(|record| match &record.kind {
            Kind::FrameSent { bytes, .. } => Some(summary(record, bytes.len(), self.dissect(bytes))),
            _ => None,
        });
        lines.collect()
    }

    /// The conversation that a frame belongs to.
    pub fn stream_of_frame(&self, id: RecordId) -> Option<Stream> {
        stream::of_frame(self.trace, self.frame_id(id)?)
    }

    /// What a TCP socket and its peer said to each other.
    pub fn stream_of_socket(&self, host: HostId, socket: SocketId) -> Option<Stream> {
        self.trace.since(None).into_iter().filter(|record| record.host == host).find_map(|record| match record.kind {
            Kind::Socket { socket: of, protocol: Protocol::Tcp, local: Some(local), remote: Some(remote), .. }
                if of == socket =>
            {
                Some(stream::follow(self.trace, Protocol::Tcp, local, remote, record.id))
            }
            _ => None,
        })
    }

    /// From a record back along its causes, the record first.
    pub fn chain(&self, id: RecordId) -> Vec<Record> {
        self.trace.chain(id)
    }

    /// A capture of the kept frames, or of those in `frames`.
    pub fn pcapng(&self, frames: Option<&[u64]>) -> Vec<u8> {
        pcapng::capture(self.trace, frames, &|host| self.names.of(host))
    }

    /// The kept records as JSON, one a line.
    pub fn json_lines(&self) -> String {
        let mut lines = String::new();
        for record in self.trace.since(None) {
            // A record is plain data: it always has a JSON form.
            lines.push_str(&serde_json::to_string(&record).unwrap_or_default());
            lines.push('\n');
        }
        lines
    }

    fn frame_id(&self, id: RecordId) -> Option<RecordId> {
        match self.trace.get(id)?.kind {
            Kind::FrameSent { .. } => Some(id),
            Kind::FrameCarried { frame, .. } | Kind::FrameDropped { frame, .. } => Some(frame),
            _ => None,
        }
    }

    fn dissect(&self, bytes: &[u8]) -> Dissection {
        dissect(bytes, &|ip| self.names.addresses.get(&ip).cloned())
    }
}

fn summary(record: &Record, length: usize, found: Dissection) -> FrameSummary {
    FrameSummary {
        frame: record.id,
        sent_ms: millis(record.at),
        from: record.host,
        source: found.source,
        destination: found.destination,
        protocol: found.protocol.into(),
        summary: found.summary,
        sentence: found.sentence,
        length: u32::try_from(length).unwrap_or(u32::MAX),
        transport: found.transport,
    }
}
