//! Network address and port translation (RFC 3022), as a home router does it.
//!
//! A mapping belongs to one conversation (inside end and remote end); it keeps the inside port where that is free on the
//! outside. What comes in must belong to a mapping or to a port forward. Times are those that RFC 5382 and RFC 4787 ask
//! for. Left out: hairpinning, FTP and its like.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Serialize;
use trace::{Duration, Endpoint, Instant, Protocol};

use super::config::PortForward;
use super::packet::{Flow, TcpFlags, Translatable, Transport};

/// A TCP connection in use (RFC 5382, REQ-5: 2 hours 4 minutes).
const TCP_ESTABLISHED: Duration = Duration::from_secs(7440);
/// A TCP connection that begins or ends (RFC 5382, REQ-5: 4 minutes).
const TCP_TRANSITORY: Duration = Duration::from_secs(240);
/// A UDP conversation (RFC 4787, REQ-5: at least 2 minutes).
const UDP: Duration = Duration::from_secs(120);
/// An echo conversation (RFC 5508, REQ-1: at least 60 seconds).
const ECHO: Duration = Duration::from_secs(60);
/// Most mappings; the one idle for longest gives way.
const MAPPINGS_MAX: usize = 4096;
/// First port given when the inside port is taken.
const PORT_FIRST: u16 = 49_152;

/// One conversation through the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NatMapping {
    /// Its transport; `None` for echoes, whose identifier stands for the port.
    pub protocol: Option<Protocol>,
    /// The end on the LAN.
    pub inside: Endpoint,
    /// The port that stands for it on the internet.
    pub outside_port: u16,
    /// The other end.
    pub remote: Endpoint,
    /// When it is forgotten unless something passes.
    pub until: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Mapping {
    outside_port: u16,
    last: Instant,
    phase: Phase,
}

/// How far a TCP connection is, as far as passing segments show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Beginning,
    Open,
    Ending,
}

/// Transport, inside end, remote end.
type InsideKey = (Transport, (Ipv4Addr, u16), (Ipv4Addr, u16));
/// Transport, outside port, remote end.
type OutsideKey = (Transport, u16, (Ipv4Addr, u16));

/// The translation table.
#[derive(Debug)]
pub(crate) struct Napt {
    outside: Ipv4Addr,
    forwards: Vec<PortForward>,
    by_inside: BTreeMap<InsideKey, Mapping>,
    by_outside: BTreeMap<OutsideKey, (Ipv4Addr, u16)>,
}

impl Napt {
    /// An empty table behind the address `outside`.
    pub(crate) fn new(outside: Ipv4Addr, forwards: Vec<PortForward>) -> Napt {
        Napt { outside, forwards, by_inside: BTreeMap::new(), by_outside: BTreeMap::new() }
    }

    /// Makes a port of the outside lead to a host of the LAN, in place of where it led before.
    pub(crate) fn set_forward(&mut self, forward: PortForward) {
        self.clear_forward(forward.protocol, forward.port);
        self.forwards.push(forward);
    }

    /// Ends a forward; conversations that go on through it stay.
    pub(crate) fn clear_forward(&mut self, protocol: Protocol, port: u16) {
        self.forwards.retain(|forward| (forward.protocol, forward.port) != (protocol, port));
    }

    /// The conversations known at `now`.
    pub(crate) fn mappings(&self, now: Instant) -> Vec<NatMapping> {
        let mapping = |(key, mapping): (&InsideKey, &Mapping)| NatMapping {
            protocol: match key.0 {
                Transport::Tcp => Some(Protocol::Tcp),
                Transport::Udp => Some(Protocol::Udp),
                Transport::Echo => None,
            },
            inside: Endpoint { ip: key.1.0, port: key.1.1 },
            outside_port: mapping.outside_port,
            remote: Endpoint { ip: key.2.0, port: key.2.1 },
            until: mapping.until(key.0),
        };
        self.by_inside.iter().map(mapping).filter(|mapping| mapping.until > now).collect()
    }

    /// The flow that a packet from the LAN has outside; makes a mapping if there is none.
    pub(crate) fn outbound(&mut self, now: Instant, kind: Translatable, flags: Option<TcpFlags>) -> Option<Flow> {
        match kind {
            Translatable::Whole(flow) => {
                let outside_port = self.outside_port(now, flow)?;
                self.touch(now, (flow.protocol, flow.source, flow.destination), flags);
                Some(Flow { source: (self.outside, outside_port), ..flow })
            }
            // The quoted packet came from outside: its destination is the inside end.
            Translatable::Quoting(_) => None,
        }
    }

    /// The flow that a packet from the internet has inside; `None` if it belongs to no conversation.
    pub(crate) fn inbound(&mut self, now: Instant, kind: Translatable, flags: Option<TcpFlags>) -> Option<Flow> {
        match kind {
            Translatable::Whole(flow) => {
                let inside = self.inside_of(now, flow.protocol, flow.destination.1, flow.source)?;
                self.touch(now, (flow.protocol, inside, flow.source), flags);
                Some(Flow { destination: inside, ..flow })
            }
            // The quoted packet is one of ours, as it looked outside.
            Translatable::Quoting(flow) => {
                let inside = self.inside_of(now, flow.protocol, flow.source.1, flow.destination)?;
                Some(Flow { source: inside, ..flow })
            }
        }
    }

    fn outside_port(&mut self, now: Instant, flow: Flow) -> Option<u16> {
        let key = (flow.protocol, flow.source, flow.destination);
        if let Some(mapping) = self.by_inside.get(&key).filter(|mapping| mapping.until(key.0) > now) {
            return Some(mapping.outside_port);
        }
        self.forget(&key);
        self.make_room(now);
        let is_free = |port: &u16| {
            !self.by_outside.contains_key(&(flow.protocol, *port, flow.destination))
                && !self.is_forwarded(flow.protocol, *port)
        };
        let port = std::iter::once(flow.source.1).chain(PORT_FIRST..=u16::MAX).find(is_free)?;
        self.insert(now, key, port);
        Some(port)
    }

    fn inside_of(
        &mut self,
        now: Instant,
        protocol: Transport,
        outside_port: u16,
        remote: (Ipv4Addr, u16),
    ) -> Option<(Ipv4Addr, u16)> {
        if let Some(inside) = self.by_outside.get(&(protocol, outside_port, remote)).copied() {
            let key = (protocol, inside, remote);
            if self.by_inside.get(&key).is_some_and(|mapping| mapping.until(protocol) > now) {
                return Some(inside);
            }
            self.forget(&key);
        }
        let forward = *self.forwards.iter().find(|forward| is_for(forward, protocol, outside_port))?;
        let inside = (forward.to, forward.to_port);
        self.make_room(now);
        self.insert(now, (protocol, inside, remote), outside_port);
        Some(inside)
    }

    fn is_forwarded(&self, protocol: Transport, port: u16) -> bool {
        self.forwards.iter().any(|forward| is_for(forward, protocol, port))
    }

    fn insert(&mut self, now: Instant, key: InsideKey, outside_port: u16) {
        self.by_inside.insert(key, Mapping { outside_port, last: now, phase: Phase::Beginning });
        self.by_outside.insert((key.0, outside_port, key.2), key.1);
    }

    fn touch(&mut self, now: Instant, key: InsideKey, flags: Option<TcpFlags>) {
        if let Some(mapping) = self.by_inside.get_mut(&key) {
            mapping.last = now;
            if let Some(flags) = flags {
                mapping.phase = match mapping.phase {
                    _ if flags.syn => Phase::Beginning,
                    _ if flags.fin || flags.rst => Phase::Ending,
                    Phase::Beginning => Phase::Open,
                    phase => phase,
                };
            }
        }
    }

    fn forget(&mut self, key: &InsideKey) {
        if let Some(mapping) = self.by_inside.remove(key) {
            self.by_outside.remove(&(key.0, mapping.outside_port, key.2));
        }
    }

    /// Drops what has run out, and if that does not help, what has been idle for longest.
    fn make_room(&mut self, now: Instant) {
        if self.by_inside.len() < MAPPINGS_MAX {
            return;
        }
        let over: Vec<InsideKey> =
            self.by_inside.iter().filter(|(key, mapping)| mapping.until(key.0) <= now).map(|(key, _)| *key).collect();
        for key in &over {
            self.forget(key);
        }
        if over.is_empty()
            && let Some(oldest) = self.by_inside.iter().min_by_key(|(_, mapping)| mapping.last).map(|(key, _)| *key)
        {
            self.forget(&oldest);
        }
    }
}

impl Mapping {
    fn until(&self, protocol: Transport) -> Instant {
        let span = match protocol {
            Transport::Tcp if self.phase == Phase::Open => TCP_ESTABLISHED,
            Transport::Tcp => TCP_TRANSITORY,
            Transport::Udp => UDP,
            Transport::Echo => ECHO,
        };
        self.last + span
    }
}

fn is_for(forward: &PortForward, protocol: Transport, port: u16) -> bool {
    let same = match forward.protocol {
        Protocol::Tcp => protocol == Transport::Tcp,
        Protocol::Udp => protocol == Transport::Udp,
    };
    same && forward.port == port
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAN: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 50);
    const SERVER: (Ipv4Addr, u16) = (Ipv4Addr::new(8, 8, 8, 8), 53);

    fn board(last: u8) -> (Ipv4Addr, u16) {
        (Ipv4Addr::new(192, 168, 1, last), 4096)
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    fn flow(protocol: Transport, source: (Ipv4Addr, u16), destination: (Ipv4Addr, u16)) -> Translatable {
        Translatable::Whole(Flow { protocol, source, destination })
    }

    fn flags(syn: bool, fin: bool) -> Option<TcpFlags> {
        Some(TcpFlags { syn, fin, rst: false })
    }

    #[test]
    fn two_hosts_with_one_port_are_kept_apart() {
        let mut napt = Napt::new(WAN, Vec::new());
        let first = napt.outbound(at(0), flow(Transport::Udp, board(100), SERVER), None).unwrap();
        let second = napt.outbound(at(0), flow(Transport::Udp, board(101), SERVER), None).unwrap();
        assert_eq!((first.source, second.source), ((WAN, 4096), (WAN, PORT_FIRST)));
        let back = |napt: &mut Napt, port| napt.inbound(at(1), flow(Transport::Udp, SERVER, (WAN, port)), None);
        assert_eq!(back(&mut napt, 4096).unwrap().destination, board(100));
        assert_eq!(back(&mut napt, PORT_FIRST).unwrap().destination, board(101));
        assert_eq!(back(&mut napt, 5000), None);
    }

    #[test]
    fn strangers_stay_outside() {
        let mut napt = Napt::new(WAN, Vec::new());
        napt.outbound(at(0), flow(Transport::Udp, board(100), SERVER), None);
        let stranger = (Ipv4Addr::new(6, 6, 6, 6), 53);
        assert_eq!(napt.inbound(at(0), flow(Transport::Udp, stranger, (WAN, 4096)), None), None);
        assert_eq!(napt.inbound(at(0), flow(Transport::Tcp, SERVER, (WAN, 4096)), None), None);
    }

    #[test]
    fn a_conversation_is_forgotten_in_time() {
        let mut napt = Napt::new(WAN, Vec::new());
        let out = flow(Transport::Udp, board(100), SERVER);
        let back = flow(Transport::Udp, SERVER, (WAN, 4096));
        napt.outbound(at(0), out, None);
        assert!(napt.inbound(at(100), back, None).is_some());
        assert!(napt.inbound(at(219), back, None).is_some());
        assert!(napt.inbound(at(400), back, None).is_none());
        assert!(napt.mappings(at(400)).is_empty());
    }

    #[test]
    fn an_open_connection_may_be_silent_for_two_hours() {
        let mut napt = Napt::new(WAN, Vec::new());
        let out = flow(Transport::Tcp, board(100), SERVER);
        let back = flow(Transport::Tcp, SERVER, (WAN, 4096));
        napt.outbound(at(0), out, flags(true, false));
        assert_eq!(napt.mappings(at(0))[0].until, at(240));
        napt.inbound(at(1), back, flags(true, false));
        napt.outbound(at(1), out, flags(false, false));
        assert!(napt.inbound(at(7000), back, flags(false, false)).is_some());
        napt.outbound(at(7001), out, flags(false, true));
        napt.outbound(at(7002), out, flags(false, false));
        assert!(napt.inbound(at(7300), back, flags(false, true)).is_none());
    }

    #[test]
    fn echoes_go_by_their_identifier() {
        let mut napt = Napt::new(WAN, Vec::new());
        let server = (SERVER.0, 0);
        let out = napt.outbound(at(0), flow(Transport::Echo, (board(100).0, 0xafaf), server), None).unwrap();
        let other = napt.outbound(at(0), flow(Transport::Echo, (board(101).0, 0xafaf), server), None).unwrap();
        assert_ne!(out.source, other.source);
        let back = napt.inbound(at(0), flow(Transport::Echo, server, other.source), None).unwrap();
        assert_eq!(back.destination, (board(101).0, 0xafaf));
    }

    #[test]
    fn an_error_finds_the_host_that_it_is_about() {
        let mut napt = Napt::new(WAN, Vec::new());
        napt.outbound(at(0), flow(Transport::Udp, board(100), SERVER), None);
        let quoted = Flow { protocol: Transport::Udp, source: (WAN, 4096), destination: SERVER };
        let inside = napt.inbound(at(0), Translatable::Quoting(quoted), None).unwrap();
        assert_eq!(inside.source, board(100));
    }

    #[test]
    fn a_forwarded_port_lets_strangers_in() {
        let forward = PortForward { protocol: Protocol::Tcp, port: 8080, to: board(100).0, to_port: 80 };
        let mut napt = Napt::new(WAN, vec![forward]);
        let stranger = (Ipv4Addr::new(6, 6, 6, 6), 1234);
        let inside = napt.inbound(at(0), flow(Transport::Tcp, stranger, (WAN, 8080)), flags(true, false)).unwrap();
        assert_eq!(inside.destination, (board(100).0, 80));
        let back = flow(Transport::Tcp, (board(100).0, 80), stranger);
        assert_eq!(napt.outbound(at(0), back, flags(true, false)).unwrap().source, (WAN, 8080));
    }

    #[test]
    fn the_table_is_bounded() {
        let mut napt = Napt::new(WAN, Vec::new());
        for port in 0..5000 {
            napt.outbound(at(0), flow(Transport::Udp, (board(100).0, port + 1), SERVER), None);
        }
        assert_eq!(napt.by_inside.len(), MAPPINGS_MAX);
        assert_eq!(napt.by_outside.len(), MAPPINGS_MAX);
    }
}
