//! Rooms: one LAN that several simulations share, each with its own boards.
//!
//! A room is a cable between the switches of its members. Each member's switch has one port more, and what is sent out of
//! it leaves by [`Simulation::room_take`](crate::Simulation::room_take) as raw Ethernet frames; what others sent comes in by
//! [`Simulation::room_receive`](crate::Simulation::room_receive). How they travel (a relay's room, tabs of one browser, a
//! test) is not known here.
//!
//! One member *keeps* the room: its router with DHCP, names, time and the internet serves everybody, and the routers of
//! all others are unplugged. The router has the same hardware address wherever it stands, and its leases go with it, so
//! that another member can take its place and every board stays where it is.
//!
//! Hardware addresses follow from the [`Membership::identity`] and the host's name: nobody else's, and the same after a
//! restart, so that everybody keeps the address that DHCP gave. A lab's own MAC addresses do not count in a room, for a
//! lab that is handed to thirty people has them thirty times.
//!
//! A member's records speak of others' frames as sent by *outside* hosts, one for each hardware address that was heard or
//! announced. Causes do not cross: why another member's board sent a frame stands in that member's log. A run with a room
//! depends on others and on real time, so it cannot be repeated from its lab; without one nothing here has any effect.
//!
//! Left out: the air. The access point of a board is heard by the boards of its own member only.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;

use lan::world::DhcpLease;
use lan::{Frame, Lan, LinkConfig, MacAddress};
use serde::{Deserialize, Serialize};
use trace::{Duration, FrameBytes, HostId, Instant, Kind, Trace};
#[cfg(feature = "typescript")]
use ts_rs::TS;

use crate::inspect::Names;
use crate::lab::LinkLab;
use crate::view::{HostKind, HostView, InterfaceView, LinkView, NetworkMap};
use crate::wiring;
use crate::world::World;

/// The router of a room, whoever keeps it.
pub(crate) const ROUTER_MAC: MacAddress = MacAddress([0x02, 0x57, 0x4c, 0x00, 0x00, 0x01]);

/// The room's end of the cable; outside hosts follow. Far above all ids that a lab gives.
const ROOM: HostId = HostId(1_000_000);
/// Most outside hosts told apart; frames of further ones count as the room's.
const OUTSIDE_MAX: usize = 1_024;
/// Most frames waiting to be taken; beyond it the newest is lost, as on a full switch port.
const OUTGOING_MAX: usize = 4_096;
/// Header (IEEE 802.3) and nothing else.
const FRAME_BYTES_MIN: usize = 14;
/// Header, VLAN tag and the largest payload.
const FRAME_BYTES_MAX: usize = 1_518;

/// Blocks that Espressif owns: a board's address looks like that of a real one.
const ESPRESSIF: [[u8; 3]; 16] = [
    [0x18, 0xfe, 0x34],
    [0x24, 0x0a, 0xc4],
    [0x2c, 0x3a, 0xe8],
    [0x5c, 0xcf, 0x7f],
    [0x60, 0x01, 0x94],
    [0x68, 0xc6, 0x3a],
    [0x80, 0x7d, 0x3a],
    [0x84, 0x0d, 0x8e],
    [0x84, 0xf3, 0xeb],
    [0x90, 0x97, 0xd5],
    [0xa0, 0x20, 0xa6],
    [0xa4, 0x7b, 0x9d],
    [0xac, 0xd0, 0x74],
    [0xb4, 0xe6, 0x2d],
    [0xbc, 0xdd, 0xc2],
    [0xec, 0xfa, 0xbc],
];

/// How a simulation takes part in a room.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct Membership {
    /// Tells members apart; the same member should keep it. Two with the same one would share hardware addresses.
    pub identity: u32,
    /// Whether its router serves the room.
    pub keeps: bool,
    /// Whether it brings a PC along.
    pub has_pc: bool,
    /// Whether it records what others say to each other, as on a mirror port; its hosts hear none of it.
    pub watches: bool,
}

/// A host of a room, as its owner announces it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct RoomHost {
    /// Its hardware address, `5e:cf:7f:00:00:01`.
    pub mac: String,
    /// Its name in its owner's lab.
    pub name: String,
    /// The person whose it is; empty in a member's own announcement.
    #[serde(default)]
    pub owner: String,
}

/// An address that the room's router gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct RoomLease {
    /// The client.
    pub mac: String,
    /// Its address.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub ip: Ipv4Addr,
    /// What it calls itself.
    pub host_name: Option<String>,
}

/// Why a frame from the room was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoomFrameError {
    /// This simulation is in no room.
    #[error("there is no room")]
    NoRoom,
    /// It is shorter than a header or longer than Ethernet allows.
    #[error("a frame has 14 to 1518 bytes, not {0}")]
    Length(usize),
    /// Its sender is a group.
    #[error("a group sends nothing")]
    GroupSender,
    /// Its sender is a host of this simulation: somebody poses as it, or the cable is a loop.
    #[error("{0} is here, not in the room")]
    OwnSender(MacAddress),
}

impl Membership {
    /// The hardware address of the member's host `name`: 28 bits of a hash in Espressif's blocks, which two of a hundred
    /// hosts share once in fifty thousand rooms.
    pub fn mac(&self, name: &str) -> MacAddress {
        let hash = wiring::derived_seed(u64::from(self.identity), name);
        // The upper bits of this hash are the better mixed ones.
        let [a, b, c, d, ..] = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        let [x, y, z] = ESPRESSIF[usize::from(a >> 4)];
        MacAddress([x, y, z, b, c, d])
    }
}

/// The room as one simulation sees it.
pub(crate) struct Room {
    member: Membership,
    /// Hosts that are here, by name.
    own: Vec<(String, MacAddress)>,
    own_macs: BTreeSet<MacAddress>,
    router: HostId,
    outside: BTreeMap<MacAddress, Outside>,
    outgoing: VecDeque<FrameBytes>,
}

/// A host of another member.
struct Outside {
    id: HostId,
    name: Option<String>,
    owner: String,
    /// The address it was last heard with.
    ip: Option<Ipv4Addr>,
}

impl Room {
    pub(crate) fn new(lan: &mut Lan, world: &World, member: Membership, own: Vec<(String, MacAddress)>) -> Room {
        let mut room = Room {
            own_macs: own.iter().map(|(_, mac)| *mac).collect(),
            router: world.router(),
            outside: BTreeMap::new(),
            outgoing: VecDeque::new(),
            member,
            own,
        };
        let keeps = room.member.keeps;
        room.keep(lan, world, keeps, &[]);
        room
    }

    pub(crate) fn id(&self) -> HostId {
        ROOM
    }

    pub(crate) fn hosts(&self) -> Vec<RoomHost> {
        let host = |(name, mac): &(String, MacAddress)| RoomHost {
            mac: mac.to_string(),
            name: name.clone(),
            owner: String::new(),
        };
        self.own.iter().map(host).collect()
    }

    /// Plugs the router in or out. The cable is plugged anew, so that the switch forgets on which side the router was.
    pub(crate) fn keep(&mut self, lan: &mut Lan, world: &World, keeps: bool, leases: &[RoomLease]) {
        self.member.keeps = keeps;
        world.set_serving(lan, keeps);
        lan.attach(ROOM, 0, world.segment(), LinkConfig { latency: Duration::ZERO, ..LinkConfig::default() });
        if keeps {
            self.own_macs.insert(ROUTER_MAC);
            world.restore_clients(lan, leases.iter().filter_map(kept_lease).collect());
        } else {
            self.own_macs.remove(&ROUTER_MAC);
        }
    }

    pub(crate) fn leases(&self, lan: &Lan, world: &World) -> Vec<RoomLease> {
        let clients = if self.member.keeps { world.known_clients(lan) } else { Vec::new() };
        let lease =
            |client: DhcpLease| RoomLease { mac: client.mac.to_string(), ip: client.ip, host_name: client.host_name };
        clients.into_iter().map(lease).collect()
    }

    // ---- frames ----

    pub(crate) fn receive(
        &mut self,
        lan: &mut Lan,
        trace: &Trace,
        names: &mut Names,
        now: Instant,
        bytes: &[u8],
    ) -> Result<(), RoomFrameError> {
        if !(FRAME_BYTES_MIN..=FRAME_BYTES_MAX).contains(&bytes.len()) {
            return Err(RoomFrameError::Length(bytes.len()));
        }
        let (Some(to), Some(from)) = (mac_at(bytes, 0), mac_at(bytes, 6)) else {
            return Err(RoomFrameError::Length(bytes.len()));
        };
        if from.is_group() {
            return Err(RoomFrameError::GroupSender);
        }
        if self.own_macs.contains(&from) {
            return Err(RoomFrameError::OwnSender(from));
        }
        let is_for_us = to.is_group() || self.own_macs.contains(&to);
        if !is_for_us && !self.member.watches {
            return Ok(());
        }
        let sender = self.sender(names, from);
        self.hear(names, from, bytes);
        let bytes: FrameBytes = bytes.into();
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let sent = Kind::FrameSent { socket: None, length, bytes: FrameBytes::clone(&bytes) };
        let sent = trace.record_caused(now, sender, None, sent);
        if is_for_us {
            lan.inject(now, ROOM, 0, Frame::unverified(bytes, sent, sender));
        } else {
            let receiver = self.outside.get(&to).map_or(ROOM, |outside| outside.id);
            let carried = Kind::FrameCarried { frame: sent, from: sender };
            trace.record_caused(now, receiver, Some(sent), carried);
        }
        Ok(())
    }

    /// Puts a frame that reached the cable into the queue.
    pub(crate) fn send(&mut self, trace: &Trace, now: Instant, frame: &Frame) {
        if self.outgoing.len() >= OUTGOING_MAX {
            let reason = trace::DropReason::QueueFull;
            trace.record_caused(now, ROOM, Some(frame.sent), Kind::FrameDropped { frame: frame.sent, reason });
            return;
        }
        let receiver = match mac_at(&frame.bytes, 0) {
            Some(ROUTER_MAC) => self.router,
            Some(mac) => self.outside.get(&mac).map_or(ROOM, |outside| outside.id),
            None => ROOM,
        };
        let carried = Kind::FrameCarried { frame: frame.sent, from: frame.from };
        trace.record_caused(now, receiver, Some(frame.sent), carried);
        self.outgoing.push_back(FrameBytes::clone(&frame.bytes));
    }

    pub(crate) fn take(&mut self) -> Option<FrameBytes> {
        self.outgoing.pop_front()
    }

    // ---- others ----

    /// The host in the records that sends from `mac`.
    fn sender(&mut self, names: &mut Names, mac: MacAddress) -> HostId {
        if mac == ROUTER_MAC {
            return self.router;
        }
        self.outside(names, mac).map_or(ROOM, |outside| outside.id)
    }

    /// The outside host with this address, new or known; `None` when there are too many.
    fn outside(&mut self, names: &mut Names, mac: MacAddress) -> Option<&mut Outside> {
        let count = self.outside.len();
        if count >= OUTSIDE_MAX && !self.outside.contains_key(&mac) {
            return None;
        }
        let outside = self.outside.entry(mac).or_insert_with(|| {
            // Hosts are never forgotten while the room lasts, so the count is a fresh number.
            let id = HostId(ROOM.0 + 1 + u32::try_from(count).unwrap_or(0));
            names.hosts.insert(id, mac.to_string());
            Outside { id, name: None, owner: String::new(), ip: None }
        });
        Some(outside)
    }

    pub(crate) fn know(&mut self, names: &mut Names, hosts: &[RoomHost]) {
        for outside in self.outside.values_mut() {
            (outside.name, outside.owner) = (None, String::new());
        }
        for host in hosts {
            let Ok(mac) = host.mac.parse::<MacAddress>() else { continue };
            if self.own_macs.contains(&mac) || mac == ROUTER_MAC || mac.is_group() {
                continue;
            }
            if let Some(outside) = self.outside(names, mac) {
                (outside.name, outside.owner) = (Some(host.name.clone()), host.owner.clone());
                let (id, name, ip) = (outside.id, outside.written(mac), outside.ip);
                names.hosts.insert(id, name.clone());
                if let Some(ip) = ip {
                    names.addresses.insert(ip, name);
                }
            }
        }
    }

    /// Learns the sender's address from what it says about itself.
    fn hear(&mut self, names: &mut Names, from: MacAddress, bytes: &[u8]) {
        let Some(ip) = sender_ip(bytes).filter(|_| from != ROUTER_MAC) else { return };
        let Some(outside) = self.outside.get_mut(&from).filter(|outside| outside.ip != Some(ip)) else { return };
        outside.ip = Some(ip);
        names.addresses.insert(ip, outside.written(from));
    }

    /// Adds the other members' hosts to a map.
    pub(crate) fn show(&self, map: &mut NetworkMap, router: HostId) {
        let mut announced: Vec<_> = self.outside.iter().filter(|(_, outside)| outside.name.is_some()).collect();
        announced.sort_by_key(|(_, outside)| outside.id);
        for (mac, outside) in announced {
            map.hosts.push(outside.view(*mac));
            let link = LinkLab::default();
            map.links.push(LinkView {
                host: outside.id,
                to: Some(router),
                wireless: true,
                link,
                in_flight: Vec::new(),
            });
        }
    }
}

impl Outside {
    /// `led (Mia)`, or the hardware address when nobody announced it.
    fn written(&self, mac: MacAddress) -> String {
        match &self.name {
            Some(name) if self.owner.is_empty() => name.clone(),
            Some(name) => format!("{name} ({})", self.owner),
            None => mac.to_string(),
        }
    }

    fn view(&self, mac: MacAddress) -> HostView {
        let interface = InterfaceView {
            index: 0,
            mac: mac.to_string(),
            ip: self.ip.map(|ip| ip.to_string()),
            prefix_length: None,
            gateway: None,
        };
        HostView {
            id: self.id,
            name: self.written(mac),
            kind: HostKind::Outside,
            owner: Some(self.owner.clone()),
            up: self.ip.is_some(),
            interfaces: vec![interface],
            sockets: Vec::new(),
            arp: Vec::new(),
        }
    }
}

fn mac_at(bytes: &[u8], offset: usize) -> Option<MacAddress> {
    Some(MacAddress(*bytes.get(offset..)?.first_chunk()?))
}

/// The IPv4 address that a frame's sender uses: of an ARP message or of a packet. A packet that was only passed on bears a
/// foreign address, but only the router passes packets on, and that one is not asked.
fn sender_ip(bytes: &[u8]) -> Option<Ipv4Addr> {
    let offset = match bytes.get(12..14)? {
        [0x08, 0x06] => 28, // RFC 826: the sender's protocol address
        [0x08, 0x00] => 26, // RFC 791, section 3.1: the source
        _ => return None,
    };
    let octets: [u8; 4] = *bytes.get(offset..)?.first_chunk()?;
    Some(Ipv4Addr::from(octets)).filter(|ip| !ip.is_unspecified())
}

/// The lease as the DHCP server keeps it: for the client, and running only once the client asks again.
fn kept_lease(lease: &RoomLease) -> Option<DhcpLease> {
    let mac = lease.mac.parse().ok()?;
    Some(DhcpLease { mac, ip: lease.ip, host_name: lease.host_name.clone(), until: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(identity: u32) -> Membership {
        Membership { identity, keeps: false, has_pc: true, watches: false }
    }

    #[test]
    fn addresses_are_a_persons_own_and_stay() {
        let mut seen = BTreeSet::new();
        for identity in 0..500 {
            for name in ["board", "server", "client", "pc"] {
                let mac = member(identity).mac(name);
                assert_eq!(mac, member(identity).mac(name));
                assert!(!mac.is_group());
                assert!(seen.insert(mac), "{mac} twice");
            }
        }
    }

    #[test]
    fn the_senders_address_is_read_from_arp_and_ip_alone() {
        let mut frame = vec![0; 60];
        frame[26..30].copy_from_slice(&[192, 168, 1, 7]);
        frame[28..32].copy_from_slice(&[192, 168, 1, 9]);
        assert_eq!(sender_ip(&frame), None);
        frame[12..14].copy_from_slice(&[0x08, 0x06]);
        assert_eq!(sender_ip(&frame), Some(Ipv4Addr::new(192, 168, 1, 9)));
        for length in 0..frame.len() {
            sender_ip(&frame[..length]);
        }
    }
}
