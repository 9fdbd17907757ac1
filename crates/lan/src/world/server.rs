//! A host of the built-in internet: a stack and the programs on it.

use std::any::Any;
use std::net::Ipv4Addr;

use trace::{HostId, Instant, Trace};

use super::clock::Clock;
use super::config::{ServerConfig, ServiceConfig, ServiceKind};
use super::dns::DnsServer;
use super::dns::zone::SharedZone;
use super::http::httpbin::HttpBin;
use super::http::server::HttpServer;
use super::http::sites::Pages;
use super::mqtt::Broker;
use super::ntp::NtpServer;
use super::programs::Programs;
use super::service::{Log, TcpService, UdpService};
use super::small::{Chargen, Daytime, Discard, Echo, Rude, Rudeness, Slow};
use crate::address::{Address, MacAddress};
use crate::fabric::Resident;
use crate::frame::Frame;
use crate::host::{Host, HostConfig, StackProfile};

/// What a server needs besides its own settings.
pub(crate) struct Surroundings<'a> {
    pub(crate) clock: Clock,
    pub(crate) zone: &'a SharedZone,
    pub(crate) trace: &'a Trace,
}

/// A host of the internet.
pub struct Server {
    host: Host,
    programs: Programs,
}

impl Server {
    /// The server that `config` describes, reached through the gateway at `gateway_of` its address.
    pub(crate) fn new(
        id: HostId,
        mac: MacAddress,
        seed: u64,
        config: &ServerConfig,
        around: &Surroundings<'_>,
    ) -> Server {
        let host_config =
            HostConfig { id, name: config.name.clone(), macs: vec![mac], profile: StackProfile::Desktop, seed };
        let mut host = Host::new(host_config, around.trace.clone());
        host.set_link(Instant::ZERO, 0, true);
        if let Some((first, others)) = config.addresses.split_first() {
            let address = Address::new(*first, 24).via(gateway_of(*first));
            host.set_address(Instant::ZERO, 0, Some(address));
            host.set_extra_addresses(0, others.to_vec());
        }
        let mut programs = Programs::new(Log { trace: around.trace.clone(), host: id });
        for service in &config.services {
            start(&mut programs, &mut host, service, seed, around);
        }
        Server { host, programs }
    }

    /// The stack, for looking at its tables.
    pub fn host(&self) -> &Host {
        &self.host
    }

    fn settle(&mut self, now: Instant) {
        while let Some((event, cause)) = self.host.take_event() {
            let _scope = self.host.trace().clone().enter(cause);
            self.programs.handle(now, &mut self.host, event);
            self.host.event_done(now);
        }
    }
}

impl Resident for Server {
    fn id(&self) -> HostId {
        self.host.id()
    }

    fn receive(&mut self, now: Instant, interface: u8, frame: &Frame) {
        self.host.receive(now, interface, frame);
        self.settle(now);
    }

    fn poll(&mut self, now: Instant) {
        self.host.poll(now);
        self.settle(now);
        self.programs.poll(now, &mut self.host);
        self.settle(now);
    }

    fn next_deadline(&self) -> Option<Instant> {
        [self.host.next_deadline(), self.programs.next_deadline()].into_iter().flatten().min()
    }

    fn take_frame(&mut self) -> Option<(u8, Frame)> {
        self.host.take_frame()
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The address of the router next to a server: the last one of its subnet.
pub(crate) fn gateway_of(ip: Ipv4Addr) -> Ipv4Addr {
    let [a, b, c, d] = ip.octets();
    Ipv4Addr::new(a, b, c, if d == 254 { 253 } else { 254 })
}

fn start(programs: &mut Programs, host: &mut Host, service: &ServiceConfig, seed: u64, around: &Surroundings<'_>) {
    let clock = around.clock;
    let tcp: Option<Box<dyn TcpService>> = match &service.kind {
        ServiceKind::Httpbin => Some(Box::new(HttpServer::new(HttpBin::new(seed ^ u64::from(service.port)), clock))),
        ServiceKind::Pages { pages } => Some(Box::new(HttpServer::new(Pages::new(pages.clone()), clock))),
        ServiceKind::Mqtt => Some(Box::new(Broker::with_retained(
            "playground/welcome",
            "hello from the broker of the built-in internet",
        ))),
        ServiceKind::Echo => Some(Box::new(Echo)),
        ServiceKind::Discard => Some(Box::new(Discard)),
        ServiceKind::Chargen => Some(Box::new(Chargen::default())),
        ServiceKind::Daytime => Some(Box::new(Daytime { clock })),
        ServiceKind::Slow => Some(Box::new(Slow::default())),
        ServiceKind::ResetAtOnce => Some(Box::new(Rude(Rudeness::ResetAtOnce))),
        ServiceKind::ResetOnRequest => Some(Box::new(Rude(Rudeness::ResetOnRequest))),
        ServiceKind::HalfAnswer => Some(Box::new(Rude(Rudeness::HalfAnswer))),
        ServiceKind::Silent => Some(Box::new(Rude(Rudeness::Silence))),
        ServiceKind::CloseAtOnce => Some(Box::new(Rude(Rudeness::CloseAtOnce))),
        ServiceKind::Dns | ServiceKind::Ntp => None,
    };
    let udp: Option<Box<dyn UdpService>> = match &service.kind {
        ServiceKind::Dns => Some(Box::new(DnsServer::new(around.zone.clone()))),
        ServiceKind::Ntp => Some(Box::new(NtpServer::new(clock))),
        ServiceKind::Echo => Some(Box::new(Echo)),
        ServiceKind::Discard => Some(Box::new(Discard)),
        ServiceKind::Chargen => Some(Box::new(Chargen::default())),
        ServiceKind::Daytime => Some(Box::new(Daytime { clock })),
        _ => None,
    };
    if let Some(program) = tcp {
        programs.serve_tcp(host, Ipv4Addr::UNSPECIFIED, service.port, program);
    }
    if let Some(program) = udp {
        programs.serve_udp(host, Ipv4Addr::UNSPECIFIED, service.port, program);
    }
}
