//! Servers of a few lines: the classics for trying a connection out, and ones that behave badly on purpose.

use trace::{Duration, Instant};

use super::clock::Clock;
use super::service::{ConnectionId, Log, Outbox, Peer, Sessions, TcpService, UdpService};

/// Sends back what it gets (RFC 862).
#[derive(Debug)]
pub(crate) struct Echo;

impl TcpService for Echo {
    fn received(&mut self, peer: Peer, data: &[u8], out: &mut Outbox) {
        out.send(peer.id, data);
    }
}

impl UdpService for Echo {
    fn datagram(&mut self, _now: Instant, data: &[u8], _log: &Log) -> Vec<Vec<u8>> {
        vec![data.to_vec()]
    }
}

/// Takes everything and says nothing (RFC 863).
#[derive(Debug)]
pub(crate) struct Discard;

impl TcpService for Discard {
    fn received(&mut self, _peer: Peer, _data: &[u8], _out: &mut Outbox) {}
}

impl UdpService for Discard {
    fn datagram(&mut self, _now: Instant, _data: &[u8], _log: &Log) -> Vec<Vec<u8>> {
        Vec::new()
    }
}

/// Sends characters for as long as anyone takes them (RFC 864).
#[derive(Debug, Default)]
pub(crate) struct Chargen {
    /// Lines sent.
    sessions: Sessions<usize>,
}

/// Characters of one line, and lines sent in one go.
const CHARGEN_LINE_LENGTH: usize = 72;
const CHARGEN_LINES: usize = 20;

impl Chargen {
    fn more(&mut self, id: ConnectionId, out: &mut Outbox) {
        let line = self.sessions.of(id);
        let bytes = (0..CHARGEN_LINES).flat_map(|index| chargen_line(*line + index)).collect::<Vec<u8>>();
        *line += CHARGEN_LINES;
        out.send(id, bytes);
    }
}

/// The printable characters, beginning one further on each line.
fn chargen_line(number: usize) -> Vec<u8> {
    let characters = (0..CHARGEN_LINE_LENGTH).map(|column| b' ' + ((number + column) % 95) as u8);
    characters.chain(*b"\r\n").collect()
}

impl TcpService for Chargen {
    fn opened(&mut self, peer: Peer, out: &mut Outbox) {
        self.more(peer.id, out);
    }

    fn received(&mut self, _peer: Peer, _data: &[u8], _out: &mut Outbox) {}

    fn drained(&mut self, peer: Peer, out: &mut Outbox) {
        self.more(peer.id, out);
    }

    fn gone(&mut self, peer: Peer, _out: &mut Outbox) {
        self.sessions.end(peer.id);
    }
}

impl UdpService for Chargen {
    fn datagram(&mut self, _now: Instant, data: &[u8], _log: &Log) -> Vec<Vec<u8>> {
        vec![chargen_line(data.len())]
    }
}

/// Says what time it is and closes (RFC 867).
#[derive(Debug)]
pub(crate) struct Daytime {
    pub(crate) clock: Clock,
}

impl Daytime {
    fn line(&self, now: Instant) -> Vec<u8> {
        let at = self.clock.civil(now);
        let (weekday, month) = (at.weekday_name(), at.month_name());
        format!("{weekday} {month} {:2} {:02}:{:02}:{:02} {}\r\n", at.day, at.hour, at.minute, at.second, at.year)
            .into_bytes()
    }
}

impl TcpService for Daytime {
    fn opened(&mut self, peer: Peer, out: &mut Outbox) {
        out.send(peer.id, self.line(out.now()));
        out.close(peer.id);
    }

    fn received(&mut self, _peer: Peer, _data: &[u8], _out: &mut Outbox) {}
}

impl UdpService for Daytime {
    fn datagram(&mut self, now: Instant, _data: &[u8], _log: &Log) -> Vec<Vec<u8>> {
        vec![self.line(now)]
    }
}

/// What a server does to be of little use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rudeness {
    /// Accepts, then resets.
    ResetAtOnce,
    /// Takes the request, then resets.
    ResetOnRequest,
    /// Announces more than it sends, then closes.
    HalfAnswer,
    /// Takes the request and never answers.
    Silence,
    /// Closes without a word.
    CloseAtOnce,
}

/// Behaves badly.
#[derive(Debug)]
pub(crate) struct Rude(pub(crate) Rudeness);

const HALF_ANSWER: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nThis is only the beginning of";

impl TcpService for Rude {
    fn opened(&mut self, peer: Peer, out: &mut Outbox) {
        match self.0 {
            Rudeness::ResetAtOnce => out.reset(peer.id),
            Rudeness::CloseAtOnce => out.close(peer.id),
            Rudeness::ResetOnRequest | Rudeness::HalfAnswer | Rudeness::Silence => {}
        }
    }

    fn received(&mut self, peer: Peer, _data: &[u8], out: &mut Outbox) {
        match self.0 {
            Rudeness::ResetOnRequest => out.reset(peer.id),
            Rudeness::HalfAnswer => {
                out.send(peer.id, HALF_ANSWER);
                out.close(peer.id);
            }
            Rudeness::Silence | Rudeness::ResetAtOnce | Rudeness::CloseAtOnce => {}
        }
    }
}

/// Answers any request, one byte at a time.
#[derive(Debug, Default)]
pub(crate) struct Slow {
    /// Bytes of the answer already sent.
    sessions: Sessions<Option<usize>>,
}

const SLOW_PAUSE: Duration = Duration::from_millis(250);
const SLOW_ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 28\r\nConnection: close\r\n\r\nSlow and steady: here it is\n";

impl TcpService for Slow {
    fn received(&mut self, peer: Peer, _data: &[u8], out: &mut Outbox) {
        let sent = self.sessions.of(peer.id);
        if sent.is_none() {
            *sent = Some(0);
            out.wake(peer.id, SLOW_PAUSE, 0);
        }
    }

    fn woken(&mut self, peer: Peer, _token: u64, out: &mut Outbox) {
        let Some(sent) = self.sessions.of(peer.id) else { return };
        let rest = SLOW_ANSWER.as_bytes().get(*sent..).unwrap_or_default();
        // The head in lines, the body in bytes.
        let length = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .filter(|_| !rest.starts_with(b"Slow") && *sent < SLOW_ANSWER.len() - 28);
        let piece = &rest[..length.map_or(1, |end| end + 1).min(rest.len())];
        *sent += piece.len();
        out.send(peer.id, piece);
        if *sent >= SLOW_ANSWER.len() {
            out.close(peer.id);
        } else {
            out.wake(peer.id, SLOW_PAUSE, 0);
        }
    }

    fn gone(&mut self, peer: Peer, _out: &mut Outbox) {
        self.sessions.end(peer.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::clock::EPOCH_UNIX_SECONDS;
    use crate::world::http::message::{ResponsePart, ResponseReader};
    use crate::world::service::Action;
    use crate::world::service::testing::{actions, log, peer, sent};

    #[test]
    fn echo_sends_back() {
        assert_eq!(sent(&actions(0, |out| Echo.received(peer(1), b"foo", out))), b"foo");
        assert_eq!(Echo.datagram(Instant::ZERO, b"foo", &log()), [b"foo"]);
    }

    #[test]
    fn chargen_goes_on_when_there_is_room() {
        let mut chargen = Chargen::default();
        let first = sent(&actions(0, |out| chargen.opened(peer(1), out)));
        let second = sent(&actions(0, |out| chargen.drained(peer(1), out)));
        assert!(first.starts_with(b" !\"#$") && first.len() == CHARGEN_LINES * 74);
        assert_eq!(second[..5], *b"45678");
    }

    #[test]
    fn daytime_tells_the_virtual_time() {
        let mut daytime = Daytime { clock: Clock { epoch_unix_seconds: EPOCH_UNIX_SECONDS } };
        let all = actions(61_000, |out| daytime.opened(peer(1), out));
        assert_eq!(sent(&all), b"Wed Jan  1 00:01:01 2025\r\n");
        assert_eq!(all[1], Action::Close(peer(1).id));
    }

    #[test]
    fn a_slow_answer_is_whole_in_the_end() {
        let mut slow = Slow::default();
        let mut reader = ResponseReader::new("GET");
        let mut next = actions(0, |out| slow.received(peer(1), b"GET / HTTP/1.1\r\n\r\n", out));
        let (mut rounds, mut body) = (0, Vec::new());
        while next.iter().any(|action| matches!(action, Action::Wake(..))) {
            rounds += 1;
            next = actions(rounds * 250, |out| slow.woken(peer(1), 0, out));
            reader.push(&sent(&next));
            while let Some(part) = reader.next() {
                if let ResponsePart::Body(bytes) = part {
                    body.extend(bytes);
                }
            }
        }
        assert_eq!((rounds, body.as_slice()), (33, &b"Slow and steady: here it is\n"[..]));
    }

    #[test]
    fn rudeness_comes_in_kinds() {
        let opened = |rudeness| actions(0, |out| Rude(rudeness).opened(peer(1), out));
        let asked = |rudeness| actions(0, |out| Rude(rudeness).received(peer(1), b"GET /", out));
        assert_eq!(opened(Rudeness::ResetAtOnce), [Action::Reset(peer(1).id)]);
        assert_eq!(opened(Rudeness::CloseAtOnce), [Action::Close(peer(1).id)]);
        assert_eq!(asked(Rudeness::ResetOnRequest), [Action::Reset(peer(1).id)]);
        assert_eq!(asked(Rudeness::Silence), []);
        assert!(matches!(&asked(Rudeness::HalfAnswer)[..], [Action::Send(..), Action::Close(_)]));
    }
}
