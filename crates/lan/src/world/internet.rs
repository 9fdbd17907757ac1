//! What lies between the router and the servers: a chain of routers, as one node of the LAN fabric.
//!
//! Interface 0 leads to the home router, interface n to server n. The node knows all its neighbours, so it never asks for
//! an Ethernet address, and answers every such question with its own. Delay, jitter and loss are those of the links to the
//! servers; an answer from a router on the way (time exceeded, an echo) takes its share of that delay here.
//!
//! A packet to an address that nobody has vanishes, as most do; one to a private address is refused by the first router.
//!
//! While a [`Gateway`] is open, everything from the home router is its business: nothing of the above is reached.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use trace::{DropReason, Duration, HostId, Instant, Kind, RecordId, Trace};

use super::dns::zone::SharedZone;
use super::gateway::{Gateway, GatewayPlace};
use super::packet::{self, Arp, Content, IcmpError, Translatable, Transport};
use super::router::sent_frame;
use super::service::Log;
use crate::address::{Address, MacAddress};
use crate::fabric::Resident;
use crate::frame::Frame;

/// Interface towards the home router.
pub(crate) const UPLINK: u8 = 0;

/// A server behind the node.
#[derive(Clone, Debug)]
pub(crate) struct Neighbour {
    pub(crate) addresses: Vec<Ipv4Addr>,
    pub(crate) mac: MacAddress,
    /// Routers on the way.
    pub(crate) hops: usize,
    /// How long the way is.
    pub(crate) latency: Duration,
}

/// The routers of the internet.
pub struct Internet {
    log: Log,
    macs: Vec<MacAddress>,
    /// Addresses of the routers, nearest first.
    transit: Vec<Ipv4Addr>,
    home: (Ipv4Addr, MacAddress),
    servers: Vec<Neighbour>,
    by_address: BTreeMap<Ipv4Addr, usize>,
    delayed: BTreeMap<(Instant, u64), Delayed>,
    next_delayed: u64,
    frames: VecDeque<(u8, Frame)>,
    gateway: Option<Gateway>,
}

/// An answer from a router on the way.
struct Delayed {
    packet: Vec<u8>,
    cause: Option<RecordId>,
}

impl Internet {
    /// Routers `transit` between the home router at `home` and `servers`; `macs` has one entry per interface.
    pub(crate) fn new(
        id: HostId,
        macs: Vec<MacAddress>,
        transit: Vec<Ipv4Addr>,
        home: (Ipv4Addr, MacAddress),
        servers: Vec<Neighbour>,
        trace: &Trace,
    ) -> Internet {
        let mut by_address = BTreeMap::new();
        for (index, server) in servers.iter().enumerate() {
            by_address.extend(server.addresses.iter().map(|ip| (*ip, index)));
        }
        Internet {
            log: Log { trace: trace.clone(), host: id },
            macs,
            transit,
            home,
            servers,
            by_address,
            delayed: BTreeMap::new(),
            next_delayed: 0,
            frames: VecDeque::new(),
            gateway: None,
        }
    }

    /// Opens the way out of the lab at `now`: the built-in hosts are out of reach from here on. `seed` is that of the
    /// gateway's stack; `edits` are the names that keep the lab's meaning.
    pub(crate) fn open_gateway(&mut self, now: Instant, seed: u64, own: Ipv4Addr, edits: SharedZone) {
        let place = GatewayPlace { id: self.log.host, mac: self.mac(UPLINK), seed, address: Address::new(own, 24) };
        self.gateway = Some(Gateway::new(place, now, edits, &self.log.trace));
    }

    /// Shuts the way out; the built-in hosts are back.
    pub(crate) fn close_gateway(&mut self) {
        self.gateway = None;
    }

    /// The way out of the lab, if one is open.
    pub(crate) fn gateway(&self) -> Option<&Gateway> {
        self.gateway.as_ref()
    }

    /// As [`Internet::gateway`], for giving it answers.
    pub(crate) fn gateway_mut(&mut self) -> Option<&mut Gateway> {
        self.gateway.as_mut()
    }

    /// Takes a packet from the home router out of the lab, or takes part in the talk about Ethernet addresses. Returns
    /// whether the frame was the gateway's business.
    fn leave(&mut self, now: Instant, frame: &Frame) -> bool {
        let Some(gateway) = &mut self.gateway else { return false };
        let Some(packet::FrameView { content: Content::Ipv4(packet), .. }) = packet::parse_frame(&frame.bytes) else {
            // The gateway learns from replies; requests are answered by the node itself.
            return gateway.hear(now, frame);
        };
        let Some((_, destination, hops)) = packet::addresses(packet) else { return false };
        let is_echo =
            matches!(packet::flow(packet), Some(Translatable::Whole(flow)) if flow.protocol == Transport::Echo);
        if gateway.is_own(destination) || (hops > 1 && !is_echo) {
            gateway.receive(now, frame);
            return true;
        }
        false
    }

    /// What the gateway's stack does not see: echoes go out as a question, spent hops are reported.
    fn outward_to_gateway(&mut self, now: Instant, packet: &[u8], hops: u8) -> bool {
        let Some(gateway) = &mut self.gateway else { return false };
        let Some((_, destination, _)) = packet::addresses(packet) else { return true };
        if hops <= 1 {
            self.expire(now, packet, 0, None);
        } else if packet::echo_reply(packet).is_some() {
            gateway.ask_echo(destination, packet);
        }
        true
    }

    fn handle_arp(&mut self, now: Instant, interface: u8, arp: Arp) {
        if arp.is_request && arp.target_ip != arp.sender_ip {
            let mac = self.mac(interface);
            self.emit(now, interface, packet::arp_reply(mac, arp.target_ip, arp));
        }
    }

    /// A packet from the home router.
    fn outward(&mut self, now: Instant, frame: &Frame, packet: &[u8]) {
        let Some((_, destination, hops)) = packet::addresses(packet) else { return };
        if self.outward_to_gateway(now, packet, hops) {
            return;
        }
        if let Some(position) = self.transit.iter().position(|router| *router == destination) {
            self.ask_router(now, packet, position, hops);
        } else if let Some(index) = self.by_address.get(&destination).copied() {
            self.pass(now, index, packet, frame.intact);
        } else if destination.is_private() || destination.is_link_local() || destination.is_loopback() {
            let latency = self.latency_to(0, None);
            self.answer(now, packet::icmp_error(self.router(0), packet, IcmpError::NetUnreachable), latency);
        } else {
            self.log.record(now, Kind::FrameDropped { frame: frame.sent, reason: DropReason::NoSuchHost });
        }
    }

    /// A packet to a router on the way itself: it answers echoes, and refuses the rest.
    fn ask_router(&mut self, now: Instant, packet: &[u8], position: usize, hops: u8) {
        let before = usize::from(hops).saturating_sub(1);
        if before < position {
            self.expire(now, packet, before, None);
            return;
        }
        let answer = packet::echo_reply(packet)
            .or_else(|| packet::icmp_error(self.router(position), packet, IcmpError::PortUnreachable));
        let latency = self.latency_to(position, None);
        self.answer(now, answer, latency);
    }

    /// Carries a packet along the routers to a server.
    fn pass(&mut self, now: Instant, index: usize, packet: &[u8], intact: bool) {
        let Some(server) = self.servers.get(index).cloned() else { return };
        let mut packet = packet.to_vec();
        for position in 0..server.hops.min(self.transit.len()) {
            if !packet::take_hop(&mut packet) {
                self.expire(now, &packet, position, Some(&server));
                return;
            }
        }
        let interface = u8::try_from(index + 1).unwrap_or(UPLINK);
        let bytes = packet::ipv4_frame(self.mac(interface), server.mac, &packet);
        self.emit_as(now, interface, bytes, intact);
    }

    /// A packet from a server.
    fn homeward(&mut self, now: Instant, interface: u8, frame: &Frame, packet: &[u8]) {
        let Some((_, destination, _)) = packet::addresses(packet) else { return };
        let hops = self.servers.get(usize::from(interface) - 1).map_or(0, |server| server.hops);
        if destination != self.home.0 {
            // Servers do not talk among themselves.
            self.log.record(now, Kind::FrameDropped { frame: frame.sent, reason: DropReason::NoSuchHost });
            return;
        }
        let mut packet = packet.to_vec();
        if (0..hops.min(self.transit.len())).all(|_| packet::take_hop(&mut packet)) {
            let bytes = packet::ipv4_frame(self.mac(UPLINK), self.home.1, &packet);
            self.emit_as(now, UPLINK, bytes, frame.intact);
        } else {
            self.log.record(now, Kind::FrameDropped { frame: frame.sent, reason: DropReason::TtlExpired });
        }
    }

    /// The router at `position` had no hop left to give.
    fn expire(&mut self, now: Instant, packet: &[u8], position: usize, server: Option<&Neighbour>) {
        let latency = self.latency_to(position, server);
        self.answer(now, packet::icmp_error(self.router(position), packet, IcmpError::TimeExceeded), latency);
    }

    /// How long a packet is on its way to the router at `position`: its share of the way to the server.
    fn latency_to(&self, position: usize, server: Option<&Neighbour>) -> Duration {
        let (whole, hops) = match server {
            Some(server) => (server.latency, server.hops.min(self.transit.len())),
            None => (Duration::from_millis(8), self.transit.len()),
        };
        Duration::from_micros(whole.as_micros() * (position as u64 + 1) / (hops as u64 + 1))
    }

    /// Sends an answer home after the way there and back.
    fn answer(&mut self, now: Instant, packet: Option<Vec<u8>>, latency: Duration) {
        let Some(packet) = packet else { return };
        let delayed = Delayed { packet, cause: self.log.trace.current() };
        self.delayed.insert((now + latency + latency, self.next_delayed), delayed);
        self.next_delayed += 1;
    }

    fn router(&self, position: usize) -> Ipv4Addr {
        self.transit.get(position).copied().unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    fn mac(&self, interface: u8) -> MacAddress {
        self.macs.get(usize::from(interface)).copied().unwrap_or_default()
    }

    fn emit(&mut self, now: Instant, interface: u8, bytes: Vec<u8>) {
        self.emit_as(now, interface, bytes, true);
    }

    fn emit_as(&mut self, now: Instant, interface: u8, bytes: Vec<u8>, intact: bool) {
        let frame = Frame { intact, ..sent_frame(&self.log, now, bytes) };
        self.frames.push_back((interface, frame));
    }
}

impl Resident for Internet {
    fn id(&self) -> HostId {
        self.log.host
    }

    fn receive(&mut self, now: Instant, interface: u8, frame: &Frame) {
        if interface == UPLINK && self.leave(now, frame) {
            return;
        }
        let from = self.log.trace.get(frame.sent).map_or(self.log.host, |record| record.host);
        let carried = Kind::FrameCarried { frame: frame.sent, from };
        let carried = self.log.trace.record_caused(now, self.log.host, Some(frame.sent), carried);
        let _scope = self.log.trace.clone().enter(Some(carried));
        let Some(view) = packet::parse_frame(&frame.bytes) else {
            self.log.record(now, Kind::FrameDropped { frame: frame.sent, reason: DropReason::Malformed });
            return;
        };
        let is_for_us = view.destination == self.mac(interface) || view.destination.is_group();
        match view.content {
            Content::Arp(arp) => self.handle_arp(now, interface, arp),
            Content::Ipv4(packet) if is_for_us && interface == UPLINK => self.outward(now, frame, packet),
            Content::Ipv4(packet) if is_for_us => self.homeward(now, interface, frame, packet),
            Content::Ipv4(_) => {}
        }
    }

    fn poll(&mut self, now: Instant) {
        while let Some(entry) = self.delayed.first_entry().filter(|entry| entry.key().0 <= now) {
            let delayed = entry.remove();
            let _scope = self.log.trace.clone().enter(delayed.cause);
            let bytes = packet::ipv4_frame(self.mac(UPLINK), self.home.1, &delayed.packet);
            self.emit(now, UPLINK, bytes);
        }
        if let Some(gateway) = &mut self.gateway {
            gateway.poll(now);
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let delayed = self.delayed.keys().next().map(|(at, _)| *at);
        let gateway = self.gateway.as_ref().and_then(Gateway::next_deadline);
        [delayed, gateway].into_iter().flatten().min()
    }

    fn take_frame(&mut self) -> Option<(u8, Frame)> {
        let own = self.frames.pop_front();
        own.or_else(|| Some((UPLINK, self.gateway.as_mut()?.take_frame()?)))
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use trace::Endpoint;

    use super::*;

    const HOME: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 50);
    const SERVER: Ipv4Addr = Ipv4Addr::new(93, 184, 215, 14);

    fn internet() -> Internet {
        let transit = vec![Ipv4Addr::new(203, 0, 113, 1), Ipv4Addr::new(198, 51, 100, 1)];
        let server =
            Neighbour { addresses: vec![SERVER], mac: MacAddress([9; 6]), hops: 2, latency: Duration::from_millis(30) };
        let macs = vec![MacAddress([2; 6]), MacAddress([4; 6])];
        Internet::new(HostId(0), macs, transit, (HOME, MacAddress([8; 6])), vec![server], &Trace::new(100))
    }

    /// Sends a datagram with so many hops left to `to`, and gives the interface and packet that come out, and when.
    fn send(to: Ipv4Addr, hops: u8) -> Option<(u8, Vec<u8>, u64)> {
        let mut internet = internet();
        let (from, to) = (Endpoint { ip: HOME, port: 4096 }, Endpoint { ip: to, port: 33434 });
        let mut packet = packet::udp_packet(from, to, b"probe");
        packet::set_hops(&mut packet, hops);
        let bytes = packet::ipv4_frame(MacAddress([8; 6]), MacAddress([2; 6]), &packet);
        let log = Log { trace: internet.log.trace.clone(), host: HostId(1) };
        let frame = sent_frame(&log, Instant::ZERO, bytes);
        internet.receive(Instant::ZERO, UPLINK, &frame);
        let at = internet.next_deadline().unwrap_or_default();
        internet.poll(at);
        let (interface, frame) = internet.take_frame()?;
        let Content::Ipv4(packet) = packet::parse_frame(&frame.bytes)?.content else { return None };
        Some((interface, packet.to_vec(), at.as_millis()))
    }

    #[test]
    fn a_packet_loses_one_hop_per_router() {
        let (interface, packet, at) = send(SERVER, 64).unwrap();
        assert_eq!((interface, packet::addresses(&packet).unwrap().2, at), (1, 62, 0));
    }

    #[test]
    fn each_router_reports_where_the_hops_ended() {
        let (interface, packet, at) = send(SERVER, 1).unwrap();
        assert_eq!((interface, packet::addresses(&packet).unwrap().0.to_string(), at), (0, "203.0.113.1".into(), 20));
        let (_, packet, at) = send(SERVER, 2).unwrap();
        assert_eq!((packet::addresses(&packet).unwrap().0.to_string(), at), ("198.51.100.1".into(), 40));
        assert_eq!(send(SERVER, 3).unwrap().0, 1);
    }

    #[test]
    fn what_nobody_has_vanishes_and_what_is_private_is_refused() {
        assert!(send(Ipv4Addr::new(198, 51, 100, 66), 64).is_none());
        let (_, packet, _) = send(Ipv4Addr::new(10, 0, 0, 1), 64).unwrap();
        assert_eq!(packet::addresses(&packet).unwrap().0.to_string(), "203.0.113.1");
    }

    #[test]
    fn hostile_frames_are_dropped_without_panic() {
        let mut internet = internet();
        let log = Log { trace: internet.log.trace.clone(), host: HostId(1) };
        let (from, to) = (Endpoint { ip: HOME, port: 1 }, Endpoint { ip: SERVER, port: 2 });
        let bytes = packet::ipv4_frame(MacAddress([8; 6]), MacAddress([2; 6]), &packet::udp_packet(from, to, b"probe"));
        for at in 0..bytes.len() {
            for value in [0, 1, 8, 0x45, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                for interface in [0, 1, 2] {
                    internet.receive(Instant::ZERO, interface, &sent_frame(&log, Instant::ZERO, damaged.clone()));
                    internet.receive(Instant::ZERO, interface, &sent_frame(&log, Instant::ZERO, bytes[..at].to_vec()));
                }
            }
        }
        internet.poll(Instant::from_micros(1_000_000));
    }
}
