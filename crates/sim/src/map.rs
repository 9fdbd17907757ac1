//! The network map and the boards at a glance, from the tables of hosts and LAN.

use std::net::Ipv4Addr;

use lan::{Direction, Lan, Netstat};
use trace::{Endpoint, HostId, Instant};

use crate::millis;
use crate::simulation::Station;
use crate::view::{
    ArpView, BoardPower, BoardStatus, HostKind, HostView, InFlightView, InterfaceView, LinkView, NetworkMap, PinView,
    SocketView,
};
use crate::wiring::{self, Links};
use crate::world::World;

/// One board at a glance.
pub(crate) fn board_status(station: &Station, lan: &Lan, now: Instant) -> BoardStatus {
    let board = &station.board;
    let status = board.status();
    let config = board.config();
    let association = lan.association(board.id(), wiring::STATION);
    let power = match status.power {
        firmware::PowerState::Off => BoardPower::Off,
        firmware::PowerState::Booting => BoardPower::Booting,
        firmware::PowerState::On if status.busy_until.is_some() => BoardPower::Busy,
        firmware::PowerState::On => BoardPower::Idle,
        firmware::PowerState::Halted => BoardPower::Crashed,
        firmware::PowerState::Asleep => BoardPower::Asleep,
    };
    BoardStatus {
        host: board.id(),
        name: station.lab.name.clone(),
        power,
        heap_free_bytes: small(status.heap_free),
        heap_bytes: small(config.heap_bytes),
        wifi: status.wifi,
        ssid: association.as_ref().map(|association| association.ssid.clone()),
        rssi_dbm: association.as_ref().map(|association| i32::from(association.rssi)),
        interfaces: board.netstat().map(|netstat| interfaces(&netstat)).unwrap_or_default(),
        pins: status.pins.iter().map(|pin| PinView { pin: pin.pin, high: pin.high, output: pin.output }).collect(),
        uptime_ms: station.started.map_or(0.0, |started| millis(now) - millis(started)),
        boots: status.boots,
        behaviour: station.lab.behaviour,
        release: station.lab.release,
        lua: station.lab.lua,
    }
}

/// Everything the network map shows.
pub(crate) fn network_map(stations: &[Station], lan: &Lan, world: &World, links: &Links, now: Instant) -> NetworkMap {
    let mut hosts = Vec::new();
    let mut wires = Vec::new();
    for station in stations {
        let id = station.board.id();
        let netstat = station.board.netstat().unwrap_or_default();
        hosts.push(host_view(id, station.lab.name.clone(), HostKind::Board, &netstat));
        let access_point = lan.access_point_host(id, wiring::STATION).unwrap_or_else(|| world.router());
        wires.push((id, wiring::STATION, true, Some(access_point)));
    }
    for host in world.hosts() {
        let netstat = world.netstat(lan, host.id);
        hosts.push(host_view(host.id, host.name, host.kind, &netstat));
        wires.push((host.id, host.interface, false, host.to));
    }
    let frames = lan.in_flight();
    let links = wires.into_iter().filter_map(|(host, interface, wireless, to)| {
        let link = match (lan.link(host, interface, Direction::In), lan.link(host, interface, Direction::Out)) {
            (Some(to_host), Some(from_host)) => wiring::described(to_host, from_host),
            _ => links.setting((host, interface))?.clone(),
        };
        let on_link = frames.iter().filter(|frame| (frame.host, frame.interface) == (host, interface));
        Some(LinkView { host, to, wireless, link, in_flight: on_link.map(in_flight).collect() })
    });
    NetworkMap { now_ms: millis(now), links: links.collect(), hosts, leases: world.leases(lan), zone: world.zone() }
}

fn in_flight(frame: &lan::InFlight) -> InFlightView {
    InFlightView {
        frame: frame.frame,
        to_host: frame.direction == Direction::In,
        sent_ms: millis(frame.since),
        due_ms: millis(frame.due),
    }
}

fn host_view(id: HostId, name: String, kind: HostKind, netstat: &Netstat) -> HostView {
    let interfaces = interfaces(netstat);
    HostView {
        id,
        name,
        kind,
        owner: None,
        up: interfaces.iter().any(|interface| interface.ip.is_some()),
        interfaces,
        sockets: netstat
            .sockets
            .iter()
            .map(|socket| SocketView {
                id: socket.socket,
                protocol: socket.protocol,
                state: socket.state,
                local: written(socket.local),
                remote: written(socket.remote),
                unsent_bytes: socket.send_queue,
                unread_bytes: socket.receive_queue,
            })
            .collect(),
        arp: netstat
            .neighbours
            .iter()
            .filter_map(|neighbour| Some(ArpView { ip: neighbour.ip.to_string(), mac: neighbour.mac?.to_string() }))
            .collect(),
    }
}

fn interfaces(netstat: &Netstat) -> Vec<InterfaceView> {
    let rows = netstat.interfaces.iter();
    rows.map(|row| InterfaceView {
        index: row.interface,
        mac: row.mac.to_string(),
        ip: row.address.map(|address| address.ip.to_string()),
        prefix_length: row.address.map(|address| address.prefix_len),
        gateway: row.address.and_then(|address| address.gateway).map(|gateway| gateway.to_string()),
    })
    .collect()
}

/// An endpoint as people write it; `None` where nothing is decided.
fn written(endpoint: Endpoint) -> Option<String> {
    let decided = endpoint.port != 0 || endpoint.ip != Ipv4Addr::UNSPECIFIED;
    decided.then(|| format!("{}:{}", endpoint.ip, endpoint.port))
}

fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
