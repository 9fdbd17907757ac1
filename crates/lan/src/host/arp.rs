//! Neighbours: which Ethernet address an IP address on the link has (RFC 826).
//!
//! As in lwIP every packet for an unresolved neighbour asks again and waits in a queue; beyond that, a waiting queue asks
//! once a second and is dropped after [`REQUESTS_MAX`] questions. Any number of neighbours may be asked for at once.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use smoltcp::wire::{ArpHardware, ArpOperation, ArpPacket, ArpRepr, EthernetAddress};
use trace::{Duration, FrameBytes, Instant, RecordId, SocketId};

use super::device::blank_frame;
use super::wire::{ETHERNET_HEADER, ETHERTYPE_ARP, Ethernet, exclusive};
use crate::address::MacAddress;

/// Questions for one neighbour before the packets that wait for it are given up.
const REQUESTS_MAX: u8 = 4;
/// Time between them.
const REQUEST_INTERVAL: Duration = Duration::from_secs(1);
/// Packets that wait for one neighbour (lwIP, `ARP_QUEUE_LEN`).
const QUEUE_MAX: usize = 10;
/// How long an answer is believed (docs/behaviour.md §7).
const MAX_AGE: Duration = Duration::from_secs(1200);

/// A packet that waits for its neighbour.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) frame: FrameBytes,
    pub(crate) socket: Option<SocketId>,
    pub(crate) cause: Option<RecordId>,
    pub(crate) intact: bool,
}

#[derive(Debug)]
struct Entry {
    ip: Ipv4Addr,
    mac: Option<MacAddress>,
    since: Instant,
    requests: u8,
    next_request: Instant,
    queue: VecDeque<Waiting>,
}

/// The ARP table of one interface.
#[derive(Debug)]
pub(crate) struct Neighbours {
    entries: Vec<Entry>,
    entries_max: usize,
}

/// What a table wants sent or reported when its time comes.
pub(crate) enum Due {
    /// Ask for this neighbour again.
    Ask(Ipv4Addr, Option<RecordId>),
    /// Nobody has this address; these packets are lost.
    Absent(Ipv4Addr, VecDeque<Waiting>),
}

impl Neighbours {
    pub(crate) fn new(entries_max: usize) -> Neighbours {
        Neighbours { entries: Vec::new(), entries_max }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// The Ethernet address of `ip`, if it is known.
    pub(crate) fn lookup(&self, now: Instant, ip: Ipv4Addr) -> Option<MacAddress> {
        let entry = self.entries.iter().find(|entry| entry.ip == ip)?;
        entry.mac.filter(|_| now.saturating_since(entry.since) < MAX_AGE)
    }

    /// Lets a packet wait for `ip`; the caller asks for it.
    pub(crate) fn wait_for(&mut self, now: Instant, ip: Ipv4Addr, waiting: Waiting) {
        let entry = self.entry(now, ip);
        if entry.mac.take().is_some() || entry.queue.is_empty() {
            entry.requests = 0;
        }
        if entry.queue.len() == QUEUE_MAX {
            entry.queue.pop_front();
        }
        entry.queue.push_back(waiting);
        entry.requests = entry.requests.max(1);
        entry.next_request = now + REQUEST_INTERVAL;
    }

    /// Learns that `ip` is at `mac`, and returns what waited for that.
    pub(crate) fn learn(&mut self, now: Instant, ip: Ipv4Addr, mac: MacAddress) -> VecDeque<Waiting> {
        let entry = self.entry(now, ip);
        entry.mac = Some(mac);
        entry.since = now;
        std::mem::take(&mut entry.queue)
    }

    /// Whether the table has an entry for `ip`, resolved or not.
    pub(crate) fn knows(&self, ip: Ipv4Addr) -> bool {
        self.entries.iter().any(|entry| entry.ip == ip)
    }

    fn entry(&mut self, now: Instant, ip: Ipv4Addr) -> &mut Entry {
        if let Some(index) = self.entries.iter().position(|entry| entry.ip == ip) {
            return &mut self.entries[index];
        }
        if self.entries.len() >= self.entries_max {
            // The oldest goes, one that nobody waits for if there is any.
            let (index, _) = (self.entries.iter().enumerate())
                .min_by_key(|(_, entry)| (!entry.queue.is_empty(), entry.since))
                .expect("a full table has an entry");
            self.entries.remove(index);
        }
        self.entries.push(Entry { ip, mac: None, since: now, requests: 0, next_request: now, queue: VecDeque::new() });
        self.entries.last_mut().expect("just pushed")
    }

    /// When [`Neighbours::due`] has something.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.entries.iter().filter(|entry| !entry.queue.is_empty()).map(|entry| entry.next_request).min()
    }

    /// One thing that is due at `now`.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Due> {
        let index = self.entries.iter().position(|entry| !entry.queue.is_empty() && entry.next_request <= now)?;
        let entry = &mut self.entries[index];
        if entry.requests < REQUESTS_MAX {
            entry.requests += 1;
            entry.next_request = now + REQUEST_INTERVAL;
            return Some(Due::Ask(entry.ip, entry.queue.front().and_then(|waiting| waiting.cause)));
        }
        let entry = self.entries.remove(index);
        Some(Due::Absent(entry.ip, entry.queue))
    }

    /// All entries, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Ipv4Addr, Option<MacAddress>)> + '_ {
        self.entries.iter().map(|entry| (entry.ip, entry.mac))
    }
}

/// An ARP message as this crate needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arp {
    pub(crate) is_request: bool,
    pub(crate) source_mac: MacAddress,
    pub(crate) source_ip: Ipv4Addr,
    pub(crate) target_mac: MacAddress,
    pub(crate) target_ip: Ipv4Addr,
}

impl Arp {
    pub(crate) fn parse(frame: &[u8]) -> Option<Arp> {
        let packet = ArpPacket::new_checked(frame.get(ETHERNET_HEADER..)?).ok()?;
        if packet.hardware_type() != ArpHardware::Ethernet {
            return None;
        }
        let ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr,
            source_protocol_addr,
            target_hardware_addr,
            target_protocol_addr,
        } = ArpRepr::parse(&packet).ok()?
        else {
            return None;
        };
        Some(Arp {
            is_request: operation == ArpOperation::Request,
            source_mac: MacAddress(source_hardware_addr.0),
            source_ip: source_protocol_addr,
            target_mac: MacAddress(target_hardware_addr.0),
            target_ip: target_protocol_addr,
        })
    }

    /// The message in a finished frame.
    pub(crate) fn frame(&self) -> FrameBytes {
        let operation = if self.is_request { ArpOperation::Request } else { ArpOperation::Reply };
        let message = ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr: EthernetAddress(self.source_mac.0),
            source_protocol_addr: self.source_ip,
            target_hardware_addr: EthernetAddress(self.target_mac.0),
            target_protocol_addr: self.target_ip,
        };
        let mut frame = blank_frame(message.buffer_len());
        message.emit(&mut ArpPacket::new_unchecked(&mut exclusive(&mut frame)[ETHERNET_HEADER..]));
        let destination = if self.is_request { MacAddress::BROADCAST } else { self.target_mac };
        Ethernet { destination, source: self.source_mac, ethertype: ETHERTYPE_ARP }.write(&mut frame);
        frame
    }
}
