//! Reads a header from front to back and notes its fields with their byte ranges.

use std::fmt::Display;
use std::net::Ipv4Addr;
use std::ops::Range;

use crate::view::{FrameField, FrameLayer};

/// A header being read.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    start: usize,
    at: usize,
    fields: Vec<FrameField>,
}

impl<'a> Reader<'a> {
    /// Reads `range` of `bytes`, which are a whole frame; a range beyond the end is cut.
    pub(super) fn new(bytes: &'a [u8], range: Range<usize>) -> Reader<'a> {
        let end = range.end.min(bytes.len());
        let start = range.start.min(end);
        Reader { bytes: bytes.get(..end).unwrap_or_default(), start, at: start, fields: Vec::new() }
    }

    /// Where the next byte stands in the frame.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The bytes not yet read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    /// The next `N` bytes.
    pub(super) fn read<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.read::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.read().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.read().map(u32::from_be_bytes)
    }

    pub(super) fn ip(&mut self) -> Option<Ipv4Addr> {
        self.read::<4>().map(Ipv4Addr::from)
    }

    /// Notes a field that covers the last `count` bytes read.
    pub(super) fn note(&mut self, name: &str, value: impl Display, count: usize) {
        self.note_range(name, value, self.at.saturating_sub(count)..self.at);
    }

    /// Notes a field that covers `range` of the frame.
    pub(super) fn note_range(&mut self, name: &str, value: impl Display, range: Range<usize>) {
        self.fields.push(FrameField {
            name: name.into(),
            value: value.to_string(),
            start: offset(range.start),
            end: offset(range.end),
            error: None,
        });
    }

    /// Says what is wrong with the field noted last.
    pub(super) fn error(&mut self, error: impl Into<String>) {
        if let Some(field) = self.fields.last_mut() {
            field.error = Some(error.into());
        }
    }

    /// The layer that ends here.
    pub(super) fn layer(self, name: &str, summary: impl Display) -> FrameLayer {
        FrameLayer {
            name: name.into(),
            summary: summary.to_string(),
            start: offset(self.start),
            end: offset(self.at),
            fields: self.fields,
        }
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The internet checksum over `parts` as if they stood in one row (RFC 1071): 0 when the sum in them is right.
/// Every part but the last has an even length.
pub(super) fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0u64;
    for part in parts {
        let mut pairs = part.chunks_exact(2);
        for pair in &mut pairs {
            sum += u64::from(u16::from_be_bytes([pair[0], pair[1]]));
        }
        if let [last] = pairs.remainder() {
            sum += u64::from(*last) << 8;
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Bytes as a person reads them in a line: printable characters, dots for the others, cut after `max`.
pub(super) fn printable(bytes: &[u8], max: usize) -> String {
    let mut text: String = bytes
        .iter()
        .take(max)
        .map(|byte| match byte {
            b' '..=b'~' => char::from(*byte),
            b'\r' | b'\n' | b'\t' => ' ',
            _ => '.',
        })
        .collect();
    if bytes.len() > max {
        text.push('…');
    }
    text
}
