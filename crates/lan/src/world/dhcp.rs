//! A DHCP server (RFC 2131, RFC 2132) that works on whole frames, for the router and for a board that is an access point.
//!
//! Working on frames rather than on a socket lets it answer a client that has no address yet at the client's hardware
//! address, as the RFC asks (section 4.1), where a socket would have to resolve that address first.
//!
//! Addresses are handed out upward in the order in which clients first ask, and a client gets the same one for ever after:
//! what a lab says about "the second board" stays true. The wire format is `smoltcp::wire`'s, which is linked anyway; the
//! `dhcproto` crate was ruled out because it brings a DNS library, the `url` crate and Unicode tables along.
//!
//! Left out: relay agents, classes, BOOTP, and the ping before an offer.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use smoltcp::wire::{DhcpMessageType, DhcpOption, DhcpPacket, DhcpRepr};
use trace::{DhcpMessage, Duration, Endpoint, Instant};

use super::packet::{self, Content};
use crate::address::MacAddress;

const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
/// A message without padding to this length is dropped by some clients (RFC 1542, section 2.1: at least 300 bytes of BOOTP).
const MESSAGE_LENGTH_MIN: usize = 300;

/// Option codes of RFC 2132 that the wire crate leaves to us.
mod option {
    pub(super) const DNS: u8 = 6;
    pub(super) const HOST_NAME: u8 = 12;
    pub(super) const DOMAIN_NAME: u8 = 15;
    pub(super) const BROADCAST: u8 = 28;
    pub(super) const NTP: u8 = 42;
}

/// What a server hands out.
#[derive(Clone, Debug)]
pub struct DhcpServerConfig {
    /// The server's own address.
    pub ip: Ipv4Addr,
    /// The server's hardware address.
    pub mac: MacAddress,
    /// Length of the subnet's prefix.
    pub prefix_length: u8,
    /// First address of the pool.
    pub first: Ipv4Addr,
    /// Last address of the pool.
    pub last: Ipv4Addr,
    /// Default gateway.
    pub router: Option<Ipv4Addr>,
    /// Name servers.
    pub dns: Vec<Ipv4Addr>,
    /// Time servers (option 42).
    pub ntp: Vec<Ipv4Addr>,
    /// Domain that host names belong to.
    pub domain: Option<String>,
    /// How long a lease lasts.
    pub lease: Duration,
    /// Addresses that certain clients always get.
    pub reservations: Vec<(MacAddress, Ipv4Addr)>,
}

impl DhcpServerConfig {
    /// What the firmware's soft access point at `ip` hands out: .2 upward, 100 addresses, itself as router and name server.
    pub fn soft_ap(ip: Ipv4Addr, mac: MacAddress) -> DhcpServerConfig {
        let [a, b, c, _] = ip.octets();
        DhcpServerConfig {
            ip,
            mac,
            prefix_length: 24,
            first: Ipv4Addr::new(a, b, c, 2),
            last: Ipv4Addr::new(a, b, c, 101),
            router: Some(ip),
            dns: vec![ip],
            ntp: Vec::new(),
            domain: None,
            lease: Duration::from_secs(120 * 60),
            reservations: Vec::new(),
        }
    }
}

/// An address and who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpLease {
    /// The client.
    pub mac: MacAddress,
    /// Its address.
    pub ip: Ipv4Addr,
    /// What it calls itself, if it said so.
    pub host_name: Option<String>,
    /// When the lease ends; `None` while the address is only kept for the client (offered, released, run out).
    pub until: Option<Instant>,
}

/// One message understood, and the answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpExchange {
    /// The client's message.
    pub received: DhcpMessage,
    /// The address it speaks of.
    pub requested: Option<Ipv4Addr>,
    /// The client.
    pub client: MacAddress,
    /// The answer, if one is due.
    pub reply: Option<DhcpReply>,
}

/// An answer to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpReply {
    /// Its kind.
    pub message: DhcpMessage,
    /// The address it gives.
    pub address: Option<Ipv4Addr>,
    /// The whole Ethernet frame.
    pub frame: Vec<u8>,
}

/// Hands out addresses.
#[derive(Debug)]
pub struct DhcpServer {
    config: DhcpServerConfig,
    /// By client; an entry stays when its lease ends.
    leases: BTreeMap<MacAddress, DhcpLease>,
    /// Addresses that a client found in use.
    declined: Vec<Ipv4Addr>,
}

/// What of a client's message matters.
struct Request<'a> {
    repr: DhcpRepr<'a>,
    host_name: Option<String>,
}

impl DhcpServer {
    /// A server with no leases.
    pub fn new(config: DhcpServerConfig) -> DhcpServer {
        DhcpServer { config, leases: BTreeMap::new(), declined: Vec::new() }
    }

    /// What it hands out.
    pub fn config(&self) -> &DhcpServerConfig {
        &self.config
    }

    /// Changes what is handed out from the next message on; addresses already given stay.
    pub fn config_mut(&mut self) -> &mut DhcpServerConfig {
        &mut self.config
    }

    /// The leases by address, those that have ended included.
    pub fn leases(&self) -> Vec<DhcpLease> {
        let mut leases: Vec<DhcpLease> = self.leases.values().cloned().collect();
        leases.sort_by_key(|lease| lease.ip);
        leases
    }

    /// Takes over what another server has given: its clients keep their addresses.
    pub fn restore(&mut self, leases: Vec<DhcpLease>) {
        for lease in leases {
            if self.is_in_pool(lease.ip) && !lease.mac.is_group() {
                self.leases.retain(|mac, other| *mac == lease.mac || other.ip != lease.ip);
                self.leases.insert(lease.mac, lease);
            }
        }
    }

    /// Understands `frame` if it carries a client's message to this server.
    pub fn handle_frame(&mut self, now: Instant, frame: &[u8]) -> Option<DhcpExchange> {
        let Content::Ipv4(packet) = packet::parse_frame(frame)?.content else { return None };
        let datagram = packet::parse_udp(packet)?;
        let for_us = datagram.destination.ip.is_broadcast() || datagram.destination.ip == self.config.ip;
        if datagram.destination.port != SERVER_PORT || !for_us {
            return None;
        }
        self.handle_message(now, datagram.payload)
    }

    fn handle_message(&mut self, now: Instant, payload: &[u8]) -> Option<DhcpExchange> {
        let packet = DhcpPacket::new_checked(payload).ok()?;
        let repr = DhcpRepr::parse(&packet).ok()?;
        let host_name = packet
            .options()
            .find(|option| option.kind == option::HOST_NAME)
            .and_then(|option| readable_host_name(option.data));
        let request = Request { repr, host_name };
        let received = message_kind(request.repr.message_type)?;
        let mac = MacAddress(request.repr.client_hardware_address.0);
        let requested = request.requested_ip();
        self.expire(now);
        let reply = match request.repr.message_type {
            DhcpMessageType::Discover => self.offer(now, mac, &request),
            DhcpMessageType::Request => self.request(now, mac, &request),
            DhcpMessageType::Inform => Some(self.reply(&request, DhcpMessageType::Ack, None)),
            DhcpMessageType::Decline => self.decline(mac, requested),
            DhcpMessageType::Release => self.release(mac),
            _ => None,
        };
        Some(DhcpExchange { received, requested, client: mac, reply })
    }

    fn offer(&mut self, now: Instant, mac: MacAddress, request: &Request<'_>) -> Option<DhcpReply> {
        let ip = self.address_for(now, mac)?;
        self.remember(mac, ip, request);
        Some(self.reply(request, DhcpMessageType::Offer, Some(ip)))
    }

    /// RFC 2131, section 4.3.2: a request selects an offer, verifies an address known from before, or extends a lease.
    fn request(&mut self, now: Instant, mac: MacAddress, request: &Request<'_>) -> Option<DhcpReply> {
        if request.repr.server_identifier.is_some_and(|server| server != self.config.ip) {
            return None; // the client chose another server
        }
        let wanted = request.requested_ip()?;
        let known = self.leases.get(&mac).map(|lease| lease.ip);
        let granted = match known {
            Some(ip) => ip == wanted,
            None => self.is_in_pool(wanted) && self.is_free(wanted),
        };
        if !granted {
            return Some(self.reply(request, DhcpMessageType::Nak, None));
        }
        self.remember(mac, wanted, request);
        if let Some(lease) = self.leases.get_mut(&mac) {
            lease.until = Some(now + self.config.lease);
        }
        Some(self.reply(request, DhcpMessageType::Ack, Some(wanted)))
    }

    fn decline(&mut self, mac: MacAddress, requested: Option<Ipv4Addr>) -> Option<DhcpReply> {
        let ip = self.leases.remove(&mac).map(|lease| lease.ip).or(requested)?;
        if self.is_in_pool(ip) && !self.declined.contains(&ip) {
            self.declined.push(ip);
        }
        None
    }

    fn release(&mut self, mac: MacAddress) -> Option<DhcpReply> {
        if let Some(lease) = self.leases.get_mut(&mac) {
            lease.until = None;
        }
        None
    }

    fn remember(&mut self, mac: MacAddress, ip: Ipv4Addr, request: &Request<'_>) {
        let lease = self.leases.entry(mac).or_insert(DhcpLease { mac, ip, host_name: None, until: None });
        lease.ip = ip;
        if request.host_name.is_some() {
            lease.host_name.clone_from(&request.host_name);
        }
    }

    fn expire(&mut self, now: Instant) {
        for lease in self.leases.values_mut() {
            if lease.until.is_some_and(|until| until <= now) {
                lease.until = None;
            }
        }
    }

    /// The client's address: its reservation, the one it had, the next free one, or that of a client long gone.
    fn address_for(&mut self, now: Instant, mac: MacAddress) -> Option<Ipv4Addr> {
        let reserved = self.config.reservations.iter().find(|(client, _)| *client == mac).map(|(_, ip)| *ip);
        let known = self.leases.get(&mac).map(|lease| lease.ip);
        reserved.or(known).or_else(|| self.next_free()).or_else(|| self.recycle(now))
    }

    fn next_free(&self) -> Option<Ipv4Addr> {
        (self.config.first.to_bits()..=self.config.last.to_bits()).map(Ipv4Addr::from_bits).find(|ip| self.is_free(*ip))
    }

    fn recycle(&mut self, now: Instant) -> Option<Ipv4Addr> {
        let is_over = |lease: &&DhcpLease| lease.until.is_none_or(|until| until <= now);
        let lease = self.leases.values().find(is_over)?.clone();
        self.leases.remove(&lease.mac);
        Some(lease.ip)
    }

    fn is_free(&self, ip: Ipv4Addr) -> bool {
        ip != self.config.ip
            && !self.declined.contains(&ip)
            && !self.config.reservations.iter().any(|(_, reserved)| *reserved == ip)
            && !self.leases.values().any(|lease| lease.ip == ip)
    }

    fn is_in_pool(&self, ip: Ipv4Addr) -> bool {
        (self.config.first..=self.config.last).contains(&ip)
    }

    fn reply(&self, request: &Request<'_>, kind: DhcpMessageType, address: Option<Ipv4Addr>) -> DhcpReply {
        let message = match kind {
            DhcpMessageType::Offer => DhcpMessage::Offer,
            DhcpMessageType::Nak => DhcpMessage::Nak,
            _ => DhcpMessage::Ack,
        };
        let payload = self.reply_payload(request, kind, address);
        let (mac, ip) = destination(request, kind, address);
        let source = Endpoint { ip: self.config.ip, port: SERVER_PORT };
        let packet = packet::udp_packet(source, Endpoint { ip, port: CLIENT_PORT }, &payload);
        DhcpReply { message, address, frame: packet::ipv4_frame(self.config.mac, mac, &packet) }
    }

    fn reply_payload(&self, request: &Request<'_>, kind: DhcpMessageType, address: Option<Ipv4Addr>) -> Vec<u8> {
        let config = &self.config;
        let is_nak = kind == DhcpMessageType::Nak;
        let netmask = u32::MAX.checked_shl(32 - u32::from(config.prefix_length.min(32))).unwrap_or(0);
        let broadcast = Ipv4Addr::from_bits(config.ip.to_bits() | !netmask);
        let (dns, ntp) = (octets(&config.dns), octets(&config.ntp));
        let mut options = Vec::new();
        let mut add = |kind, data: &'_ [u8]| {
            if !data.is_empty() && data.len() <= 255 && !is_nak {
                options.push((kind, data.to_vec()));
            }
        };
        add(option::DNS, &dns);
        add(option::BROADCAST, &broadcast.octets());
        add(option::NTP, &ntp);
        add(option::DOMAIN_NAME, config.domain.as_deref().unwrap_or_default().as_bytes());
        let additional: Vec<DhcpOption<'_>> =
            options.iter().map(|(kind, data)| DhcpOption { kind: *kind, data }).collect();
        let seconds = u32::try_from(config.lease.as_micros() / 1_000_000).unwrap_or(u32::MAX);
        let lease_seconds = (address.is_some() && !is_nak).then_some(seconds);
        let repr = DhcpRepr {
            message_type: kind,
            transaction_id: request.repr.transaction_id,
            secs: 0,
            client_hardware_address: request.repr.client_hardware_address,
            client_ip: request.repr.client_ip,
            your_ip: address.unwrap_or(Ipv4Addr::UNSPECIFIED),
            server_ip: config.ip,
            router: config.router.filter(|_| !is_nak),
            subnet_mask: (!is_nak).then_some(Ipv4Addr::from_bits(netmask)),
            relay_agent_ip: Ipv4Addr::UNSPECIFIED,
            broadcast: request.repr.broadcast,
            requested_ip: None,
            client_identifier: None,
            server_identifier: Some(config.ip),
            parameter_request_list: None,
            dns_servers: None,
            max_size: None,
            lease_duration: lease_seconds,
            renew_duration: lease_seconds.map(|seconds| seconds / 2),
            rebind_duration: lease_seconds.map(|seconds| (u64::from(seconds) * 7 / 8) as u32),
            additional_options: &additional,
        };
        let mut payload = vec![0; repr.buffer_len().max(MESSAGE_LENGTH_MIN)];
        // The buffer has the length that the representation asked for.
        let emitted = repr.emit(&mut DhcpPacket::new_unchecked(&mut payload[..]));
        debug_assert!(emitted.is_ok());
        payload
    }
}

impl Request<'_> {
    /// The address the client speaks of: in the option, or the one it already uses.
    fn requested_ip(&self) -> Option<Ipv4Addr> {
        self.repr.requested_ip.or(Some(self.repr.client_ip).filter(|ip| !ip.is_unspecified()))
    }
}

/// RFC 2131, section 4.1: to the client's address if it has one, else to its hardware address, else to all.
fn destination(request: &Request<'_>, kind: DhcpMessageType, address: Option<Ipv4Addr>) -> (MacAddress, Ipv4Addr) {
    let client = MacAddress(request.repr.client_hardware_address.0);
    let usable = !client.is_group();
    if kind == DhcpMessageType::Nak || !usable {
        return (MacAddress::BROADCAST, Ipv4Addr::BROADCAST);
    }
    match (request.repr.client_ip, address) {
        (ip, _) if !ip.is_unspecified() => (client, ip),
        (_, Some(ip)) if !request.repr.broadcast => (client, ip),
        _ => (MacAddress::BROADCAST, Ipv4Addr::BROADCAST),
    }
}

fn message_kind(kind: DhcpMessageType) -> Option<DhcpMessage> {
    Some(match kind {
        DhcpMessageType::Discover => DhcpMessage::Discover,
        // The log has no word for a request of settings alone.
        DhcpMessageType::Request | DhcpMessageType::Inform => DhcpMessage::Request,
        DhcpMessageType::Decline => DhcpMessage::Decline,
        DhcpMessageType::Release => DhcpMessage::Release,
        _ => return None,
    })
}

/// A host name that can be part of a domain name (RFC 1123, section 2.1), else none.
fn readable_host_name(data: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(data).ok()?.trim_end_matches('\0');
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (!text.is_empty() && text.len() <= 63 && text.bytes().all(legal)).then(|| text.to_owned())
}

fn octets(addresses: &[Ipv4Addr]) -> Vec<u8> {
    addresses.iter().flat_map(|ip| ip.octets()).collect()
}

#[cfg(test)]
mod tests {
    use smoltcp::wire::EthernetAddress;

    use super::*;

    const SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);

    fn server() -> DhcpServer {
        DhcpServer::new(DhcpServerConfig {
            ip: SERVER,
            mac: MacAddress([2, 0, 0, 0, 0, 1]),
            prefix_length: 24,
            first: Ipv4Addr::new(192, 168, 1, 100),
            last: Ipv4Addr::new(192, 168, 1, 102),
            router: Some(SERVER),
            dns: vec![SERVER],
            ntp: vec![SERVER],
            domain: Some("lan".into()),
            lease: Duration::from_secs(600),
            reservations: Vec::new(),
        })
    }

    /// A client's message in a broadcast frame.
    fn message(client: u8, kind: DhcpMessageType, requested: Option<u8>, host_name: &str) -> Vec<u8> {
        let mac = MacAddress([2, 0, 0, 0, 1, client]);
        let options = [DhcpOption { kind: option::HOST_NAME, data: host_name.as_bytes() }];
        let repr = DhcpRepr {
            message_type: kind,
            transaction_id: 0x1234,
            secs: 0,
            client_hardware_address: EthernetAddress(mac.0),
            client_ip: Ipv4Addr::UNSPECIFIED,
            your_ip: Ipv4Addr::UNSPECIFIED,
            server_ip: Ipv4Addr::UNSPECIFIED,
            router: None,
            subnet_mask: None,
            relay_agent_ip: Ipv4Addr::UNSPECIFIED,
            broadcast: false,
            requested_ip: requested.map(|last| Ipv4Addr::new(192, 168, 1, last)),
            client_identifier: None,
            server_identifier: None,
            parameter_request_list: None,
            dns_servers: None,
            max_size: None,
            lease_duration: None,
            renew_duration: None,
            rebind_duration: None,
            additional_options: if host_name.is_empty() { &[] } else { &options },
        };
        let mut payload = vec![0; repr.buffer_len()];
        repr.emit(&mut DhcpPacket::new_unchecked(&mut payload[..])).unwrap();
        let from = Endpoint { ip: Ipv4Addr::UNSPECIFIED, port: 68 };
        let to = Endpoint { ip: Ipv4Addr::BROADCAST, port: 67 };
        packet::ipv4_frame(mac, MacAddress::BROADCAST, &packet::udp_packet(from, to, &payload))
    }

    /// Sends a message and says what came back: kind, last octet.
    fn ask(server: &mut DhcpServer, seconds: u64, frame: &[u8]) -> Option<(DhcpMessage, Option<u8>)> {
        let exchange = server.handle_frame(Instant::from_micros(seconds * 1_000_000), frame).expect("understood");
        exchange.reply.map(|reply| (reply.message, reply.address.map(|ip| ip.octets()[3])))
    }

    fn join(server: &mut DhcpServer, client: u8) -> Option<u8> {
        let (kind, address) = ask(server, 0, &message(client, DhcpMessageType::Discover, None, ""))?;
        assert_eq!(kind, DhcpMessage::Offer);
        let answer = ask(server, 0, &message(client, DhcpMessageType::Request, address, ""));
        assert_eq!(answer, Some((DhcpMessage::Ack, address)));
        address
    }

    #[test]
    fn addresses_go_up_in_join_order_and_stay() {
        let mut server = server();
        assert_eq!(join(&mut server, 9), Some(100));
        assert_eq!(join(&mut server, 3), Some(101));
        assert_eq!(join(&mut server, 9), Some(100));
        assert_eq!(server.leases().len(), 2);
    }

    #[test]
    fn a_full_pool_gives_away_only_addresses_that_nobody_uses() {
        let mut server = server();
        for client in 1..=3 {
            join(&mut server, client);
        }
        let discover = message(4, DhcpMessageType::Discover, None, "");
        assert_eq!(ask(&mut server, 1, &discover), None);
        assert_eq!(ask(&mut server, 2, &message(2, DhcpMessageType::Release, None, "")), None);
        assert_eq!(ask(&mut server, 3, &discover), Some((DhcpMessage::Offer, Some(101))));
    }

    #[test]
    fn a_lease_runs_out() {
        let mut server = server();
        join(&mut server, 1);
        assert_eq!(server.leases()[0].until, Some(Instant::from_micros(600_000_000)));
        ask(&mut server, 601, &message(2, DhcpMessageType::Discover, None, ""));
        assert_eq!(server.leases()[0].until, None);
    }

    #[test]
    fn a_wrong_address_is_refused() {
        let mut server = server();
        join(&mut server, 1);
        let answer = ask(&mut server, 0, &message(2, DhcpMessageType::Request, Some(100), ""));
        assert_eq!(answer, Some((DhcpMessage::Nak, None)));
        let answer = ask(&mut server, 0, &message(2, DhcpMessageType::Request, Some(7), ""));
        assert_eq!(answer, Some((DhcpMessage::Nak, None)));
        let answer = ask(&mut server, 0, &message(2, DhcpMessageType::Request, Some(102), ""));
        assert_eq!(answer, Some((DhcpMessage::Ack, Some(102))));
    }

    #[test]
    fn an_address_found_in_use_is_not_offered_again() {
        let mut server = server();
        assert_eq!(join(&mut server, 1), Some(100));
        ask(&mut server, 0, &message(1, DhcpMessageType::Decline, Some(100), ""));
        assert_eq!(join(&mut server, 1), Some(101));
    }

    #[test]
    fn host_names_are_kept_when_they_are_names() {
        let mut server = server();
        ask(&mut server, 0, &message(1, DhcpMessageType::Discover, None, "NODE-00010203"));
        ask(&mut server, 0, &message(2, DhcpMessageType::Discover, None, "no name!"));
        let names: Vec<_> = server.leases().into_iter().map(|lease| lease.host_name).collect();
        assert_eq!(names, [Some("NODE-00010203".to_owned()), None]);
    }

    #[test]
    fn the_answer_carries_the_settings_and_goes_to_the_client_alone() {
        let mut server = server();
        let exchange = server.handle_frame(Instant::ZERO, &message(1, DhcpMessageType::Discover, None, "")).unwrap();
        let frame = exchange.reply.unwrap().frame;
        let view = packet::parse_frame(&frame).unwrap();
        assert_eq!(view.destination, MacAddress([2, 0, 0, 0, 1, 1]));
        let Content::Ipv4(packet) = view.content else { panic!("not IPv4") };
        let datagram = packet::parse_udp(packet).unwrap();
        assert_eq!(datagram.destination, Endpoint { ip: Ipv4Addr::new(192, 168, 1, 100), port: 68 });
        let packet = DhcpPacket::new_checked(datagram.payload).unwrap();
        let find = |kind| packet.options().find(|option| option.kind == kind).map(|option| option.data.to_vec());
        assert_eq!(find(1), Some(vec![255, 255, 255, 0]));
        assert_eq!(find(3), Some(SERVER.octets().to_vec()));
        assert_eq!(find(6), Some(SERVER.octets().to_vec()));
        assert_eq!(find(28), Some(vec![192, 168, 1, 255]));
        assert_eq!(find(42), Some(SERVER.octets().to_vec()));
        assert_eq!(find(51), Some(600u32.to_be_bytes().to_vec()));
        assert_eq!(find(15), Some(b"lan".to_vec()));
    }

    #[test]
    fn hostile_messages_are_ignored_without_panic() {
        let frame = message(1, DhcpMessageType::Discover, Some(100), "board");
        for length in 0..frame.len() {
            server().handle_frame(Instant::ZERO, &frame[..length]);
        }
        let payload = &frame[42..];
        for at in 0..payload.len() {
            let mut server = server();
            server.handle_message(Instant::ZERO, &payload[..at]);
            for value in [0, 1, 7, 52, 53, 255] {
                let mut damaged = payload.to_vec();
                damaged[at] = value;
                server.handle_message(Instant::ZERO, &damaged);
            }
        }
    }
}
