//! What the stack and the fabric cost, as ratios to bare smoltcp in the same run: `cargo bench -p lan`.
//!
//! Two smoltcp interfaces wired back to back move the payload first; then two hosts on a wire, then two hosts on a
//! switch, with desktop windows and with the chip's limits, with the causal log kept and discarded. Last, what idle hosts
//! on a LAN cost per virtual second. CPU time is measured, not time on the wall, so that a busy machine does no harm.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs, reason = "a benchmark reads the clock")]

use std::any::Any;
use std::collections::VecDeque;
use std::net::Ipv4Addr;

use cpu_time::ProcessTime;
use lan::{Address, Event, Frame, Host, HostConfig, Lan, LinkConfig, MacAddress, Resident, StackProfile};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::socket::tcp;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use trace::{Duration, Endpoint, HostId, Instant, SocketId, Trace};

const PAYLOAD: usize = 64 << 20;
const CHUNK: usize = 1 << 20;
const RUNS: usize = 5;
/// Records that the log keeps where it does.
const RECORDS: usize = 20_000;

fn main() {
    // A word on the command line picks the measurements whose line contains it.
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let measure = |name: &str, base: f64, measure: &dyn Fn() -> f64| {
        if !name.contains(&filter) {
            return 0.0;
        }
        let best = (0..RUNS).map(|_| measure()).fold(0.0, f64::max);
        let share = if base > 0.0 { format!("{:4.0} %", best / base * 100.0) } else { String::new() };
        println!("  {name:58} {best:6.0} MB/s {share}");
        best
    };
    println!("payload per CPU time, {} MB, best of {RUNS}", PAYLOAD >> 20);
    for (profile, limits, (receive, send)) in [
        (StackProfile::Desktop, "64 kB windows", (65_535, 65_535)),
        (StackProfile::Chip, "chip's limits", (5840, 2920)),
    ] {
        let base = measure(&format!("bare smoltcp, {limits}"), 0.0, &|| bare(receive, send));
        for (keeps, log) in [(false, "log discarded"), (true, "log kept")] {
            let trace = || if keeps { Trace::new(RECORDS) } else { Trace::discarding() };
            measure(&format!("two hosts on a wire, {limits}, {log}"), base, &|| wired(profile, trace()));
            measure(&format!("two hosts on a switch, {limits}, {log}"), base, &|| switched(profile, trace()));
        }
    }
    println!("idle hosts on a LAN, CPU time per virtual second");
    for count in [10, 100, 1000].into_iter().filter(|_| "idle".contains(&filter)) {
        println!("  {count:4} hosts {:8.3} µs", idle(count));
    }
}

fn megabytes_per_second(bytes: usize, since: ProcessTime) -> f64 {
    bytes as f64 / 1e6 / since.elapsed().as_secs_f64()
}

// ---- bare smoltcp ----

#[derive(Default)]
struct Queue {
    rx: VecDeque<Vec<u8>>,
    tx: VecDeque<Vec<u8>>,
}

struct Rx(Vec<u8>);
struct Tx<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::RxToken for Rx {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = vec![0; length];
        let result = f(&mut frame);
        self.0.push_back(frame);
        result
    }
}

impl phy::Device for Queue {
    type RxToken<'a> = Rx;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Rx, Tx<'_>)> {
        Some((Rx(self.rx.pop_front()?), Tx(&mut self.tx)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Tx<'_>> {
        Some(Tx(&mut self.tx))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

fn bare(receive: usize, send: usize) -> f64 {
    let mut devices = [Queue::default(), Queue::default()];
    let mut now = smoltcp::time::Instant::ZERO;
    let mut interfaces = [0, 1].map(|index: usize| {
        let mac = EthernetAddress([2, 0, 0, 0, 0, index as u8 + 1]);
        let mut interface = Interface::new(Config::new(mac.into()), &mut devices[index], now);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(IpAddress::v4(10, 0, 0, index as u8 + 1), 24)).unwrap();
        });
        interface
    });
    let mut sockets = [SocketSet::new(Vec::new()), SocketSet::new(Vec::new())];
    let buffer = |length| tcp::SocketBuffer::new(vec![0; length]);
    let handles = [0, 1].map(|index: usize| sockets[index].add(tcp::Socket::new(buffer(receive), buffer(send))));
    sockets[1].get_mut::<tcp::Socket>(handles[1]).listen(80).unwrap();
    let client = sockets[0].get_mut::<tcp::Socket>(handles[0]);
    client.connect(interfaces[0].context(), (IpAddress::v4(10, 0, 0, 2), 80), 5000).unwrap();
    let data = vec![7; CHUNK];
    let (mut sent, mut received) = (0, 0);
    let start = ProcessTime::now();
    while received < PAYLOAD {
        let before = received;
        let client = sockets[0].get_mut::<tcp::Socket>(handles[0]);
        if client.can_send() && sent < PAYLOAD {
            sent += client.send_slice(&data[..CHUNK.min(PAYLOAD - sent)]).unwrap();
        }
        for index in [0, 1] {
            interfaces[index].poll(now, &mut devices[index], &mut sockets[index]);
            let frames = std::mem::take(&mut devices[index].tx);
            devices[1 - index].rx.extend(frames);
        }
        let server = sockets[1].get_mut::<tcp::Socket>(handles[1]);
        while server.can_recv() {
            received += server.recv(|bytes| (bytes.len(), bytes.len())).unwrap();
        }
        if received == before {
            now += smoltcp::time::Duration::from_millis(1);
        }
    }
    megabytes_per_second(PAYLOAD, start)
}

// ---- hosts ----

fn host(index: u32, profile: StackProfile, trace: Trace) -> Host {
    let [_, _, high, low] = (index + 1).to_be_bytes();
    let macs = vec![MacAddress([2, 0, 0, 0, high, low])];
    let mut host = Host::new(HostConfig { id: HostId(index), name: "h".into(), macs, profile, seed: 1 }, trace);
    host.set_link(Instant::ZERO, 0, true);
    host.set_address(Instant::ZERO, 0, Some(Address::new(ip(index), 16)));
    while host.take_event().is_some() {}
    while host.take_frame().is_some() {}
    host
}

fn ip(index: u32) -> Ipv4Addr {
    let [_, _, high, low] = (index + 1).to_be_bytes();
    Ipv4Addr::new(10, 0, high, low)
}

/// The two ends of a transfer: what the owners of the hosts do.
struct Transfer {
    data: Vec<u8>,
    sent: usize,
    received: usize,
    socket: SocketId,
}

impl Transfer {
    fn start(hosts: &mut [Host; 2]) -> Transfer {
        hosts[1].tcp_listen(Instant::ZERO, Ipv4Addr::UNSPECIFIED, 80).unwrap();
        let socket = hosts[0].tcp_open();
        hosts[0].tcp_connect(Instant::ZERO, socket, Endpoint { ip: ip(1), port: 80 }).unwrap();
        Transfer { data: vec![7; CHUNK], sent: 0, received: 0, socket }
    }

    /// Handles the events of host `index`.
    fn handle(&mut self, hosts: &mut [Host; 2], index: usize, now: Instant) {
        while let Some((event, _)) = hosts[index].take_event() {
            match event {
                Event::Received { data, .. } => self.received += data.len(),
                Event::Connected(_) | Event::Acknowledged { .. } => self.send(&mut hosts[0], now),
                _ => {}
            }
            hosts[index].event_done(now);
        }
    }

    fn send(&mut self, host: &mut Host, now: Instant) {
        let length = host.tcp_send_space(self.socket).min(PAYLOAD - self.sent).min(CHUNK);
        if length > 0 {
            host.tcp_send(now, self.socket, &self.data[..length]).unwrap();
            self.sent += length;
        }
    }
}

fn wired(profile: StackProfile, trace: Trace) -> f64 {
    let mut hosts = [host(0, profile, trace.clone()), host(1, profile, trace)];
    let mut now = Instant::ZERO;
    let mut transfer = Transfer::start(&mut hosts);
    let start = ProcessTime::now();
    while transfer.received < PAYLOAD {
        let mut is_quiet = true;
        for index in [0, 1] {
            while let Some((_, frame)) = hosts[index].take_frame() {
                is_quiet = false;
                hosts[1 - index].receive(now, 0, &frame);
                transfer.handle(&mut hosts, 1 - index, now);
            }
        }
        if is_quiet {
            now = hosts.iter().filter_map(Host::next_deadline).min().unwrap().max(now);
            for index in [0, 1] {
                hosts[index].poll(now);
                transfer.handle(&mut hosts, index, now);
            }
        }
    }
    megabytes_per_second(PAYLOAD, start)
}

fn switched(profile: StackProfile, trace: Trace) -> f64 {
    let mut lan = Lan::new(1, trace.clone());
    let segment = lan.add_segment();
    let mut hosts = [host(0, profile, trace.clone()), host(1, profile, trace)];
    for index in [0, 1] {
        lan.attach(HostId(index), 0, segment, LinkConfig::default());
    }
    let mut now = Instant::ZERO;
    let mut transfer = Transfer::start(&mut hosts);
    let start = ProcessTime::now();
    while transfer.received < PAYLOAD {
        for (index, host) in hosts.iter_mut().enumerate() {
            while let Some((interface, frame)) = host.take_frame() {
                lan.inject(now, HostId(index as u32), interface, frame);
            }
        }
        let deadlines = [lan.next_deadline(), hosts[0].next_deadline(), hosts[1].next_deadline()];
        now = deadlines.into_iter().flatten().min().unwrap().max(now);
        lan.step(now);
        while let Some(delivery) = lan.take_delivery() {
            let index = delivery.host.0 as usize;
            hosts[index].receive(now, delivery.interface, &delivery.frame);
            transfer.handle(&mut hosts, index, now);
        }
        for index in [0, 1] {
            if hosts[index].next_deadline().is_some_and(|at| at <= now) {
                hosts[index].poll(now);
                transfer.handle(&mut hosts, index, now);
            }
        }
    }
    megabytes_per_second(PAYLOAD, start)
}

// ---- idle hosts ----

/// A host that does nothing of itself but answer pings, and one that pings another every 10 ms.
struct Quiet {
    host: Host,
    pings: Option<(Ipv4Addr, Instant, u16)>,
}

impl Resident for Quiet {
    fn id(&self) -> HostId {
        self.host.id()
    }

    fn receive(&mut self, now: Instant, interface: u8, frame: &Frame) {
        self.host.receive(now, interface, frame);
        while self.host.take_event().is_some() {}
    }

    fn poll(&mut self, now: Instant) {
        self.host.poll(now);
        if let Some((to, next, seq)) = &mut self.pings
            && *next <= now
        {
            *next = now + Duration::from_millis(10);
            *seq = seq.wrapping_add(1);
            self.host.echo_send(now, *to, 1, *seq, 64, &[0; 32]).unwrap();
        }
        while self.host.take_event().is_some() {}
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.pings.map(|(_, next, _)| next).into_iter().chain(self.host.next_deadline()).min()
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

/// Microseconds of wall time per virtual second that `count` idle hosts add to two that ping each other.
fn idle(count: u32) -> f64 {
    let run = |count: u32| {
        let trace = Trace::discarding();
        let mut lan = Lan::new(1, trace.clone());
        let segment = lan.add_segment();
        for index in 0..count + 2 {
            let host = host(index, StackProfile::Chip, trace.clone());
            let pings = (index == 0).then_some((ip(1), Instant::ZERO, 0));
            lan.add_resident(Box::new(Quiet { host, pings }));
            lan.attach(HostId(index), 0, segment, LinkConfig::default());
        }
        let step = |lan: &mut Lan, seconds: u64| lan.step(Instant::from_micros(seconds * 1_000_000));
        // The first question for a neighbour goes to everyone; it is not what is measured.
        step(&mut lan, 1);
        let start = ProcessTime::now();
        step(&mut lan, 21);
        start.elapsed().as_secs_f64() * 1e6 / 20.0
    };
    let least = |count| (0..3).map(|_| run(count)).fold(f64::MAX, f64::min);
    (least(count) - least(0)).max(0.0)
}
