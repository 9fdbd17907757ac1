//! The DHCP client (RFC 2131), on smoltcp's wire format.
//!
//! smoltcp's own client needs its Ethernet layer and knows nothing of option 42. Retry times are lwIP's (`dhcp.c`).
//! Left out: declining an address that someone else uses.

use std::net::Ipv4Addr;

use smoltcp::wire::{DhcpMessageType, DhcpOption, DhcpPacket, DhcpRepr, EthernetAddress, UdpPacket};
use trace::{DhcpMessage, Duration, Endpoint, Instant, Kind, RecordId};

use super::arp::Waiting;
use super::wire::{Ipv4, udp_frame};
use super::{Host, sooner};
use crate::address::{Address, MacAddress};
use crate::event::Event;
use crate::frame::Frame;

const CLIENT_PORT: u16 = 68;
const SERVER_PORT: u16 = 67;
const OPTION_HOST_NAME: u8 = 12;
const OPTION_NTP_SERVERS: u8 = 42;
/// Subnet mask, router, name servers, host name, broadcast address, time servers.
const WANTED: [u8; 6] = [1, 3, 6, 12, 28, OPTION_NTP_SERVERS];
/// Without an offer or lease for so long, the owner hears of it.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Requests for an offered address before it is given up.
const REQUESTS_MAX: u8 = 4;
/// What a lease without a duration is taken for.
const LEASE_DEFAULT: u32 = 86_400;

/// What the DHCP client learnt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The server.
    pub server: Ipv4Addr,
    /// The own address.
    pub address: Address,
    /// The first time server (option 42).
    pub ntp_server: Option<Ipv4Addr>,
    /// Name servers in the server's order.
    pub dns_servers: Vec<Ipv4Addr>,
    /// When it ends.
    pub until: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Selecting,
    Requesting { server: Ipv4Addr, offered: Ipv4Addr },
    Bound,
    Renewing,
}

/// The client of one interface.
#[derive(Debug)]
pub(crate) struct Client {
    phase: Phase,
    transaction: u32,
    tries: u8,
    next_try: Instant,
    timeout_at: Option<Instant>,
    lease: Option<Lease>,
}

impl Host {
    /// Starts asking for a lease on `interface`.
    pub fn start_dhcp(&mut self, now: Instant, interface: u8) {
        self.advance(now);
        let transaction = self.random.u32(..);
        let Some(netif) = self.interfaces.get_mut(usize::from(interface)) else { return };
        let timeout_at = Some(now + TIMEOUT);
        let phase = Phase::Selecting;
        netif.dhcp = Some(Client { phase, transaction, tries: 0, next_try: now, timeout_at, lease: None });
        self.dhcp_try(now, usize::from(interface));
    }

    /// Stops the client, giving the lease back when `release`; the address stays otherwise.
    pub fn stop_dhcp(&mut self, now: Instant, interface: u8, release: bool) {
        self.advance(now);
        let Some(netif) = self.interfaces.get_mut(usize::from(interface)) else { return };
        let Some(client) = netif.dhcp.take() else { return };
        let Some(lease) = client.lease.filter(|_| release) else { return };
        let message = DhcpRepr {
            message_type: DhcpMessageType::Release,
            client_ip: lease.address.ip,
            server_identifier: Some(lease.server),
            ..blank(client.transaction, netif.mac)
        };
        self.dhcp_send(now, usize::from(interface), lease.address.ip, lease.server, &message);
        self.change_address(now, interface, None, true);
    }

    /// Whether a DHCP client runs on `interface`.
    pub fn dhcp_active(&self, interface: u8) -> bool {
        self.interfaces.get(usize::from(interface)).is_some_and(|netif| netif.dhcp.is_some())
    }

    /// The lease of `interface`.
    pub fn lease(&self, interface: u8) -> Option<&Lease> {
        self.interfaces.get(usize::from(interface))?.dhcp.as_ref()?.lease.as_ref()
    }

    pub(crate) fn dhcp_deadline(&self) -> Option<Instant> {
        let clients = self.interfaces.iter().filter_map(|netif| netif.dhcp.as_ref());
        clients.filter_map(|client| sooner(Some(client.next_try), client.timeout_at)).min()
    }

    pub(crate) fn dhcp_poll(&mut self, now: Instant) {
        for interface in 0..self.interfaces.len() {
            let Some(client) = &mut self.interfaces[interface].dhcp else { continue };
            if client.timeout_at.is_some_and(|at| at <= now) {
                client.timeout_at = None;
                self.push_event(Event::DhcpTimeout { interface: interface as u8 }, None);
            }
            let Some(client) = &mut self.interfaces[interface].dhcp else { continue };
            if client.next_try <= now {
                self.dhcp_try(now, interface);
            }
        }
    }

    /// Sends what the client's phase asks for and plans the next time.
    fn dhcp_try(&mut self, now: Instant, interface: usize) {
        let netif = &mut self.interfaces[interface];
        let Some(client) = &mut netif.dhcp else { return };
        match client.phase {
            Phase::Bound => {
                client.phase = Phase::Renewing;
                client.tries = 0;
            }
            Phase::Requesting { .. } if client.tries >= REQUESTS_MAX => {
                client.phase = Phase::Selecting;
                client.tries = 0;
            }
            _ => {}
        }
        let expired = client.lease.as_ref().filter(|lease| lease.until <= now).is_some();
        if expired {
            client.lease = None;
            client.phase = Phase::Selecting;
            client.tries = 0;
            client.timeout_at = Some(now + TIMEOUT);
            self.change_address(now, interface as u8, None, true);
        }
        let netif = &mut self.interfaces[interface];
        let Some(client) = &mut netif.dhcp else { return };
        client.tries = client.tries.saturating_add(1);
        // lwIP: 2, 4, 8, 16, 32, then 60 seconds.
        let wait = if client.tries < 6 { 1 << client.tries } else { 60 };
        client.next_try = now + Duration::from_secs(wait);
        let mut message = blank(client.transaction, netif.mac);
        message.parameter_request_list = Some(&WANTED);
        let (source, destination) = match (client.phase, &client.lease) {
            (Phase::Requesting { server, offered }, _) => {
                message.message_type = DhcpMessageType::Request;
                message.requested_ip = Some(offered);
                message.server_identifier = Some(server);
                (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST)
            }
            (Phase::Renewing, Some(lease)) => {
                message.message_type = DhcpMessageType::Request;
                message.client_ip = lease.address.ip;
                client.next_try = client.next_try.min(lease.until);
                // After some unanswered tries anyone may renew it.
                let anyone = client.tries > 3;
                (lease.address.ip, if anyone { Ipv4Addr::BROADCAST } else { lease.server })
            }
            _ => {
                message.message_type = DhcpMessageType::Discover;
                (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST)
            }
        };
        let name = self.name.clone();
        let options = [DhcpOption { kind: OPTION_HOST_NAME, data: name.as_bytes() }];
        message.additional_options = &options[..usize::from(!name.is_empty() && name.len() < 64)];
        self.dhcp_send(now, interface, source, destination, &message);
    }

    fn dhcp_send(
        &mut self,
        now: Instant,
        interface: usize,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        message: &DhcpRepr,
    ) {
        let mut body = vec![0; message.buffer_len()];
        if message.emit(&mut DhcpPacket::new_unchecked(&mut body[..])).is_err() {
            return;
        }
        let address = message.requested_ip.or(Some(message.client_ip)).filter(|ip| !ip.is_unspecified());
        let record = Kind::Dhcp { message: kind(message.message_type), address };
        let record = self.trace.record(now, self.id, record);
        let from = Endpoint { ip: source, port: CLIENT_PORT };
        let frame = udp_frame(from, Endpoint { ip: destination, port: SERVER_PORT }, self.default_ttl(), &body);
        if destination.is_broadcast() {
            let waiting = Waiting { frame, socket: None, cause: Some(record), intact: true };
            self.send_to(now, interface, MacAddress::BROADCAST, waiting);
        } else {
            // A server that cannot be reached now is asked again later.
            let _ = self.send_ip(now, frame, None, Some(record), true);
        }
    }

    /// Reads a packet that may be a server's answer; returns whether it was.
    pub(crate) fn dhcp_in(
        &mut self,
        now: Instant,
        interface: usize,
        ip: &Ipv4,
        frame: &Frame,
        carried: RecordId,
    ) -> bool {
        let Ok(datagram) = UdpPacket::new_checked(ip.payload_of(&frame.bytes)) else { return false };
        if datagram.dst_port() != CLIENT_PORT || datagram.src_port() != SERVER_PORT {
            return false;
        }
        let netif = &mut self.interfaces[interface];
        let Some(client) = &mut netif.dhcp else { return false };
        let Ok(packet) = DhcpPacket::new_checked(datagram.payload()) else { return true };
        let Ok(message) = DhcpRepr::parse(&packet) else { return true };
        if message.transaction_id != client.transaction || message.client_hardware_address.0 != netif.mac.0 {
            return true;
        }
        let server = message.server_identifier.unwrap_or(ip.source);
        let your_ip = message.your_ip;
        match (client.phase, message.message_type) {
            (Phase::Selecting, DhcpMessageType::Offer) => {
                client.phase = Phase::Requesting { server, offered: your_ip };
                client.tries = 0;
                self.record_dhcp(now, carried, DhcpMessage::Offer, your_ip);
                self.dhcp_try(now, interface);
            }
            (Phase::Requesting { .. } | Phase::Renewing, DhcpMessageType::Ack) => {
                self.record_dhcp(now, carried, DhcpMessage::Ack, your_ip);
                let lease = read_lease(now, server, &message, &packet);
                self.dhcp_bound(now, interface, lease, message.lease_duration.unwrap_or(LEASE_DEFAULT));
            }
            (Phase::Requesting { .. } | Phase::Renewing, DhcpMessageType::Nak) => {
                client.phase = Phase::Selecting;
                client.tries = 0;
                client.next_try = now;
                client.lease = None;
                self.record_dhcp(now, carried, DhcpMessage::Nak, your_ip);
                self.change_address(now, interface as u8, None, true);
            }
            _ => {}
        }
        true
    }

    fn dhcp_bound(&mut self, now: Instant, interface: usize, lease: Lease, seconds: u32) {
        for (index, server) in lease.dns_servers.iter().take(2).enumerate() {
            self.set_dns_server(index, Some(*server));
        }
        let address = lease.address;
        if let Some(client) = &mut self.interfaces[interface].dhcp {
            client.phase = Phase::Bound;
            client.tries = 0;
            client.timeout_at = None;
            client.next_try = now + Duration::from_secs(u64::from(seconds / 2).max(1));
            client.lease = Some(lease);
        }
        self.change_address(now, interface as u8, Some(address), true);
    }

    fn record_dhcp(&self, now: Instant, carried: RecordId, message: DhcpMessage, address: Ipv4Addr) {
        let address = Some(address).filter(|address| !address.is_unspecified());
        self.trace.record_caused(now, self.id, Some(carried), Kind::Dhcp { message, address });
    }
}

fn read_lease(now: Instant, server: Ipv4Addr, message: &DhcpRepr, packet: &DhcpPacket<&[u8]>) -> Lease {
    let netmask = message.subnet_mask.unwrap_or(Ipv4Addr::new(255, 255, 255, 0));
    let ntp_server = (packet.options())
        .find(|option| option.kind == OPTION_NTP_SERVERS)
        .and_then(|option| option.data.first_chunk::<4>())
        .map(|bytes| Ipv4Addr::from(*bytes));
    Lease {
        server,
        address: Address::with_netmask(message.your_ip, netmask, message.router),
        ntp_server,
        dns_servers: message.dns_servers.iter().flatten().copied().collect(),
        until: now + Duration::from_secs(u64::from(message.lease_duration.unwrap_or(LEASE_DEFAULT))),
    }
}

/// A client's message without content.
fn blank(transaction: u32, mac: MacAddress) -> DhcpRepr<'static> {
    DhcpRepr {
        message_type: DhcpMessageType::Discover,
        transaction_id: transaction,
        secs: 0,
        client_hardware_address: EthernetAddress(mac.0),
        client_ip: Ipv4Addr::UNSPECIFIED,
        your_ip: Ipv4Addr::UNSPECIFIED,
        server_ip: Ipv4Addr::UNSPECIFIED,
        router: None,
        subnet_mask: None,
        relay_agent_ip: Ipv4Addr::UNSPECIFIED,
        broadcast: false,
        requested_ip: None,
        client_identifier: Some(EthernetAddress(mac.0)),
        server_identifier: None,
        parameter_request_list: None,
        dns_servers: None,
        max_size: Some(1500),
        lease_duration: None,
        renew_duration: None,
        rebind_duration: None,
        additional_options: &[],
    }
}

fn kind(message: DhcpMessageType) -> DhcpMessage {
    match message {
        DhcpMessageType::Offer => DhcpMessage::Offer,
        DhcpMessageType::Request => DhcpMessage::Request,
        DhcpMessageType::Decline => DhcpMessage::Decline,
        DhcpMessageType::Ack => DhcpMessage::Ack,
        DhcpMessageType::Nak => DhcpMessage::Nak,
        DhcpMessageType::Release => DhcpMessage::Release,
        _ => DhcpMessage::Discover,
    }
}
