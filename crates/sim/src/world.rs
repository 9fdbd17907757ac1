//! The built-in world as the simulation uses it: an adapter over `lan`'s router, internet and PC.

use std::net::Ipv4Addr;

use lan::world::dns::DnsFailure;
use lan::world::pc::{FetchEvent, FetchId, HttpFetch, Pc};
use lan::world::{self, DhcpLease, Gateway, PortForward, WorldConfig, WorldHostKind};
use lan::{Direction, Lan, LinkConfig, MacAddress, Netstat, SegmentId};
use trace::{HostId, Instant, Protocol};

use crate::lab::{FetchRequest, LabError, WorldLab, ZoneAnswer};
use crate::millis;
use crate::room::{Membership, ROUTER_MAC};
use crate::view::{FetchResult, HostKind, LeaseView, ZoneView};

/// The host beyond the router's uplink.
const INTERNET: &str = "internet";

/// A built-in host.
pub(crate) struct WorldHost {
    pub(crate) id: HostId,
    pub(crate) name: String,
    pub(crate) kind: HostKind,
    /// The interface whose link bears its name.
    pub(crate) interface: u8,
    /// The host at the other end of that link; `None` for the routers behind the uplink.
    pub(crate) to: Option<HostId>,
}

/// The built-in world of one simulation.
pub(crate) struct World {
    world: world::World,
    /// Names that the lab or a person changed.
    edited: Vec<String>,
    /// Requests of the PC's browser under way.
    fetches: Vec<(FetchId, FetchResult)>,
}

impl World {
    pub(crate) fn install(
        lan: &mut Lan,
        lab: &WorldLab,
        seed: u64,
        first: HostId,
        member: Option<&Membership>,
    ) -> Result<World, LabError> {
        let mut config = config(lab)?;
        if let Some(member) = member {
            // One router, whoever keeps it; a PC for each person.
            config.router.mac = Some(ROUTER_MAC);
            config.pc.mac = Some(member.mac("pc"));
            config.pc.dhcp = true;
        }
        let mut world =
            World { world: world::World::install(lan, &config, seed, first), edited: Vec::new(), fetches: Vec::new() };
        for (name, answer) in &lab.zone {
            world.set_zone(name, Some(answer));
        }
        if lab.internet_down {
            world.cut_internet(lan);
        }
        if member.is_some_and(|member| !member.has_pc) {
            lan.detach(world.pc(), 0);
        }
        Ok(world)
    }

    /// The switch of the LAN.
    pub(crate) fn segment(&self) -> SegmentId {
        self.world.segment
    }

    pub(crate) fn set_serving(&self, lan: &mut Lan, is_serving: bool) {
        self.world.set_serving(lan, is_serving);
    }

    /// Clients and addresses of the router's DHCP server.
    pub(crate) fn known_clients(&self, lan: &Lan) -> Vec<DhcpLease> {
        self.world.leases(lan)
    }

    pub(crate) fn restore_clients(&self, lan: &mut Lan, clients: Vec<DhcpLease>) {
        self.world.restore_leases(lan, clients);
    }

    /// The PC's hardware address.
    pub(crate) fn pc_mac(&self, lan: &Lan) -> Option<MacAddress> {
        self.netstat(lan, self.pc()).interfaces.first().map(|row| row.mac)
    }

    fn cut_internet(&self, lan: &mut Lan) {
        let Some(internet) = self.world.host(INTERNET) else { return };
        for direction in [Direction::In, Direction::Out] {
            let link = lan.link(internet.id, internet.interface, direction).copied().unwrap_or_default();
            lan.set_link(Instant::ZERO, internet.id, internet.interface, direction, LinkConfig { up: false, ..link });
        }
    }

    pub(crate) fn hosts(&self) -> Vec<WorldHost> {
        let internet = self.world.host(INTERNET).map(|host| host.id);
        let hosts = self.world.hosts().iter().map(|host| {
            let (kind, to) = match host.kind {
                WorldHostKind::Router => (HostKind::Router, internet),
                WorldHostKind::Internet => (HostKind::Internet, Some(self.world.router)),
                WorldHostKind::Pc => (HostKind::Pc, Some(self.world.router)),
                WorldHostKind::Server => (HostKind::Server, internet),
            };
            WorldHost { id: host.id, name: host.name.clone(), kind, interface: host.interface, to }
        });
        hosts.collect()
    }

    pub(crate) fn router(&self) -> HostId {
        self.world.router
    }

    pub(crate) fn pc(&self) -> HostId {
        self.world.host("pc").map_or(self.world.router, |host| host.id)
    }

    pub(crate) fn link_of(&self, name: &str) -> Option<(HostId, u8)> {
        self.world.host(name).map(|host| (host.id, host.interface))
    }

    pub(crate) fn open_gateway(&self, lan: &mut Lan, now: Instant) {
        self.world.open_gateway(lan, now);
    }

    pub(crate) fn set_gateway_resolves(&self, lan: &mut Lan, resolves: bool) {
        self.world.set_gateway_resolves(lan, resolves);
    }

    pub(crate) fn close_gateway(&self, lan: &mut Lan) {
        self.world.close_gateway(lan);
    }

    pub(crate) fn gateway<'a>(&self, lan: &'a mut Lan) -> Option<&'a mut Gateway> {
        self.world.gateway(lan)
    }

    pub(crate) fn gateway_has_event(&self, lan: &Lan) -> bool {
        self.world.gateway_has_event(lan)
    }

    pub(crate) fn gateway_host(&self) -> HostId {
        self.world.gateway_host()
    }

    pub(crate) fn wan_ip(&self) -> Ipv4Addr {
        self.world.wan_ip()
    }

    pub(crate) fn is_local(&self, ip: Ipv4Addr) -> bool {
        self.world.is_local(ip)
    }

    pub(crate) fn set_forward(&self, lan: &mut Lan, forward: PortForward) {
        self.world.set_forward(lan, forward);
    }

    pub(crate) fn clear_forward(&self, lan: &mut Lan, protocol: Protocol, port: u16) {
        self.world.clear_forward(lan, protocol, port);
    }

    pub(crate) fn netstat(&self, lan: &Lan, host: HostId) -> Netstat {
        self.world.netstat(lan, host).unwrap_or_default()
    }

    pub(crate) fn leases(&self, lan: &Lan) -> Vec<LeaseView> {
        let leases = self.world.leases(lan).into_iter().map(|lease| LeaseView {
            server: self.world.router,
            mac: lease.mac.to_string(),
            hostname: lease.host_name,
            ip: lease.ip.to_string(),
            expires_ms: lease.until.map(millis),
        });
        leases.collect()
    }

    pub(crate) fn zone(&self) -> Vec<ZoneView> {
        let records = self.world.zone().into_iter().map(|record| ZoneView {
            edited: self.edited.contains(&record.name),
            answer: described(record.answer),
            name: record.name,
        });
        records.collect()
    }

    pub(crate) fn set_zone(&mut self, name: &str, answer: Option<&ZoneAnswer>) {
        self.edited.retain(|edited| edited != name);
        if answer.is_some() {
            self.edited.push(name.to_owned());
        }
        self.world.set_name(name, answer.map(meant));
    }

    pub(crate) fn command(&mut self, lan: &mut Lan, now: Instant, line: &str) {
        if let Some(pc) = self.world.pc(lan, now) {
            pc.command(now, line);
        }
    }

    pub(crate) fn type_text(&mut self, lan: &mut Lan, now: Instant, text: &str) {
        if let Some(pc) = self.world.pc(lan, now) {
            pc.type_text(now, text);
        }
    }

    pub(crate) fn interrupt(&mut self, lan: &mut Lan, now: Instant) {
        if let Some(pc) = self.world.pc(lan, now) {
            pc.interrupt(now);
        }
    }

    /// The PC's browser requests a page; the result comes from [`World::take_news`] with this id.
    pub(crate) fn fetch(&mut self, lan: &mut Lan, now: Instant, id: u32, request: &FetchRequest) {
        let Some(pc) = self.world.pc(lan, now) else { return };
        let fetch = pc.http_fetch(
            now,
            HttpFetch {
                method: request.method.clone().unwrap_or_else(|| "GET".into()),
                url: request.url.clone(),
                headers: request.headers.clone(),
                body: request.body.clone().unwrap_or_default().into_bytes(),
            },
        );
        let result = FetchResult {
            id,
            request: request.clone(),
            url: request.url.clone(),
            status: 0,
            headers: Vec::new(),
            body: Vec::new(),
            error: None,
            started_ms: millis(now),
            ended_ms: millis(now),
        };
        self.fetches.push((fetch, result));
    }

    /// What the PC's terminal has shown and which requests have ended since the last call.
    pub(crate) fn take_news(&mut self, lan: &mut Lan, now: Instant) -> (String, Vec<FetchResult>) {
        let mut ended = Vec::new();
        // Touching the PC makes the LAN look at it again, so it is left alone when it has nothing to say.
        if !lan.resident::<Pc>(self.pc()).is_some_and(Pc::has_news) {
            return (String::new(), ended);
        }
        let Some(pc) = lan.resident_mut::<Pc>(self.pc()) else { return (String::new(), ended) };
        while let Some((fetch, event)) = pc.take_fetch_event() {
            let Some(index) = self.fetches.iter().position(|(under_way, _)| *under_way == fetch) else { continue };
            let (_, result) = &mut self.fetches[index];
            match event {
                FetchEvent::Response { url, status, headers, .. } => {
                    (result.url, result.status, result.headers) = (url, status, headers);
                    continue;
                }
                FetchEvent::Body(bytes) => {
                    result.body.extend(bytes);
                    continue;
                }
                FetchEvent::Done => {}
                FetchEvent::Failed(why) => result.error = Some(why),
            }
            result.ended_ms = millis(now);
            ended.push(self.fetches.remove(index).1);
        }
        (pc.take_output(), ended)
    }
}

/// The built-in world with what the lab replaces in it.
fn config(lab: &WorldLab) -> Result<WorldConfig, LabError> {
    let value = serde_json::Value::Object(lab.built_in.clone());
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = format!("world.builtIn.{}", error.path());
        LabError::form(path, error.into_inner().to_string())
    })
}

fn meant(answer: &ZoneAnswer) -> world::dns::ZoneAnswer {
    match answer {
        ZoneAnswer::Addresses(addresses) if addresses.is_empty() => {
            world::dns::ZoneAnswer::Failure(DnsFailure::NoAddress)
        }
        ZoneAnswer::Addresses(addresses) => world::dns::ZoneAnswer::Addresses(addresses.clone()),
        ZoneAnswer::Alias(name) => world::dns::ZoneAnswer::Alias(name.clone()),
        ZoneAnswer::Unknown => world::dns::ZoneAnswer::Failure(DnsFailure::Nxdomain),
        ZoneAnswer::Failure => world::dns::ZoneAnswer::Failure(DnsFailure::Servfail),
        ZoneAnswer::Silent => world::dns::ZoneAnswer::Failure(DnsFailure::Timeout),
    }
}

fn described(answer: world::dns::ZoneAnswer) -> ZoneAnswer {
    match answer {
        world::dns::ZoneAnswer::Addresses(addresses) => ZoneAnswer::Addresses(addresses),
        world::dns::ZoneAnswer::Alias(name) => ZoneAnswer::Alias(name),
        world::dns::ZoneAnswer::Failure(DnsFailure::Nxdomain) => ZoneAnswer::Unknown,
        world::dns::ZoneAnswer::Failure(DnsFailure::Servfail) => ZoneAnswer::Failure,
        world::dns::ZoneAnswer::Failure(DnsFailure::Timeout) => ZoneAnswer::Silent,
        world::dns::ZoneAnswer::Failure(DnsFailure::NoAddress) => ZoneAnswer::Addresses(Vec::new()),
    }
}
