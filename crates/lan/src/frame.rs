//! Ethernet frames on their way between hosts.

use std::fmt;
use std::ops::{Deref, Range};

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

/// Bytes that a connection received: a part of the frame that brought them, which is not copied.
#[derive(Clone)]
pub struct Payload {
    frame: FrameBytes,
    range: Range<usize>,
}

impl Payload {
    /// The bytes `range` of `frame`; none of them where the frame ends before.
    pub(crate) fn of(frame: &FrameBytes, range: Range<usize>) -> Payload {
        Payload { frame: FrameBytes::clone(frame), range }
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.frame.get(self.range.clone()).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Payload {
        Payload { frame: bytes.into(), range: 0..bytes.len() }
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Payload) -> bool {
        **self == **other
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
