//! Ethernet frames on their way between hosts.

use trace::{FrameBytes, HostId, RecordId};

/// An Ethernet frame, from the destination address on, without the check sequence.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The bytes.
    pub bytes: FrameBytes,
    /// The `FrameSent` record it began as.
    pub sent: RecordId,
    /// Who sent it.
    pub from: HostId,
    /// Whether the checksums inside are known to be right, so that the receiver need not compute them again. True of
    /// what a [`Host`](crate::Host) made and no faulty link touched.
    pub intact: bool,
}

impl Frame {
    /// A frame from outside the simulation or one that was changed on the way: its receiver verifies every checksum.
    pub fn unverified(bytes: FrameBytes, sent: RecordId, from: HostId) -> Frame {
        Frame { bytes, sent, from, intact: false }
    }
}
