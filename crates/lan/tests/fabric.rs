//! Switches, links and the air between hosts.

mod support;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use lan::{
    AccessPointConfig, AirEvent, Behind, Direction, Event, Host, JoinError, JoinRequest, Lan, LinkConfig, MacAddress,
    Security, StackProfile,
};
use support::{host, to};
use trace::{DropReason, Duration, HostId, Instant, Kind, Trace};

/// Hosts outside a LAN, driven as `sim` does it.
struct Net {
    lan: Lan,
    hosts: BTreeMap<HostId, Host>,
    now: Instant,
    events: Vec<(HostId, Event)>,
    trace: Trace,
}

impl Net {
    fn new() -> Net {
        let trace = Trace::new(100_000);
        Net { lan: Lan::new(1, trace.clone()), hosts: BTreeMap::new(), now: Instant::ZERO, events: Vec::new(), trace }
    }

    fn ip(index: u32) -> Ipv4Addr {
        Ipv4Addr::new(192, 168, 1, 10 + index as u8)
    }

    fn add(&mut self, index: u32) -> HostId {
        let host = host(index, "host", Net::ip(index), StackProfile::Desktop, &self.trace);
        self.hosts.insert(host.id(), host);
        HostId(index)
    }

    fn host(&mut self, id: HostId) -> &mut Host {
        self.hosts.get_mut(&id).unwrap()
    }

    fn run(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        loop {
            for (id, host) in &mut self.hosts {
                if host.next_deadline().is_some_and(|at| at <= self.now) {
                    host.poll(self.now);
                }
                while let Some((event, _)) = host.take_event() {
                    self.events.push((*id, event));
                    host.event_done(self.now);
                }
                while let Some((interface, frame)) = host.take_frame() {
                    self.lan.inject(self.now, *id, interface, frame);
                }
            }
            let deadlines = self.hosts.values().filter_map(|host| host.next_deadline());
            let Some(next) = deadlines.chain(self.lan.next_deadline()).min().filter(|at| *at <= end) else { break };
            self.now = next.max(self.now);
            self.lan.step(self.now);
            while let Some(delivery) = self.lan.take_delivery() {
                let host = self.hosts.get_mut(&delivery.host).unwrap();
                host.receive(self.now, delivery.interface, &delivery.frame);
            }
        }
        self.now = end;
    }

    fn drops(&self) -> Vec<DropReason> {
        let records = self.trace.since(None).into_iter();
        records
            .filter_map(|r| if let Kind::FrameDropped { reason, .. } = r.kind { Some(reason) } else { None })
            .collect()
    }

    /// How many frames each host was given.
    fn carried(&self, host: HostId) -> usize {
        let records = self.trace.since(None).into_iter();
        records.filter(|r| r.host == host && matches!(r.kind, Kind::FrameCarried { .. })).count()
    }
}

#[test]
fn a_switch_learns_where_hosts_are() {
    let mut net = Net::new();
    let segment = net.lan.add_segment();
    let ids: Vec<_> = (0..3).map(|index| net.add(index)).collect();
    for id in &ids {
        net.lan.attach(*id, 0, segment, LinkConfig::default());
    }
    let now = net.now;
    net.host(ids[0]).echo_send(now, Net::ip(1), 1, 1, 64, b"x").unwrap();
    net.run(100);
    assert!(matches!(net.events[..], [(HostId(0), Event::EchoReply { seq: 1, length: 1, .. })]));
    // The third host heard the ARP request alone, and that is not for it.
    assert_eq!(net.carried(ids[2]), 1);
    assert_eq!(net.carried(ids[1]), 2);
}

#[test]
fn latency_counts_on_every_link() {
    let mut net = Net::new();
    let segment = net.lan.add_segment();
    let ids: Vec<_> = (0..2).map(|index| net.add(index)).collect();
    for id in &ids {
        net.lan.attach(*id, 0, segment, LinkConfig { latency: Duration::from_millis(10), ..LinkConfig::default() });
    }
    let now = net.now;
    net.host(ids[0]).echo_send(now, Net::ip(1), 1, 1, 64, b"x").unwrap();
    net.run(79);
    assert!(net.events.is_empty(), "request and answer of ARP and of the echo take 20 ms each");
    net.run(1);
    assert_eq!(net.events.len(), 1);
}

#[test]
fn a_cut_link_and_a_pulled_plug_drop_frames_with_the_reason() {
    let mut net = Net::new();
    let segment = net.lan.add_segment();
    let ids: Vec<_> = (0..2).map(|index| net.add(index)).collect();
    for id in &ids {
        net.lan.attach(*id, 0, segment, LinkConfig::default());
    }
    let down = LinkConfig { up: false, ..LinkConfig::default() };
    let now = net.now;
    net.lan.set_link(now, ids[1], 0, Direction::In, down);
    net.host(ids[0]).echo_send(now, Net::ip(1), 1, 1, 64, b"x").unwrap();
    net.run(10);
    assert_eq!(net.drops(), [DropReason::LinkDown]);
    net.lan.detach(ids[0], 0);
    net.run(1500);
    assert_eq!(net.drops(), [DropReason::LinkDown; 2], "the repeated question for the neighbour");
}

#[test]
fn damage_is_found_by_the_receivers_checksum() {
    let mut net = Net::new();
    let segment = net.lan.add_segment();
    let ids: Vec<_> = (0..2).map(|index| net.add(index)).collect();
    for id in &ids {
        net.lan.attach(*id, 0, segment, LinkConfig::default());
    }
    let now = net.now;
    net.host(ids[0]).echo_send(now, Net::ip(1), 1, 0, 64, b"x").unwrap();
    net.run(10);
    net.events.clear();
    let bad = LinkConfig { corruption: 1.0, ..LinkConfig::default() };
    net.lan.set_link(net.now, ids[1], 0, Direction::In, bad);
    let socket = net.host(ids[1]).udp_open();
    let now = net.now;
    net.host(ids[1]).udp_bind(now, socket, Ipv4Addr::UNSPECIFIED, 9).unwrap();
    let sender = net.host(ids[0]).udp_open();
    for _ in 0..200 {
        let now = net.now;
        net.host(ids[0]).udp_send(now, sender, to(Net::ip(1), 9), b"hello").unwrap();
        net.run(5);
    }
    assert_eq!(net.events, [], "one turned bit never gets past the checksums");
    assert_eq!(net.drops(), [DropReason::Corrupted; 200]);
}

fn access_point(ssid: &str, security: Security, id: u8, rssi: i8) -> AccessPointConfig {
    let bssid = MacAddress([2, 0, 0, 0, 9, id]);
    AccessPointConfig { ssid: ssid.into(), security, channel: 6, bssid, hidden: false, stations_max: Some(1), rssi }
}

#[test]
fn stations_join_by_name_and_password() {
    let mut net = Net::new();
    let segment = net.lan.add_segment();
    let (a, b) = (net.add(0), net.add(1));
    let now = net.now;
    let home = net.lan.add_access_point(
        now,
        access_point("home", Security::Password("secret".into()), 1, -50),
        Behind::Segment(segment),
    );
    let mac = MacAddress([2, 0, 0, 0, 0, 1]);
    let mut request = JoinRequest { ssid: "nowhere".into(), password: "secret".into(), bssid: None };
    assert_eq!(net.lan.join(now, a, 0, mac, &request), Err(JoinError::NotFound));
    request.ssid = "home".into();
    request.password = "wrong".into();
    assert_eq!(net.lan.join(now, a, 0, mac, &request), Err(JoinError::WrongPassword));
    request.password = "secret".into();
    assert_eq!(net.lan.join(now, a, 0, mac, &request).unwrap().bssid, MacAddress([2, 0, 0, 0, 9, 1]));
    assert_eq!(net.lan.join(now, b, 0, mac, &request), Err(JoinError::Full));
    assert_eq!(net.lan.scan(b, 0).len(), 1);
    net.lan.remove_access_point(now, home);
    assert!(matches!(net.lan.take_air_event(), Some((HostId(0), AirEvent::Disassociated { .. }))));
    assert_eq!(net.lan.association(a, 0), None);
}

#[test]
fn a_network_without_a_limit_takes_as_many_stations_as_there_are_numbers() {
    let mut lan = Lan::new(1, Trace::discarding());
    let segment = lan.add_segment();
    let config = AccessPointConfig { stations_max: None, ..access_point("hall", Security::Open, 3, -50) };
    lan.add_access_point(Instant::ZERO, config, Behind::Segment(segment));
    let request = JoinRequest { ssid: "hall".into(), ..JoinRequest::default() };
    let mut join = |station: u32| lan.join(Instant::ZERO, HostId(station), 0, MacAddress::default(), &request);
    assert!((0..2007).all(|station| join(station).is_ok()));
    assert_eq!(join(2007), Err(JoinError::Full));
}

#[test]
fn a_boards_own_access_point_is_a_segment_of_its_own() {
    let mut net = Net::new();
    let (a, b) = (net.add(0), net.add(1));
    let now = net.now;
    net.lan.add_access_point(now, access_point("board", Security::Open, 2, -40), Behind::Host(a, 0));
    assert!(net.lan.scan(a, 0).is_empty(), "it does not hear itself");
    let request = JoinRequest { ssid: "board".into(), ..JoinRequest::default() };
    let mac = net.host(b).mac(0);
    net.lan.join(now, b, 0, mac, &request).unwrap();
    assert_eq!(net.lan.take_air_event(), Some((a, AirEvent::StationJoined { mac, aid: 1 })));
    net.host(b).echo_send(now, Net::ip(0), 1, 1, 64, b"x").unwrap();
    net.run(20);
    assert_eq!(net.events.len(), 1);
    net.lan.leave(net.now, b, 0);
    assert_eq!(net.lan.take_air_event(), Some((a, AirEvent::StationLeft { mac, aid: 1 })));
}
