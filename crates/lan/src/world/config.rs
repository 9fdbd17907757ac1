//! The world as data: what a lab can change of it. docs/world.md lists what stands here by default.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use trace::{Duration, Protocol};

use super::clock::EPOCH_UNIX_SECONDS;
use super::dns::ZoneRecord;
use super::http::sites::{self, Page};
use crate::address::MacAddress;
use crate::link::LinkConfig;

/// The built-in world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct WorldConfig {
    /// Unix time at virtual time zero.
    pub epoch_unix_seconds: u64,
    /// Network name of the router's access point; it takes any password.
    pub ssid: String,
    /// The way out of the LAN.
    pub router: RouterConfig,
    /// The person's computer.
    pub pc: PcConfig,
    /// Routers between the router and the servers, nearest first.
    pub transit: Vec<Ipv4Addr>,
    /// Hosts of the internet.
    pub servers: Vec<ServerConfig>,
    /// Names besides those of the servers; they replace servers' names of the same text.
    pub zone: Vec<ZoneRecord>,
}

/// The router and what it gives to the LAN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct RouterConfig {
    /// Its address on the LAN.
    pub ip: Ipv4Addr,
    /// Its hardware address there; by default one that follows from its place among the hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<MacAddress>,
    /// Length of the LAN's prefix.
    pub prefix_length: u8,
    /// Its address on the internet.
    pub wan_ip: Ipv4Addr,
    /// First address that DHCP gives.
    pub pool_first: Ipv4Addr,
    /// Last address that DHCP gives.
    pub pool_last: Ipv4Addr,
    /// How long a lease lasts.
    pub lease_seconds: u32,
    /// Domain of the LAN's names.
    pub domain: String,
    /// Name servers that it asks for names outside.
    pub upstream_dns: Vec<Ipv4Addr>,
    /// Ports of the internet side that lead to hosts of the LAN.
    pub forwards: Vec<PortForward>,
}

/// A port of the router's internet side that leads to a host of the LAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortForward {
    /// For which transport.
    pub protocol: Protocol,
    /// The port on the internet side.
    pub port: u16,
    /// The host.
    pub to: Ipv4Addr,
    /// Its port.
    pub to_port: u16,
}

/// The person's computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct PcConfig {
    /// Its name.
    pub name: String,
    /// Its address, unless it asks for one.
    pub ip: Ipv4Addr,
    /// Whether it asks the LAN for an address (DHCP) instead of having one.
    pub dhcp: bool,
    /// Its hardware address; by default one that follows from its place among the hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<MacAddress>,
}

/// A host of the internet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerConfig {
    /// Its name in the map and for its link.
    pub name: String,
    /// Its addresses, at least one.
    pub addresses: Vec<Ipv4Addr>,
    /// Names that lead to its first address.
    #[serde(default)]
    pub names: Vec<String>,
    /// Time that a packet takes there, and the answer back, in milliseconds.
    #[serde(default = "default_latency_ms")]
    pub latency_ms: f64,
    /// Up to so much is added at random, each way, in milliseconds.
    #[serde(default)]
    pub jitter_ms: f64,
    /// Share of packets lost, each way, 0 to 1.
    #[serde(default)]
    pub loss: f64,
    /// How many of the transit routers lie on the way.
    #[serde(default = "default_hops")]
    pub hops: usize,
    /// What it serves.
    #[serde(default)]
    pub services: Vec<ServiceConfig>,
}

/// A program on a port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConfig {
    /// Its port.
    pub port: u16,
    /// What it does.
    #[serde(flatten)]
    pub kind: ServiceKind,
}

/// What a program does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "service", rename_all = "snake_case")]
pub enum ServiceKind {
    /// Answers with what it was asked, over HTTP.
    Httpbin,
    /// A web site of pages by path; `*` stands for all other paths.
    Pages {
        /// The pages.
        pages: BTreeMap<String, Page>,
    },
    /// An MQTT 3.1.1 broker.
    Mqtt,
    /// A name server (UDP).
    Dns,
    /// A time server (UDP).
    Ntp,
    /// Sends back what it gets (TCP and UDP).
    Echo,
    /// Takes everything (TCP and UDP).
    Discard,
    /// Sends characters without end (TCP; a line per datagram on UDP).
    Chargen,
    /// Tells the time (TCP and UDP).
    Daytime,
    /// Answers over HTTP, a byte at a time.
    Slow,
    /// Accepts and resets.
    ResetAtOnce,
    /// Resets when a request comes.
    ResetOnRequest,
    /// Announces more than it sends.
    HalfAnswer,
    /// Accepts and never answers.
    Silent,
    /// Accepts and closes.
    CloseAtOnce,
}

fn default_latency_ms() -> f64 {
    10.0
}

fn default_hops() -> usize {
    2
}

impl ServerConfig {
    /// The link that leads to it, each way.
    pub(crate) fn link(&self) -> LinkConfig {
        LinkConfig {
            latency: millis(self.latency_ms),
            jitter: millis(self.jitter_ms),
            loss: self.loss.clamp(0.0, 1.0),
            ..LinkConfig::default()
        }
    }

    /// How long a packet is on its way there.
    pub(crate) fn latency(&self) -> Duration {
        millis(self.latency_ms)
    }
}

/// A span from milliseconds in a lab; nonsense is zero, and nothing takes longer than a minute.
fn millis(value: f64) -> Duration {
    let bounded = if value.is_finite() { value.clamp(0.0, 60_000.0) } else { 0.0 };
    Duration::from_micros((bounded * 1000.0) as u64)
}

impl Default for RouterConfig {
    fn default() -> Self {
        RouterConfig {
            ip: Ipv4Addr::new(192, 168, 1, 1),
            mac: None,
            prefix_length: 24,
            wan_ip: Ipv4Addr::new(203, 0, 113, 50),
            pool_first: Ipv4Addr::new(192, 168, 1, 100),
            pool_last: Ipv4Addr::new(192, 168, 1, 249),
            lease_seconds: 24 * 60 * 60,
            domain: "lan".into(),
            upstream_dns: vec![Ipv4Addr::new(208, 67, 222, 222), Ipv4Addr::new(8, 8, 8, 8)],
            forwards: Vec::new(),
        }
    }
}

impl Default for PcConfig {
    fn default() -> Self {
        PcConfig { name: "pc".into(), ip: Ipv4Addr::new(192, 168, 1, 50), dhcp: false, mac: None }
    }
}

impl Default for WorldConfig {
    fn default() -> Self {
        WorldConfig {
            epoch_unix_seconds: EPOCH_UNIX_SECONDS,
            ssid: "playground".into(),
            router: RouterConfig::default(),
            pc: PcConfig::default(),
            transit: vec![
                Ipv4Addr::new(203, 0, 113, 1),
                Ipv4Addr::new(198, 51, 100, 1),
                Ipv4Addr::new(198, 51, 100, 5),
                Ipv4Addr::new(198, 51, 100, 9),
            ],
            servers: servers(),
            zone: zone(),
        }
    }
}

fn zone() -> Vec<ZoneRecord> {
    vec![
        ZoneRecord::alias("google.com", "www.google.com"),
        ZoneRecord::alias("www.example.com", "example.com"),
        ZoneRecord::alias("broker.playground", "test.mosquitto.org"),
        ZoneRecord::addresses("gateway.isp.playground", [Ipv4Addr::new(203, 0, 113, 1)]),
        ZoneRecord::addresses("core1.transit.playground", [Ipv4Addr::new(198, 51, 100, 1)]),
        ZoneRecord::addresses("core2.transit.playground", [Ipv4Addr::new(198, 51, 100, 5)]),
        ZoneRecord::addresses("core3.transit.playground", [Ipv4Addr::new(198, 51, 100, 9)]),
        // An address that nobody has: packets to it vanish.
        ZoneRecord::addresses("blackhole.playground", [Ipv4Addr::new(198, 51, 100, 66)]),
        ZoneRecord::failure("servfail.playground", super::dns::DnsFailure::Servfail),
        ZoneRecord::failure("timeout.playground", super::dns::DnsFailure::Timeout),
        ZoneRecord::failure("empty.playground", super::dns::DnsFailure::NoAddress),
    ]
}

/// A server with its usual delays; the numbers are what one sees from a home in Europe.
fn server(name: &str, addresses: &[[u8; 4]], names: &[&str], latency_ms: f64, hops: usize) -> ServerConfig {
    ServerConfig {
        name: name.into(),
        addresses: addresses.iter().copied().map(Ipv4Addr::from).collect(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        latency_ms,
        jitter_ms: latency_ms / 4.0,
        loss: 0.0,
        hops,
        services: Vec::new(),
    }
}

impl ServerConfig {
    fn serving(mut self, services: impl IntoIterator<Item = (u16, ServiceKind)>) -> ServerConfig {
        self.services.extend(services.into_iter().map(|(port, kind)| ServiceConfig { port, kind }));
        self
    }
}

fn servers() -> Vec<ServerConfig> {
    use ServiceKind::*;
    let ntp_names = ["pool.ntp.org", "0.pool.ntp.org", "1.pool.ntp.org", "2.pool.ntp.org", "3.pool.ntp.org"];
    let lab_names = ["lab.playground", "echo.playground"];
    vec![
        server("opendns", &[[208, 67, 222, 222], [208, 67, 220, 220]], &["resolver1.opendns.com"], 6.0, 2)
            .serving([(53, Dns)]),
        server("google-dns", &[[8, 8, 8, 8], [8, 8, 4, 4]], &["dns.google"], 4.0, 2).serving([(53, Dns)]),
        server("nodemcu", &[[104, 21, 32, 10]], &["www.nodemcu.com", "nodemcu.com"], 8.0, 3)
            .serving([(80, Pages { pages: sites::nodemcu() })]),
        server("httpbin", &[[54, 208, 105, 16]], &["httpbin.org", "www.httpbin.org"], 48.0, 4).serving([(80, Httpbin)]),
        server("google", &[[142, 250, 185, 68]], &["www.google.com"], 5.0, 2)
            .serving([(80, Pages { pages: sites::google() })]),
        server("example", &[[93, 184, 215, 14]], &["example.com"], 44.0, 4)
            .serving([(80, Pages { pages: sites::example() })]),
        server("ntp", &[[162, 159, 200, 123]], &ntp_names, 7.0, 2).serving([(123, Ntp)]),
        server("mosquitto", &[[91, 121, 93, 94]], &["test.mosquitto.org"], 14.0, 3).serving([(1883, Mqtt)]),
        server("lab", &[[198, 51, 100, 10]], &lab_names, 10.0, 1).serving([
            (7, Echo),
            (9, Discard),
            (13, Daytime),
            (19, Chargen),
            (80, Httpbin),
        ]),
        server("slow", &[[198, 51, 100, 20]], &["slow.playground"], 300.0, 4).serving([(80, Slow), (7, Echo)]),
        server("rude", &[[198, 51, 100, 30]], &["rude.playground"], 10.0, 1).serving([
            (80, ResetAtOnce),
            (81, ResetOnRequest),
            (82, HalfAnswer),
            (83, Silent),
            (84, CloseAtOnce),
        ]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_world_survives_json() {
        let world = WorldConfig::default();
        let text = serde_json::to_string(&world).unwrap();
        assert_eq!(serde_json::from_str::<WorldConfig>(&text).unwrap(), world);
        assert_eq!(serde_json::from_str::<WorldConfig>("{}").unwrap(), world);
    }

    #[test]
    fn a_lab_writes_little() {
        let text = r#"{"servers":[{"name":"mine","addresses":["9.9.9.9"],"names":["mine.example"],
            "services":[{"port":80,"service":"pages","pages":{"/":{"body":"hello"}}},{"port":7,"service":"echo"}]}]}"#;
        let world: WorldConfig = serde_json::from_str(text).unwrap();
        assert_eq!(world.servers[0].services[1].kind, ServiceKind::Echo);
        assert_eq!(world.servers[0].latency(), Duration::from_millis(10));
    }

    /// docs/world.md, as its reader sees it.
    const DOCUMENT: &str = include_str!("../../../../docs/world.md");

    #[test]
    fn the_documents_labs_are_read() {
        let blocks: Vec<&str> =
            DOCUMENT.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert_eq!(blocks.len(), 2);
        for block in blocks {
            let lab: serde_json::Value = serde_json::from_str(block).expect(block);
            serde_json::from_value::<WorldConfig>(lab["world"]["builtIn"].clone()).expect(block);
        }
    }

    #[test]
    fn the_document_lists_every_server() {
        for server in WorldConfig::default().servers {
            let row = DOCUMENT.lines().find(|line| line.starts_with(&format!("| `{}` |", server.name)));
            let row = row.unwrap_or_else(|| panic!("no row for {}", server.name));
            assert!(server.addresses.iter().all(|ip| row.contains(&ip.to_string())), "{row}");
            assert!(row.contains(server.names[0].as_str()), "{row}");
            assert!(row.contains(&format!("| {} ms |", server.latency_ms)), "{row}");
        }
    }

    #[test]
    fn addresses_and_names_are_given_once() {
        let world = WorldConfig::default();
        let mut addresses: Vec<_> = world.servers.iter().flat_map(|server| server.addresses.clone()).collect();
        addresses.extend(&world.transit);
        let count = addresses.len();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), count);
        assert!(world.servers.iter().all(|server| server.hops <= world.transit.len()));
    }

    #[test]
    fn absurd_delays_are_bounded() {
        assert_eq!(millis(f64::NAN), Duration::ZERO);
        assert_eq!(millis(-1.0), Duration::ZERO);
        assert_eq!(millis(1e300), Duration::from_secs(60));
    }
}
