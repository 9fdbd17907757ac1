//! The link and internet layers: Ethernet, neighbours, addresses, routes, and who an incoming packet is for.
//!
//! Routing is lwIP's: the first interface whose subnet has the destination, otherwise the first one that is up. There is
//! no fragmentation either way (docs/behaviour.md §7).

use std::net::Ipv4Addr;

use smoltcp::wire::{IpProtocol, Ipv4Packet};
use trace::{DropReason, FrameBytes, Instant, Kind, Layer, RecordId, Silence, SocketId};

use super::arp::{Arp, Due, Neighbours, Waiting};
use super::dhcp::Client;
use super::igmp::Group;
use super::wire::{ETHERNET_HEADER, ETHERTYPE_ARP, ETHERTYPE_IPV4, Ethernet, Ipv4, checksums_hold};
use super::{Host, StackProfile, Transit, device, sooner};
use crate::address::{Address, MacAddress};
use crate::chip;
use crate::error::RouteError;
use crate::event::{Event, IcmpErrorKind};
use crate::frame::Frame;

/// One interface.
#[derive(Debug)]
pub(crate) struct Netif {
    pub(crate) mac: MacAddress,
    pub(crate) up: bool,
    pub(crate) address: Option<Address>,
    pub(crate) extra: Vec<Ipv4Addr>,
    pub(crate) neighbours: Neighbours,
    pub(crate) groups: Vec<Group>,
    pub(crate) dhcp: Option<Client>,
}

impl Netif {
    pub(crate) fn new(mac: MacAddress, profile: StackProfile) -> Netif {
        let entries_max = match profile {
            StackProfile::Chip => chip::ARP_TABLE_MAX,
            StackProfile::Desktop => chip::desktop::ARP_TABLE_MAX,
        };
        Netif {
            mac,
            up: false,
            address: None,
            extra: Vec::new(),
            neighbours: Neighbours::new(entries_max),
            groups: Vec::new(),
            dhcp: None,
        }
    }

    pub(crate) fn owns(&self, ip: Ipv4Addr) -> bool {
        self.address.is_some_and(|address| address.ip == ip) || self.extra.contains(&ip)
    }

    fn next_deadline(&self) -> Option<Instant> {
        let report = self.groups.iter().filter_map(|group| group.report_at).min();
        sooner(self.neighbours.next_deadline(), report)
    }
}

/// Where a packet leaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) interface: usize,
    pub(crate) address: Address,
}

impl Host {
    // ---- interfaces ----

    /// Number of interfaces.
    pub fn interface_count(&self) -> u8 {
        self.interfaces.len() as u8
    }

    /// The Ethernet address of `interface`; all zero if there is none.
    pub fn mac(&self, interface: u8) -> MacAddress {
        self.interfaces.get(usize::from(interface)).map(|netif| netif.mac).unwrap_or_default()
    }

    /// Gives `interface` another Ethernet address.
    pub fn set_mac(&mut self, interface: u8, mac: MacAddress) {
        if let Some(netif) = self.interfaces.get_mut(usize::from(interface)) {
            netif.mac = mac;
        }
    }

    /// Connects or cuts the link of `interface`. Addresses stay (an owner that wants them gone says so); neighbours are
    /// forgotten.
    pub fn set_link(&mut self, now: Instant, interface: u8, up: bool) {
        self.advance(now);
        if let Some(netif) = self.interfaces.get_mut(usize::from(interface)) {
            netif.up = up;
            if !up {
                netif.neighbours.clear();
            }
        }
    }

    /// Whether `interface` has a link.
    pub fn link_is_up(&self, interface: u8) -> bool {
        self.interfaces.get(usize::from(interface)).is_some_and(|netif| netif.up)
    }

    /// Configures `interface` by hand, or takes its address away. Connections from another address there end with
    /// [`CloseReason::Aborted`](crate::CloseReason::Aborted); listeners survive.
    pub fn set_address(&mut self, now: Instant, interface: u8, address: Option<Address>) {
        self.advance(now);
        self.change_address(now, interface, address, false);
    }

    pub(crate) fn change_address(&mut self, now: Instant, interface: u8, address: Option<Address>, from_dhcp: bool) {
        let Some(netif) = self.interfaces.get(usize::from(interface)) else { return };
        let before = netif.address;
        if before == address {
            return;
        }
        if let Some(before) = before
            && address.is_none_or(|address| address.ip != before.ip)
        {
            self.tcp_abort_bound_to(now, before.ip);
        }
        let netif = &mut self.interfaces[usize::from(interface)];
        netif.address = address;
        netif.neighbours.clear();
        let ip = address.map(|address| address.ip);
        self.trace.record(now, self.id, Kind::Address { interface, address: ip });
        self.push_event(Event::AddressChanged { interface, address, from_dhcp }, self.trace.current());
        if address.is_some() {
            self.announce(now, usize::from(interface));
        }
    }

    /// Tells the neighbours about a new address (gratuitous ARP).
    fn announce(&mut self, now: Instant, interface: usize) {
        let netif = &self.interfaces[interface];
        let Some(address) = netif.address else { return };
        let (mac, ip) = (netif.mac, address.ip);
        let message =
            Arp { is_request: true, source_mac: mac, source_ip: ip, target_mac: MacAddress([0; 6]), target_ip: ip };
        self.transmit(now, interface, message.frame(), None, self.trace.current(), true);
    }

    /// Further addresses that `interface` answers for, without a subnet of their own: many names on one host.
    pub fn set_extra_addresses(&mut self, interface: u8, addresses: Vec<Ipv4Addr>) {
        if let Some(netif) = self.interfaces.get_mut(usize::from(interface)) {
            netif.extra = addresses;
        }
    }

    /// What to do with packets for others.
    pub fn set_transit(&mut self, transit: Transit) {
        self.transit = transit;
    }

    /// Sends a finished IPv4 packet on its way: for a router's own forwarding. Does not touch the time to live.
    ///
    /// # Errors
    /// [`RouteError::NoRoute`] when no interface leads there.
    pub fn send_packet(&mut self, now: Instant, packet: &[u8], intact: bool) -> Result<(), RouteError> {
        self.advance(now);
        if Ipv4Packet::new_checked(packet).is_err() || packet.len() > device::MTU {
            return Err(RouteError::IllegalPacket);
        }
        let frame = [0; ETHERNET_HEADER].iter().chain(packet).copied().collect();
        self.send_ip(now, frame, None, self.trace.current(), intact)
    }

    /// Sends a finished Ethernet frame by `interface`: what a service beside the stack (a DHCP server) has written.
    pub fn send_frame(&mut self, now: Instant, interface: u8, bytes: Vec<u8>) {
        self.advance(now);
        let interface = usize::from(interface);
        if interface < self.interfaces.len() && bytes.len() >= ETHERNET_HEADER {
            self.transmit(now, interface, bytes.into(), None, self.trace.current(), true);
        }
    }

    // ---- sending ----

    /// The interface for `destination` (docs/behaviour.md §4.1: none without link or address).
    pub(crate) fn route(&self, destination: Ipv4Addr) -> Option<Route> {
        let usable = || {
            (self.interfaces.iter().enumerate())
                .filter(|(_, netif)| netif.up)
                .filter_map(|(interface, netif)| Some(Route { interface, address: netif.address? }))
        };
        // A desktop or router has one way out, whichever interface it is on; the chip takes its first one.
        let way_out =
            || usable().find(|route| self.profile == StackProfile::Desktop && route.address.gateway.is_some());
        usable().find(|route| route.address.contains(destination)).or_else(way_out).or_else(|| usable().next())
    }

    /// Sends an IPv4 packet in a frame whose Ethernet header is still empty.
    pub(crate) fn send_ip(
        &mut self,
        now: Instant,
        frame: FrameBytes,
        socket: Option<SocketId>,
        cause: Option<RecordId>,
        intact: bool,
    ) -> Result<(), RouteError> {
        let destination = Ipv4Addr::from_bits(u32::from_be_bytes([frame[30], frame[31], frame[32], frame[33]]));
        if self.profile == StackProfile::Desktop && (destination.is_loopback() || self.owns(destination)) {
            self.loop_back(now, frame, socket, cause);
            return Ok(());
        }
        let Some(route) = self.route(destination) else { return Err(RouteError::NoRoute) };
        let waiting = Waiting { frame, socket, cause, intact };
        if route.address.is_broadcast(destination) {
            self.send_to(now, route.interface, MacAddress::BROADCAST, waiting);
            return Ok(());
        }
        if destination.is_multicast() {
            self.send_to(now, route.interface, MacAddress::of_group(destination), waiting);
            return Ok(());
        }
        let next_hop = if route.address.contains(destination) { Some(destination) } else { route.address.gateway };
        let Some(next_hop) = next_hop else { return Err(RouteError::NoRoute) };
        let neighbours = &mut self.interfaces[route.interface].neighbours;
        match neighbours.lookup(now, next_hop) {
            Some(mac) => self.send_to(now, route.interface, mac, waiting),
            None => {
                neighbours.wait_for(now, next_hop, waiting);
                self.ask_for(now, route.interface, next_hop, cause);
            }
        }
        Ok(())
    }

    pub(crate) fn send_to(&mut self, now: Instant, interface: usize, destination: MacAddress, waiting: Waiting) {
        let Waiting { mut frame, socket, cause, intact } = waiting;
        let source = self.interfaces[interface].mac;
        Ethernet { destination, source, ethertype: ETHERTYPE_IPV4 }.write(&mut frame);
        self.transmit(now, interface, frame, socket, cause, intact);
    }

    fn ask_for(&mut self, now: Instant, interface: usize, target_ip: Ipv4Addr, cause: Option<RecordId>) {
        let netif = &self.interfaces[interface];
        let Some(address) = netif.address else { return };
        let message = Arp {
            is_request: true,
            source_mac: netif.mac,
            source_ip: address.ip,
            target_mac: MacAddress([0; 6]),
            target_ip,
        };
        self.transmit(now, interface, message.frame(), None, cause, true);
    }

    /// Puts a finished frame on the link, if there is one.
    pub(crate) fn transmit(
        &mut self,
        now: Instant,
        interface: usize,
        bytes: FrameBytes,
        socket: Option<SocketId>,
        cause: Option<RecordId>,
        intact: bool,
    ) {
        let sent = self.record_sent(now, &bytes, socket, cause);
        let frame = Frame { bytes, sent, from: self.id, intact };
        if self.interfaces[interface].up {
            self.frames.push_back((interface as u8, frame));
        } else {
            self.drop_frame(now, &frame, DropReason::LinkDown);
        }
    }

    fn record_sent(
        &self,
        now: Instant,
        bytes: &FrameBytes,
        socket: Option<SocketId>,
        cause: Option<RecordId>,
    ) -> RecordId {
        let sent = Kind::FrameSent { socket, length: bytes.len() as u32, bytes: bytes.clone() };
        self.trace.record_caused(now, self.id, cause, sent)
    }

    fn loop_back(&mut self, now: Instant, bytes: FrameBytes, socket: Option<SocketId>, cause: Option<RecordId>) {
        let sent = self.record_sent(now, &bytes, socket, cause);
        // An empty Ethernet header, source and destination zero, marks what never was on a link.
        self.backlog.push_back((super::LOOPBACK, Frame { bytes, sent, from: self.id, intact: true }));
    }

    // ---- receiving ----

    pub(crate) fn frame_in(&mut self, now: Instant, interface: u8, frame: &Frame) {
        if interface == super::LOOPBACK {
            let carried = self.record_carried(now, frame);
            let _scope = self.trace.enter(Some(carried));
            self.packet_in(now, 0, frame, carried);
            return;
        }
        let Some(netif) = self.interfaces.get(usize::from(interface)) else { return };
        let Some(ethernet) = Ethernet::parse(&frame.bytes) else {
            return self.drop_frame(now, frame, DropReason::Malformed);
        };
        if !netif.up {
            return self.drop_frame(now, frame, DropReason::LinkDown);
        }
        if ethernet.destination != netif.mac && !ethernet.destination.is_group() {
            return;
        }
        if !frame.intact && !checksums_hold(&frame.bytes) {
            return self.drop_frame(now, frame, DropReason::Corrupted);
        }
        let carried = self.record_carried(now, frame);
        let _scope = self.trace.enter(Some(carried));
        match ethernet.ethertype {
            ETHERTYPE_IPV4 => self.packet_in(now, usize::from(interface), frame, carried),
            ETHERTYPE_ARP => self.arp_in(now, usize::from(interface), frame, carried),
            _ => {}
        }
    }

    fn record_carried(&self, now: Instant, frame: &Frame) -> RecordId {
        let carried = Kind::FrameCarried { frame: frame.sent, from: frame.from };
        self.trace.record_caused(now, self.id, Some(frame.sent), carried)
    }

    fn packet_in(&mut self, now: Instant, interface: usize, frame: &Frame, carried: RecordId) {
        let Some(ip) = Ipv4::parse(&frame.bytes) else {
            return self.drop_frame(now, frame, DropReason::Malformed);
        };
        if ip.protocol == IpProtocol::Udp && self.dhcp_in(now, interface, &ip, frame, carried) {
            return;
        }
        if ip.is_fragment {
            self.nothing(Some(carried), Layer::Ip, Silence::Other, None, || {
                format!("a fragment from {} was dropped: there is no reassembly", ip.source)
            });
            return;
        }
        // RFC 1122, section 3.2.1.3: loopback addresses never appear outside a host.
        if ip.destination.is_loopback() && frame.from != self.id {
            self.nothing(Some(carried), Layer::Ip, Silence::Other, None, || {
                format!("a packet for {} came in from outside and was dropped", ip.destination)
            });
            return;
        }
        let is_group = self.is_for_all(interface, ip.destination) || ip.destination.is_multicast();
        if !is_group && !self.owns(ip.destination) && !ip.destination.is_loopback() {
            return self.transit(now, interface, &ip, frame, carried);
        }
        if ip.protocol == IpProtocol::Udp && ip.destination.is_multicast() && !self.hears(interface, ip.destination) {
            self.nothing(Some(carried), Layer::Ip, Silence::Other, None, || {
                format!("a datagram for the group {} was dropped: this host has not joined it", ip.destination)
            });
            return;
        }
        match ip.protocol {
            IpProtocol::Tcp if !is_group => self.tcp_in(now, &ip, frame, carried),
            IpProtocol::Udp => self.udp_in(now, &ip, frame, carried, is_group),
            IpProtocol::Icmp => self.icmp_in(now, &ip, frame, carried, is_group),
            IpProtocol::Igmp => self.igmp_in(now, interface, &ip, frame),
            _ => {}
        }
    }

    fn is_for_all(&self, interface: usize, destination: Ipv4Addr) -> bool {
        let address = self.interfaces.get(interface).and_then(|netif| netif.address);
        destination.is_broadcast() || address.is_some_and(|address| address.is_broadcast(destination))
    }

    fn transit(&mut self, now: Instant, interface: usize, ip: &Ipv4, frame: &Frame, carried: RecordId) {
        match self.transit {
            Transit::Ignore => self.nothing(Some(carried), Layer::Ip, Silence::Other, None, || {
                format!("{} is not an address of this host, which forwards nothing", ip.destination)
            }),
            Transit::Forward => {
                let packet = frame.bytes[ETHERNET_HEADER..ip.payload.1].to_vec();
                let event = Event::Transit { interface: interface as u8, packet, intact: frame.intact };
                self.push_event(event, Some(carried));
            }
            Transit::Terminate => match ip.protocol {
                IpProtocol::Tcp => self.tcp_in(now, ip, frame, carried),
                IpProtocol::Udp => self.udp_in(now, ip, frame, carried, false),
                IpProtocol::Icmp => self.icmp_in(now, ip, frame, carried, false),
                _ => {}
            },
        }
    }

    fn arp_in(&mut self, now: Instant, interface: usize, frame: &Frame, carried: RecordId) {
        let Some(message) = Arp::parse(&frame.bytes) else {
            return self.drop_frame(now, frame, DropReason::Malformed);
        };
        let netif = &mut self.interfaces[interface];
        let is_for_us = netif.owns(message.target_ip);
        let is_usable = !message.source_ip.is_unspecified() && !message.source_mac.is_group();
        if is_usable && (is_for_us || netif.neighbours.knows(message.source_ip)) {
            for waiting in netif.neighbours.learn(now, message.source_ip, message.source_mac) {
                self.send_to(now, interface, message.source_mac, waiting);
            }
        }
        if message.is_request && is_for_us && message.source_ip != message.target_ip {
            let answer = Arp {
                is_request: false,
                source_mac: self.interfaces[interface].mac,
                source_ip: message.target_ip,
                target_mac: message.source_mac,
                target_ip: message.source_ip,
            };
            self.transmit(now, interface, answer.frame(), None, Some(carried), true);
        }
    }

    // ---- timers ----

    pub(crate) fn ip_deadline(&self) -> Option<Instant> {
        self.interfaces.iter().filter_map(Netif::next_deadline).min()
    }

    pub(crate) fn ip_poll(&mut self, now: Instant) {
        for interface in 0..self.interfaces.len() {
            while let Some(due) = self.interfaces[interface].neighbours.due(now) {
                match due {
                    Due::Ask(ip, cause) => self.ask_for(now, interface, ip, cause),
                    Due::Absent(ip, lost) => {
                        for waiting in lost {
                            self.neighbour_absent(ip, &waiting);
                        }
                    }
                }
            }
            self.igmp_poll(now, interface);
        }
    }

    /// A packet found nobody: said in the log, and on a desktop to the owner, as its kernel would.
    fn neighbour_absent(&mut self, next_hop: Ipv4Addr, waiting: &Waiting) {
        self.nothing(waiting.cause, Layer::Arp, Silence::Other, waiting.socket, || {
            format!("nobody answered for {next_hop}: the packet was dropped")
        });
        if self.profile == StackProfile::Desktop {
            let is_tcp = Ipv4::parse(&waiting.frame).is_some_and(|ip| ip.protocol == IpProtocol::Tcp);
            if let Some(socket) = waiting.socket.filter(|_| is_tcp) {
                return self.tcp_unreachable(socket);
            }
            let own = self.route(next_hop).map_or(Ipv4Addr::UNSPECIFIED, |route| route.address.ip);
            let packet = &waiting.frame[ETHERNET_HEADER..];
            if let Some(event) = super::icmp::error_about(own, IcmpErrorKind::HostUnreachable, packet) {
                self.push_event(event, waiting.cause);
            }
        }
    }
}
