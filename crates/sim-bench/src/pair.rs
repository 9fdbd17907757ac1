//! Two hosts of `lan` and a connection between them, on a wire or through the switch.

use std::net::Ipv4Addr;

use lan::{Address, Event, Host, HostConfig, Lan, LinkConfig, MacAddress, StackProfile};
use trace::{Endpoint, HostId, Instant, SocketId, Trace};

use crate::payload::{CHUNK, Mover};

/// What is between the hosts.
pub(crate) enum Way {
    /// Nothing: frames are handed over.
    Wire,
    /// Two links and a switch.
    Switch(Box<Lan>),
}

impl Way {
    pub(crate) fn switch(trace: Trace) -> Way {
        let mut lan = Lan::new(1, trace);
        let segment = lan.add_segment();
        for index in [0, 1] {
            lan.attach(HostId(index), 0, segment, LinkConfig::default());
        }
        Way::Switch(Box::new(lan))
    }
}

/// The connection; the first host sends, the second receives.
pub(crate) struct Pair {
    hosts: [Host; 2],
    /// When each has something to do, asked once before each step.
    deadlines: [Option<Instant>; 2],
    way: Way,
    now: Instant,
    socket: SocketId,
    data: Vec<u8>,
    received: usize,
    frames: u64,
}

impl Pair {
    pub(crate) fn new(profile: StackProfile, trace: &Trace, way: Way) -> Pair {
        let mut hosts = [0, 1].map(|index| host(index, profile, trace.clone()));
        hosts[1].tcp_listen(Instant::ZERO, Ipv4Addr::UNSPECIFIED, 80).expect("port 80 is free");
        let socket = hosts[0].tcp_open();
        let remote = Endpoint { ip: ip(1), port: 80 };
        hosts[0].tcp_connect(Instant::ZERO, socket, remote).expect("the hosts share a subnet");
        Pair {
            hosts,
            deadlines: [None; 2],
            way,
            now: Instant::ZERO,
            socket,
            data: vec![7; CHUNK],
            received: 0,
            frames: 0,
        }
    }

    /// Carries what the hosts have to send; whether there was anything.
    fn carry(&mut self) -> bool {
        let mut has_carried = false;
        for index in [0, 1] {
            while let Some((interface, frame)) = self.hosts[index].take_frame() {
                has_carried = true;
                self.frames += 1;
                match &mut self.way {
                    Way::Wire => {
                        self.hosts[1 - index].receive(self.now, 0, &frame);
                        self.handle(1 - index);
                    }
                    Way::Switch(lan) => lan.inject(self.now, HostId(index as u32), interface, frame),
                }
            }
        }
        has_carried
    }

    /// Goes on to the next moment at which something happens.
    fn step(&mut self) {
        self.deadlines = self.hosts.each_ref().map(Host::next_deadline);
        let lan = match &self.way {
            Way::Wire => None,
            Way::Switch(lan) => lan.next_deadline(),
        };
        let next = self.deadlines.into_iter().flatten().chain(lan).min();
        self.now = next.expect("a transfer under way").max(self.now);
        if let Way::Switch(lan) = &mut self.way {
            lan.step(self.now);
        }
        while let Way::Switch(lan) = &mut self.way
            && let Some(delivery) = lan.take_delivery()
        {
            let index = delivery.host.0 as usize;
            self.hosts[index].receive(self.now, delivery.interface, &delivery.frame);
            self.handle(index);
        }
        for index in [0, 1] {
            if self.deadlines[index].is_some_and(|at| at <= self.now) {
                self.hosts[index].poll(self.now);
                self.handle(index);
            }
        }
    }

    /// Does what the owner of host `index` does about its events.
    fn handle(&mut self, index: usize) {
        while let Some((event, _)) = self.hosts[index].take_event() {
            match event {
                Event::Received { data, .. } => self.received += data.len(),
                Event::Connected(_) | Event::Acknowledged { .. } => self.send(),
                _ => {}
            }
            self.hosts[index].event_done(self.now);
        }
    }

    fn send(&mut self) {
        let sender = &mut self.hosts[0];
        let length = sender.tcp_send_space(self.socket).min(CHUNK);
        if length > 0 {
            sender.tcp_send(self.now, self.socket, &self.data[..length]).expect("there is room");
        }
    }
}

impl Mover for Pair {
    fn receive(&mut self, bytes: usize) {
        let end = self.received + bytes;
        while self.received < end {
            if !self.carry() || matches!(self.way, Way::Switch(_)) {
                self.step();
            }
        }
    }

    fn frames(&self) -> u64 {
        self.frames
    }
}

fn host(index: u32, profile: StackProfile, trace: Trace) -> Host {
    let macs = vec![MacAddress([2, 0, 0, 0, 0, index as u8 + 1])];
    let mut host = Host::new(HostConfig { id: HostId(index), name: "h".into(), macs, profile, seed: 1 }, trace);
    host.set_link(Instant::ZERO, 0, true);
    host.set_address(Instant::ZERO, 0, Some(Address::new(ip(index), 24)));
    while host.take_event().is_some() {}
    while host.take_frame().is_some() {}
    host
}

fn ip(index: u32) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, index as u8 + 1)
}
