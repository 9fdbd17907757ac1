//! Two hosts on one wire, and what can be seen of them as lines of text: the boundary that most tests here talk to.

#![allow(dead_code, unreachable_pub, reason = "every test file uses its own part")]

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use lan::{Address, Event, Frame, Host, HostConfig, MacAddress, StackProfile};
use trace::{Duration, Endpoint, HostId, Instant, Kind, Silence, SocketId, Trace};

pub const A: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 100);
pub const B: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 50);
pub const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
pub const CHIP: StackProfile = StackProfile::Chip;
pub const DESKTOP: StackProfile = StackProfile::Desktop;

/// What the owner of a host does with an event; called while the event is being handled.
pub type Handler = Box<dyn FnMut(&mut Host, Instant, &Event)>;

/// What the wire does with a frame from host 0 or 1: whether it carries it.
pub type Filter = Box<dyn FnMut(usize, &[u8]) -> bool>;

pub struct Pair {
    pub hosts: [Host; 2],
    pub handlers: [Handler; 2],
    pub filter: Filter,
    pub now: Instant,
    pub latency: Duration,
    pub trace: Trace,
    wire: VecDeque<(Instant, usize, Frame)>,
    /// `0.001000 a SYN`, one line per segment or other frame.
    pub frames: Vec<String>,
    /// `0.002000 b received 5`, one line per event.
    pub events: Vec<String>,
    pub received: [Vec<u8>; 2],
    pub accepted: [Vec<SocketId>; 2],
}

pub fn host(index: u32, name: &str, ip: Ipv4Addr, profile: StackProfile, trace: &Trace) -> Host {
    let macs = vec![MacAddress([2, 0, 0, 0, 0, index as u8 + 1])];
    let config = HostConfig { id: HostId(index), name: name.into(), macs, profile, seed: u64::from(index) + 7 };
    let mut host = Host::new(config, trace.clone());
    host.set_link(Instant::ZERO, 0, true);
    host.set_address(Instant::ZERO, 0, Some(Address::new(ip, 24).via(Ipv4Addr::new(192, 168, 1, 1))));
    while host.take_event().is_some() {}
    while host.take_frame().is_some() {}
    host
}

pub fn to(ip: Ipv4Addr, port: u16) -> Endpoint {
    Endpoint { ip, port }
}

/// The time at the beginning of a line, in milliseconds.
pub fn at(line: &str) -> u64 {
    let (seconds, micros) = line.split_once(' ').unwrap().0.split_once('.').unwrap();
    seconds.parse::<u64>().unwrap() * 1000 + micros.parse::<u64>().unwrap() / 1000
}

/// Why nothing happened, each time.
pub fn silences(pair: &Pair) -> Vec<Silence> {
    let records = pair.trace.since(None).into_iter();
    records
        .filter_map(|record| if let Kind::Nothing { reason, .. } = record.kind { Some(reason) } else { None })
        .collect()
}

impl Pair {
    /// `a` and `b`, 1 ms apart, with each other's Ethernet address known.
    pub fn new(a: StackProfile, b: StackProfile) -> Pair {
        let trace = Trace::new(100_000);
        let mut pair = Pair {
            hosts: [host(0, "a", A, a, &trace), host(1, "b", B, b, &trace)],
            handlers: [Box::new(|_, _, _| {}), Box::new(|_, _, _| {})],
            filter: Box::new(|_, _| true),
            now: Instant::ZERO,
            latency: Duration::from_millis(1),
            trace,
            wire: VecDeque::new(),
            frames: Vec::new(),
            events: Vec::new(),
            received: Default::default(),
            accepted: Default::default(),
        };
        // An echo makes the neighbours known, so that it is out of the way of what tests look at.
        pair.hosts[0].echo_send(pair.now, B, 1, 1, 64, &[]).unwrap();
        pair.run(20);
        pair.frames.clear();
        pair.events.clear();
        pair
    }

    pub fn chips() -> Pair {
        Pair::new(StackProfile::Chip, StackProfile::Chip)
    }

    /// Milliseconds since the start.
    pub fn ms(&self) -> u64 {
        self.now.as_millis()
    }

    /// Runs for `ms` milliseconds.
    pub fn run(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        self.drain();
        while let Some(next) = self.next_deadline().filter(|next| *next <= end) {
            self.now = next.max(self.now);
            while let Some((_, to, frame)) = self.wire.pop_front_if(|(at, _, _)| *at <= self.now) {
                self.hosts[to].receive(self.now, 0, &frame);
                self.drain();
            }
            for index in 0..2 {
                if self.hosts[index].next_deadline().is_some_and(|at| at <= self.now) {
                    self.hosts[index].poll(self.now);
                }
            }
            self.drain();
        }
        self.now = end;
    }

    fn next_deadline(&self) -> Option<Instant> {
        let hosts = self.hosts.iter().filter_map(|host| host.next_deadline());
        hosts.chain(self.wire.front().map(|(at, _, _)| *at)).min()
    }

    /// Takes every event and frame that is there.
    pub fn drain(&mut self) {
        for index in 0..2 {
            let name = ["a", "b"][index];
            while let Some((event, _)) = self.hosts[index].take_event() {
                self.events.push(format!("{} {name} {}", self.now, describe(&event)));
                match &event {
                    Event::Received { data, .. } => self.received[index].extend_from_slice(data),
                    Event::Accepted { socket, .. } => self.accepted[index].push(*socket),
                    _ => {}
                }
                let mut handler = std::mem::replace(&mut self.handlers[index], Box::new(|_, _, _| {}));
                handler(&mut self.hosts[index], self.now, &event);
                self.handlers[index] = handler;
                self.hosts[index].event_done(self.now);
            }
            while let Some((_, frame)) = self.hosts[index].take_frame() {
                let is_carried = (self.filter)(index, &frame.bytes);
                let lost = if is_carried { "" } else { " (lost)" };
                self.frames.push(format!("{} {name} {}{lost}", self.now, summary(&frame.bytes)));
                if is_carried {
                    self.wire.push_back((self.now + self.latency, 1 - index, frame));
                }
            }
        }
    }

    /// `a` connects to `b`, which listens on port 80; returns both sockets.
    pub fn connected(a: StackProfile, b: StackProfile) -> (Pair, SocketId, SocketId) {
        let mut pair = Pair::new(a, b);
        pair.hosts[1].tcp_listen(pair.now, Ipv4Addr::UNSPECIFIED, 80).unwrap();
        let socket = pair.connect();
        pair.run(200);
        let accepted = pair.accepted[1][0];
        pair.frames.clear();
        pair.events.clear();
        (pair, socket, accepted)
    }

    pub fn connect(&mut self) -> SocketId {
        let socket = self.hosts[0].tcp_open();
        self.hosts[0].tcp_connect(self.now, socket, to(B, 80)).unwrap();
        socket
    }

    pub fn send(&mut self, host: usize, socket: SocketId, data: &[u8]) {
        self.hosts[host].tcp_send(self.now, socket, data).unwrap();
    }

    /// The events without their times.
    pub fn what_happened(&self) -> Vec<&str> {
        self.events.iter().map(|line| line.split_once(' ').unwrap().1).collect()
    }

    /// The frames without their times.
    pub fn what_was_sent(&self) -> Vec<&str> {
        self.frames.iter().map(|line| line.split_once(' ').unwrap().1).collect()
    }
}

pub fn describe(event: &Event) -> String {
    match event {
        Event::Accepted { .. } => "accepted".into(),
        Event::Connected(_) => "connected".into(),
        Event::Received { data, .. } => format!("received {}", data.len()),
        Event::Acknowledged { bytes, .. } => format!("acknowledged {bytes}"),
        Event::Closed { reason, .. } => format!("closed {}", reason.code()),
        Event::Datagram { data, from, .. } => format!("datagram {} from {}:{}", data.len(), from.ip, from.port),
        Event::DnsDone { ip, .. } => format!("resolved {ip:?}"),
        Event::EchoReply { from, seq, .. } => format!("echo {from} {seq}"),
        Event::AddressChanged { address, .. } => format!("address {:?}", address.map(|address| address.ip)),
        Event::DhcpTimeout { .. } => "dhcp timeout".into(),
        Event::IcmpError { kind, .. } => format!("icmp {kind:?}"),
        Event::Transit { packet, .. } => format!("transit {}", packet.len()),
        Event::Incoming { to, .. } => format!("incoming for {}:{}", to.ip, to.port),
    }
}

/// `SYN`, `ACK`, `ACK 100`, `ARP`, `UDP 5`, ...: enough to read a test by.
pub fn summary(frame: &[u8]) -> String {
    if frame[12..14] == [8, 6] {
        return "ARP".into();
    }
    let ip = &frame[14..];
    let header = usize::from(ip[0] & 15) * 4;
    let length = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    let body = &ip[header..length];
    match ip[9] {
        6 => {
            let flags = body[13];
            let names = [(2, "SYN"), (1, "FIN"), (4, "RST"), (16, "ACK")];
            let mut text: Vec<String> =
                names.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| (*name).to_string()).collect();
            let payload = body.len() - usize::from(body[12] >> 4) * 4;
            if payload > 0 {
                text.push(payload.to_string());
            }
            text.join(" ")
        }
        17 => format!("UDP {}", body.len() - 8),
        1 => format!("ICMP {}", body[0]),
        2 => "IGMP".into(),
        other => format!("protocol {other}"),
    }
}
