//! What the two ends of a connection said to each other, put together from the frames.
//!
//! Works from the frames alone: segments that were sent again count once, segments that were sent out of order are put
//! in order. Left out: whether a byte arrived; a capture at the sender cannot know, and the packet list shows it.

use std::collections::BTreeMap;

use trace::{Endpoint, Kind, Protocol, RecordId, Trace};

use crate::dissect::{datagram_of, segment_of};
use crate::millis;
use crate::view::{Stream, StreamChunk};

/// Follows the conversation that the frame `frame` belongs to, seen from its sender, or `None` if it is neither TCP nor
/// UDP.
pub(crate) fn of_frame(trace: &Trace, frame: RecordId) -> Option<Stream> {
    let Kind::FrameSent { bytes, .. } = trace.get(frame)?.kind else { return None };
    if let Some(segment) = segment_of(&bytes) {
        return Some(follow(trace, Protocol::Tcp, segment.source, segment.destination, frame));
    }
    let datagram = datagram_of(&bytes)?;
    Some(follow(trace, Protocol::Udp, datagram.source, datagram.destination, frame))
}

/// Follows the conversation between two endpoints; of several connections between the same ports the one that `within`
/// belongs to.
pub(crate) fn follow(trace: &Trace, protocol: Protocol, local: Endpoint, remote: Endpoint, within: RecordId) -> Stream {
    let mut sides = [Side::default(), Side::default()];
    let mut chunks = Vec::new();
    for record in trace.since(None) {
        let Kind::FrameSent { bytes, .. } = &record.kind else { continue };
        let (source, destination, tcp, payload) = match protocol {
            Protocol::Tcp => match segment_of(bytes) {
                Some(segment) => {
                    (segment.source, segment.destination, Some((segment.seq, segment.syn)), segment.payload)
                }
                None => continue,
            },
            Protocol::Udp => match datagram_of(bytes) {
                Some(datagram) => (datagram.source, datagram.destination, None, datagram.payload),
                None => continue,
            },
        };
        let from_local = match (source == local && destination == remote, source == remote && destination == local) {
            (true, _) => true,
            (_, true) => false,
            _ => continue,
        };
        let side = &mut sides[usize::from(from_local)];
        if let Some((seq, true)) = tcp
            && side.begins_anew(seq)
        {
            if record.id > within {
                break;
            }
            // An earlier connection between the same ports; forget it.
            chunks.clear();
            sides = [Side::default(), Side::default()];
        }
        let at_ms = millis(record.at);
        match tcp {
            None => chunks.push(StreamChunk { from_local, at_ms, frame: record.id, bytes: payload.to_vec() }),
            Some((seq, syn)) => {
                let side = &mut sides[usize::from(from_local)];
                for (frame, bytes) in side.take(seq, syn, payload, record.id) {
                    chunks.push(StreamChunk { from_local, at_ms, frame, bytes });
                }
            }
        }
    }
    Stream { protocol, local: written(local), remote: written(remote), chunks }
}

fn written(endpoint: Endpoint) -> String {
    format!("{}:{}", endpoint.ip, endpoint.port)
}

/// One direction of a TCP connection.
#[derive(Default)]
struct Side {
    /// The sequence number of the SYN.
    first: Option<u32>,
    /// The next byte that is new.
    next: Option<u32>,
    /// Segments sent ahead of their turn, by distance from the first byte.
    ahead: BTreeMap<u32, (RecordId, Vec<u8>)>,
}

impl Side {
    /// Whether a SYN with this number begins another connection than the one under way.
    fn begins_anew(&self, seq: u32) -> bool {
        self.first.is_some_and(|first| first != seq)
    }

    /// The stretches that are new and in order now.
    fn take(&mut self, seq: u32, syn: bool, payload: &[u8], frame: RecordId) -> Vec<(RecordId, Vec<u8>)> {
        let data = seq.wrapping_add(u32::from(syn));
        if syn {
            self.first = Some(seq);
        }
        let origin = *self.next.get_or_insert(data);
        if !payload.is_empty() {
            let distance = data.wrapping_sub(origin);
            if distance < 1 << 31 {
                self.ahead.entry(distance).or_insert_with(|| (frame, payload.to_vec()));
            } else if let Some(fresh) = payload.get(origin.wrapping_sub(data) as usize..) {
                self.ahead.entry(0).or_insert_with(|| (frame, fresh.to_vec()));
            }
        }
        let mut taken = Vec::new();
        let mut reached = 0;
        while let Some((distance, (frame, bytes))) = self.ahead.pop_first() {
            if distance > reached {
                self.ahead.insert(distance, (frame, bytes));
                break;
            }
            let fresh = bytes.get((reached - distance) as usize..).unwrap_or_default();
            if !fresh.is_empty() {
                reached += u32::try_from(fresh.len()).unwrap_or(0);
                taken.push((frame, fresh.to_vec()));
            }
        }
        // Distances count from the next byte, which has moved.
        if reached > 0 {
            self.ahead = std::mem::take(&mut self.ahead).into_iter().map(|(at, value)| (at - reached, value)).collect();
            self.next = Some(origin.wrapping_add(reached));
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: fn(u64) -> RecordId = |id| RecordId::new(id).unwrap();

    #[track_caller]
    fn check(segments: &[(u32, bool, &str)], expected: &[(u64, &str)]) {
        let mut side = Side::default();
        let mut taken = Vec::new();
        for (index, (seq, syn, payload)) in segments.iter().enumerate() {
            taken.extend(side.take(*seq, *syn, payload.as_bytes(), FRAME(index as u64 + 1)));
        }
        let taken: Vec<_> =
            taken.iter().map(|(frame, bytes)| (frame.get(), std::str::from_utf8(bytes).unwrap())).collect();
        assert_eq!(taken, expected);
    }

    #[test]
    fn repeated_segments_count_once() {
        check(&[(9, true, ""), (10, false, "ab"), (10, false, "ab"), (12, false, "c")], &[(2, "ab"), (4, "c")]);
    }

    #[test]
    fn segments_out_of_order_wait() {
        check(&[(9, true, ""), (12, false, "c"), (10, false, "ab")], &[(3, "ab"), (2, "c")]);
    }

    #[test]
    fn overlap_gives_only_the_new_bytes() {
        check(&[(9, true, ""), (10, false, "ab"), (11, false, "bcd")], &[(2, "ab"), (3, "cd")]);
    }

    #[test]
    fn sequence_numbers_wrap() {
        check(&[(u32::MAX, true, ""), (0, false, "a"), (1, false, "b")], &[(2, "a"), (3, "b")]);
    }

    #[test]
    fn stream_joined_midway_starts_where_it_is() {
        check(&[(500, false, "x"), (501, false, "y")], &[(1, "x"), (2, "y")]);
    }
}
