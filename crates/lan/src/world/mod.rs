//! The built-in world: everything a board talks to that is not a board.
//!
//! A router with DHCP, DNS and NTP; a small internet behind it with name servers, web sites, an MQTT broker and hosts for
//! trying things out; and the person's PC. Addresses, names and services: docs/world.md.
//!
//! [`World::install`] builds it into a [`Lan`] from a [`WorldConfig`]; afterwards the LAN drives it, and [`World`] is the
//! way to look into it and to act in it.
//!
//! Reading order: [`config`] (what there is), [`service`] (what a server program is) and [`programs`] (what runs it on a
//! host), [`router`], [`internet`], [`gateway`], [`server`], [`pc`], then the protocols ([`dhcp`], [`dns`], [`http`], [`mqtt`],
//! [`ntp`], [`small`]).

mod clock;
pub mod config;
pub mod dhcp;
pub mod dns;
pub mod gateway;
mod http;
pub mod internet;
mod mqtt;
mod napt;
mod ntp;
mod packet;
pub mod pc;
mod programs;
pub mod router;
pub mod server;
mod service;
mod small;

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use trace::{HostId, Instant};

pub use clock::EPOCH_UNIX_SECONDS;
pub use config::{PcConfig, PortForward, RouterConfig, ServerConfig, ServiceConfig, ServiceKind, WorldConfig};
pub use dhcp::{DhcpExchange, DhcpLease, DhcpReply, DhcpServer, DhcpServerConfig};
pub use dns::{DnsFailure, Zone, ZoneAnswer, ZoneRecord};
pub use gateway::{FlowId, Gateway, GatewayEvent, InquiryId, Resolution};
pub use http::sites::Page;
pub use napt::NatMapping;
pub use pc::{FetchEvent, FetchId, HttpFetch};

use crate::address::{Address, MacAddress};
use crate::air::{AccessPointConfig, AccessPointId, Behind, Security};
use crate::fabric::{Direction, Lan, SegmentId};
use crate::link::LinkConfig;
use crate::netstat::Netstat;
use clock::Clock;
use dns::zone::SharedZone;
use internet::{Internet, Neighbour};
use pc::Pc;
use router::Router;
use server::{Server, Surroundings};

/// What a host of the world is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorldHostKind {
    /// The home router.
    Router,
    /// The routers behind it.
    Internet,
    /// The person's computer.
    Pc,
    /// A host of the internet.
    Server,
}

/// A host of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldHost {
    /// Its id in the trace.
    pub id: HostId,
    /// Its name in the map, and that of its link.
    pub name: String,
    /// What it is.
    pub kind: WorldHostKind,
    /// Its first address.
    pub ip: Ipv4Addr,
    /// The interface whose link bears its name: for the router the uplink, else 0.
    pub interface: u8,
}

/// The built-in world of one LAN.
pub struct World {
    /// The switch of the LAN.
    pub segment: SegmentId,
    /// The access point `playground`.
    pub access_point: AccessPointId,
    /// The router.
    pub router: HostId,
    /// The person's computer.
    pub pc: HostId,
    hosts: Vec<WorldHost>,
    zone: SharedZone,
    built_in_zone: Zone,
    /// The names that were changed, with what they mean now.
    edits: SharedZone,
    internet: HostId,
    /// The internet's first router, and where the gateway stands.
    first_hop: Ipv4Addr,
    /// The home router's address outside.
    wan_ip: Ipv4Addr,
    lan: Address,
    seed: u64,
}

/// The machine on which a relay runs, as the lab sees it: an address reserved for documentation (RFC 5737), because
/// 127.0.0.1 means every host itself.
pub const RELAY_MACHINE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// The name of [`RELAY_MACHINE`] in the LAN.
pub const RELAY_MACHINE_NAME: &str = "relay";

impl World {
    /// Builds the world into `lan`; its hosts have the ids from `first` on. Equal configurations and seeds give equal
    /// worlds. It leaves no records: the world was there before the simulation began.
    pub fn install(lan: &mut Lan, config: &WorldConfig, seed: u64, first: HostId) -> World {
        let kept = lan.trace().keep_records(false);
        let world = World::build(lan, config, seed, first);
        lan.trace().keep_records(kept);
        world
    }

    fn build(lan: &mut Lan, config: &WorldConfig, seed: u64, first: HostId) -> World {
        let clock = Clock { epoch_unix_seconds: config.epoch_unix_seconds };
        let built_in_zone = zone_of(config);
        let zone: SharedZone = Rc::new(RefCell::new(built_in_zone.clone()));
        let mut builder = Builder { lan, seed, next: first, hosts: Vec::new() };
        let segment = builder.lan.add_segment();
        let (router, uplink_macs) = builder.add_router(config, clock, segment);
        let pc = builder.add_pc(config, clock, segment);
        let access_point = builder.add_access_point(&config.ssid, segment);
        let internet = builder.add_internet(config, uplink_macs, clock, &zone);
        World {
            segment,
            access_point,
            router,
            pc,
            hosts: builder.hosts,
            zone,
            built_in_zone,
            edits: SharedZone::default(),
            internet,
            first_hop: first_hop(config),
            wan_ip: config.router.wan_ip,
            lan: Address::new(config.router.ip, config.router.prefix_length),
            seed,
        }
    }

    /// The hosts in the order of their ids.
    pub fn hosts(&self) -> &[WorldHost] {
        &self.hosts
    }

    /// The host of this name.
    pub fn host(&self, name: &str) -> Option<&WorldHost> {
        self.hosts.iter().find(|host| host.name == name)
    }

    /// The tables of a host; `None` for the internet's routers, which have none.
    pub fn netstat(&self, lan: &Lan, host: HostId) -> Option<Netstat> {
        let router = lan.resident::<Router>(host).map(|router| router.host().netstat());
        let gateway =
            || lan.resident::<Internet>(host).and_then(Internet::gateway).map(|gateway| gateway.host().netstat());
        let pc = || lan.resident::<Pc>(host).map(|pc| pc.host().netstat());
        router
            .or_else(pc)
            .or_else(gateway)
            .or_else(|| lan.resident::<Server>(host).map(|server| server.host().netstat()))
    }

    /// The person's computer, for a command at `now`, up to which the LAN is brought first. Its frames leave with the
    /// next [`Lan::step`], which is due at once.
    pub fn pc<'a>(&self, lan: &'a mut Lan, now: Instant) -> Option<&'a mut Pc> {
        lan.step(now);
        lan.resident_mut::<Pc>(self.pc)
    }

    /// The router's leases.
    pub fn leases(&self, lan: &Lan) -> Vec<DhcpLease> {
        lan.resident::<Router>(self.router).map(Router::leases).unwrap_or_default()
    }

    /// Gives the router leases of before, as those of a router whose place it takes.
    pub fn restore_leases(&self, lan: &mut Lan, leases: Vec<DhcpLease>) {
        if let Some(router) = lan.resident_mut::<Router>(self.router) {
            router.restore_leases(leases);
        }
    }

    /// Plugs the router into the LAN, or out of it: another router may serve there.
    pub fn set_serving(&self, lan: &mut Lan, is_serving: bool) {
        if is_serving {
            lan.attach(self.router, router::LAN_SIDE, self.segment, router_wire());
        } else {
            lan.detach(self.router, router::LAN_SIDE);
        }
    }

    /// The router's translation table at `now`.
    pub fn nat_mappings(&self, lan: &Lan, now: Instant) -> Vec<NatMapping> {
        lan.resident::<Router>(self.router).map(|router| router.nat_mappings(now)).unwrap_or_default()
    }

    /// The names outside the LAN as they are now.
    pub fn zone(&self) -> Vec<ZoneRecord> {
        self.zone.borrow().records()
    }

    // ---- the way out ----

    /// Opens the way out of the lab: from `now` on, what is neither of the LAN nor an edited name is the gateway's
    /// business, the built-in internet is out of reach, and the router knows [`RELAY_MACHINE_NAME`]. Does nothing if it is
    /// open.
    pub fn open_gateway(&self, lan: &mut Lan, now: Instant) {
        if lan.resident::<Internet>(self.internet).is_none_or(|internet| internet.gateway().is_some()) {
            return;
        }
        if let Some(internet) = lan.resident_mut::<Internet>(self.internet) {
            internet.open_gateway(now, self.seed ^ now.as_micros(), self.first_hop, Rc::clone(&self.edits));
        }
        self.set_gateway_resolves(lan, true);
    }

    /// Whether the router asks names of the gateway itself ([`GatewayEvent::Resolve`]), as when the gateway opens, or of
    /// its configured name servers, which are outside then.
    pub fn set_gateway_resolves(&self, lan: &mut Lan, resolves: bool) {
        if let Some(router) = lan.resident_mut::<Router>(self.router) {
            router.set_way_out(Some(router::WayOut { resolver: resolves.then_some(self.first_hop) }));
        }
    }

    /// Shuts the way out; the built-in internet is back. Connections through it get no answer any more: end them first.
    pub fn close_gateway(&self, lan: &mut Lan) {
        if let Some(internet) = lan.resident_mut::<Internet>(self.internet) {
            internet.close_gateway();
        }
        if let Some(router) = lan.resident_mut::<Router>(self.router) {
            router.set_way_out(None);
        }
    }

    /// The open way out, for giving it answers at the time up to which the LAN has come. Its frames leave with the next
    /// [`Lan::step`], which is due at once.
    pub fn gateway<'a>(&self, lan: &'a mut Lan) -> Option<&'a mut Gateway> {
        lan.resident_mut::<Internet>(self.internet)?.gateway_mut()
    }

    /// Whether the gateway has something to tell.
    pub fn gateway_has_event(&self, lan: &Lan) -> bool {
        lan.resident::<Internet>(self.internet).and_then(Internet::gateway).is_some_and(Gateway::has_event)
    }

    /// The host on which the gateway stands.
    pub fn gateway_host(&self) -> HostId {
        self.internet
    }

    /// The home router's address outside, at which its forwarded ports are.
    pub fn wan_ip(&self) -> Ipv4Addr {
        self.wan_ip
    }

    /// Whether the lab uses `ip` itself, on the LAN or between the router and the gateway, so that it cannot mean a host
    /// outside.
    pub fn is_local(&self, ip: Ipv4Addr) -> bool {
        self.lan.contains(ip) || Address::new(self.wan_ip, 24).contains(ip)
    }

    /// Makes a port of the router's internet side lead to a host of the LAN, in place of where it led before.
    pub fn set_forward(&self, lan: &mut Lan, forward: PortForward) {
        if let Some(router) = lan.resident_mut::<Router>(self.router) {
            router.set_forward(forward);
        }
    }

    /// Ends a forward; conversations that go on through it stay.
    pub fn clear_forward(&self, lan: &mut Lan, protocol: trace::Protocol, port: u16) {
        if let Some(router) = lan.resident_mut::<Router>(self.router) {
            router.clear_forward(protocol, port);
        }
    }

    /// Changes what a name means from the next question on; `None` gives the built-in meaning back.
    pub fn set_name(&self, name: &str, answer: Option<ZoneAnswer>) {
        match &answer {
            Some(answer) => self.edits.borrow_mut().set(ZoneRecord { name: name.to_owned(), answer: answer.clone() }),
            None => drop(self.edits.borrow_mut().remove(name)),
        }
        let mut zone = self.zone.borrow_mut();
        match answer.or_else(|| self.built_in_zone.get(name).cloned()) {
            Some(answer) => zone.set(ZoneRecord { name: name.to_owned(), answer }),
            None => {
                zone.remove(name);
            }
        }
    }
}

struct Builder<'a> {
    lan: &'a mut Lan,
    seed: u64,
    next: HostId,
    hosts: Vec<WorldHost>,
}

/// The router's interface to the internet, and what faces it.
#[derive(Clone, Copy)]
struct UplinkMacs {
    router: MacAddress,
    segment: SegmentId,
}

impl Builder<'_> {
    fn add(&mut self, name: &str, kind: WorldHostKind, ip: Ipv4Addr, interface: u8) -> HostId {
        let id = self.next;
        self.next = HostId(id.0 + 1);
        self.hosts.push(WorldHost { id, name: name.to_owned(), kind, ip, interface });
        id
    }

    /// The n-th address of the world: locally administered, so that it is nobody's.
    fn mac(&self, id: HostId, interface: u8) -> MacAddress {
        let [_, _, high, low] = id.0.to_be_bytes();
        MacAddress([0x02, 0x57, 0x4c, high, low, interface])
    }

    fn seed_of(&self, id: HostId) -> u64 {
        fastrand::Rng::with_seed(self.seed ^ u64::from(id.0).wrapping_mul(0x9e37_79b9_7f4a_7c15)).u64(..)
    }

    fn add_router(&mut self, config: &WorldConfig, clock: Clock, segment: SegmentId) -> (HostId, UplinkMacs) {
        let id = self.add("router", WorldHostKind::Router, config.router.ip, router::INTERNET_SIDE);
        let macs = [config.router.mac.unwrap_or_else(|| self.mac(id, 0)), self.mac(id, 1)];
        let uplink = self.lan.add_segment();
        let router = Router::new(
            router::Place { id, macs, seed: self.seed_of(id), gateway: first_hop(config) },
            &config.router,
            &config.pc,
            clock,
            self.lan.trace(),
        );
        self.lan.add_resident(Box::new(router));
        self.lan.attach(id, router::LAN_SIDE, segment, router_wire());
        self.lan.attach(id, router::INTERNET_SIDE, uplink, router_wire());
        (id, UplinkMacs { router: macs[1], segment: uplink })
    }

    fn add_pc(&mut self, config: &WorldConfig, clock: Clock, segment: SegmentId) -> HostId {
        let id = self.add("pc", WorldHostKind::Pc, config.pc.ip, 0);
        let (mac, seed) = (config.pc.mac.unwrap_or_else(|| self.mac(id, 0)), self.seed_of(id));
        let pc = Pc::new(id, mac, seed, &config.pc, &config.router, clock, self.lan.trace());
        self.lan.add_resident(Box::new(pc));
        let wire = LinkConfig { latency: trace::Duration::from_micros(200), ..LinkConfig::default() };
        self.lan.attach(id, 0, segment, wire);
        id
    }

    fn add_access_point(&mut self, ssid: &str, segment: SegmentId) -> AccessPointId {
        let config = AccessPointConfig {
            ssid: ssid.to_owned(),
            security: Security::AnyPassword,
            channel: 6,
            bssid: MacAddress([0x02, 0x57, 0x4c, 0xff, 0xff, 0x01]),
            hidden: false,
            stations_max: None,
            rssi: -48,
        };
        self.lan.add_access_point(Instant::ZERO, config, Behind::Segment(segment))
    }

    fn add_internet(&mut self, config: &WorldConfig, uplink: UplinkMacs, clock: Clock, zone: &SharedZone) -> HostId {
        let internet = self.add("internet", WorldHostKind::Internet, first_hop(config), internet::UPLINK);
        let mut macs = vec![self.mac(internet, internet::UPLINK)];
        let mut neighbours = Vec::new();
        // As many as there are interface numbers.
        for (server, interface) in config.servers.iter().zip(1..=u8::MAX) {
            let ip = server.addresses.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED);
            let id = self.add(&server.name, WorldHostKind::Server, ip, 0);
            let mac = self.mac(id, 0);
            let around = Surroundings { clock, zone, trace: self.lan.trace() };
            let resident = Server::new(id, mac, self.seed_of(id), server, &around);
            self.lan.add_resident(Box::new(resident));
            let segment = self.lan.add_segment();
            let wire = LinkConfig { latency: trace::Duration::ZERO, ..LinkConfig::default() };
            self.lan.attach(internet, interface, segment, wire);
            self.lan.attach(id, 0, segment, server.link());
            macs.push(self.mac(internet, interface));
            let (hops, latency) = (server.hops, server.latency());
            neighbours.push(Neighbour { addresses: server.addresses.clone(), mac, hops, latency });
        }
        let home = (config.router.wan_ip, uplink.router);
        let resident = Internet::new(internet, macs, config.transit.clone(), home, neighbours, self.lan.trace());
        self.lan.add_resident(Box::new(resident));
        let wire = LinkConfig { latency: trace::Duration::ZERO, ..LinkConfig::default() };
        self.lan.attach(internet, internet::UPLINK, uplink.segment, wire);
        internet
    }
}

/// The router's cables.
fn router_wire() -> LinkConfig {
    LinkConfig { latency: trace::Duration::from_micros(100), ..LinkConfig::default() }
}

/// The router's way out: the first router of the internet, or an address that it answers for all the same.
fn first_hop(config: &WorldConfig) -> Ipv4Addr {
    let [a, b, c, _] = config.router.wan_ip.octets();
    let nearby = |ip: &&Ipv4Addr| ip.octets()[..3] == [a, b, c];
    config.transit.first().filter(nearby).copied().unwrap_or(Ipv4Addr::new(a, b, c, 1))
}

/// The names of the servers and the world's own.
fn zone_of(config: &WorldConfig) -> Zone {
    let mut zone = Zone::default();
    for server in &config.servers {
        for name in &server.names {
            zone.set(ZoneRecord::addresses(name, server.addresses.first().copied()));
        }
    }
    for record in &config.zone {
        zone.set(record.clone());
    }
    zone
}

/// One link of the world, for those who name links by hosts.
impl WorldHost {
    /// The state of the host's link in `direction`.
    pub fn link<'a>(&self, lan: &'a Lan, direction: Direction) -> Option<&'a LinkConfig> {
        lan.link(self.id, self.interface, direction)
    }
}
