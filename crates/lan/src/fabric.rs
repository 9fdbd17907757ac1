//! The LAN between hosts: segments (switches), links with faults, the air, and the hosts built into it.
//!
//! Events happen in the order of (time, sequence number); the sequence number is taken when an event is scheduled. A host
//! that has nothing to do costs nothing: only what is queued, and the earliest deadline of each built-in host, is looked
//! at.

use std::any::Any;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::rc::Rc;

use trace::{DropReason, HostId, Instant, Kind, RecordId, Trace};

use crate::address::MacAddress;
use crate::air::{
    AccessPointConfig, AccessPointId, Air, AirEvent, Association, Behind, JoinError, JoinRequest, ScanEntry,
};
use crate::frame::Frame;
use crate::host::wire::{ETHERNET_HEADER, ETHERTYPE_IPV4, checksums_hold};
use crate::link::{Fate, Link, LinkConfig};

/// A switch: hosts attached to it hear each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub u32);

/// A place where a host's interface is attached to a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(pub u32);

/// A host that lives inside the LAN and is driven by [`Lan::step`]: a router, a server, a PC.
///
/// The LAN calls `receive` and `poll`, then drains `take_frame`; the resident handles its own events inside these calls.
pub trait Resident: Any {
    /// Its id.
    fn id(&self) -> HostId;
    /// Takes one frame in.
    fn receive(&mut self, now: Instant, interface: u8, frame: &Frame);
    /// Does what is due.
    fn poll(&mut self, now: Instant);
    /// When there is something to do next.
    fn next_deadline(&self) -> Option<Instant>;
    /// The next frame to send.
    fn take_frame(&mut self) -> Option<(u8, Frame)>;
    /// For [`Lan::resident_mut`].
    fn as_any_mut(&mut self) -> &mut dyn Any;
    /// For [`Lan::resident`].
    fn as_any(&self) -> &dyn Any;
}

/// A frame for a host outside the LAN.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// For whom.
    pub host: HostId,
    /// By which interface.
    pub interface: u8,
    /// The frame; its `FrameCarried` record is written by the receiving [`Host`](crate::Host).
    pub frame: Frame,
}

/// Which way on a link, seen from the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the host.
    Out,
    /// To the host.
    In,
}

/// A frame on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// Whose link.
    pub host: HostId,
    /// Which of its interfaces.
    pub interface: u8,
    /// Which way it travels.
    pub direction: Direction,
    /// The frame's `FrameSent` record.
    pub frame: RecordId,
    /// When it was given to the link.
    pub since: Instant,
    /// When it arrives at the other end.
    pub due: Instant,
}

/// Where an interface is attached.
#[derive(Debug)]
struct Port {
    host: HostId,
    interface: u8,
    segment: SegmentId,
    /// From the host, and to it.
    out: Link,
    into: Link,
}

/// What a switch knows.
#[derive(Debug, Default)]
struct Segment {
    ports: Vec<PortId>,
    /// Where each sender was heard last.
    learnt: BTreeMap<MacAddress, PortId>,
}

struct Occupant {
    resident: Box<dyn Resident>,
    /// As it was after the last call; the entry in [`Lan::deadlines`].
    deadline: Option<Instant>,
    /// Whether it was called since its frames were carried out.
    is_touched: bool,
}

/// Something on its way.
#[derive(Debug)]
enum Arrival {
    /// A frame reaches the switch from a port.
    AtSwitch(PortId, Frame),
    /// A frame reaches a host.
    AtHost(PortId, Frame),
}

#[derive(Debug)]
struct Scheduled {
    at: Instant,
    sequence: u64,
    since: Instant,
    arrival: Arrival,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.sequence == other.sequence
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

/// What is scheduled, in the order of (time, sequence number).
///
/// Links of equal latency schedule in order, so nearly everything fits a plain queue; the rest goes to a heap.
#[derive(Debug, Default)]
struct Agenda {
    in_order: VecDeque<Scheduled>,
    others: BinaryHeap<Reverse<Scheduled>>,
    sequence: u64,
}

impl Agenda {
    fn push(&mut self, now: Instant, at: Instant, arrival: Arrival) {
        self.sequence += 1;
        let scheduled = Scheduled { at, sequence: self.sequence, since: now, arrival };
        if self.in_order.back().is_none_or(|last| last.at <= at) {
            self.in_order.push_back(scheduled);
        } else {
            self.others.push(Reverse(scheduled));
        }
    }

    /// Everything, in no particular order.
    fn iter(&self) -> impl Iterator<Item = &Scheduled> {
        self.in_order.iter().chain(self.others.iter().map(|Reverse(other)| other))
    }

    fn next_at(&self) -> Option<Instant> {
        let other = self.others.peek().map(|Reverse(other)| other.at);
        self.in_order.front().map(|first| first.at).into_iter().chain(other).min()
    }

    /// The first, if it is due at `now`.
    fn pop_due(&mut self, now: Instant) -> Option<Arrival> {
        let (first, other) = (self.in_order.front(), self.others.peek().map(|Reverse(other)| other));
        let is_other = other.is_some_and(|other| first.is_none_or(|first| other < first));
        let next = if is_other { other } else { first };
        if next.is_none_or(|next| next.at > now) {
            return None;
        }
        let next = if is_other { self.others.pop().map(|Reverse(other)| other) } else { self.in_order.pop_front() };
        next.map(|next| next.arrival)
    }
}

/// The LAN.
pub struct Lan {
    trace: Trace,
    seed: u64,
    now: Instant,
    segments: Vec<Segment>,
    /// Ports that were taken away leave a gap, so that an id is never used twice.
    ports: Vec<Option<Port>>,
    by_interface: BTreeMap<(HostId, u8), PortId>,
    occupants: BTreeMap<HostId, Occupant>,
    /// When built-in hosts have something to do.
    deadlines: BTreeSet<(Instant, HostId)>,
    /// Built-in hosts whose frames have not been carried out.
    touched: Vec<HostId>,
    agenda: Agenda,
    deliveries: VecDeque<Delivery>,
    air: Air,
}

impl std::fmt::Debug for Lan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lan").field("now", &self.now).field("ports", &self.ports).finish_non_exhaustive()
    }
}

impl Lan {
    /// An empty LAN. Every link's faults derive from `seed`.
    pub fn new(seed: u64, trace: Trace) -> Lan {
        Lan {
            trace,
            seed,
            now: Instant::ZERO,
            segments: Vec::new(),
            ports: Vec::new(),
            by_interface: BTreeMap::new(),
            occupants: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            touched: Vec::new(),
            agenda: Agenda::default(),
            deliveries: VecDeque::new(),
            air: Air::default(),
        }
    }

    /// The log it writes to.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    // ---- building ----

    /// Adds a switch.
    pub fn add_segment(&mut self) -> SegmentId {
        self.segments.push(Segment::default());
        SegmentId(self.segments.len() as u32 - 1)
    }

    /// Wires an interface of a host to a segment; both directions of the link are as `link` says. An interface that was
    /// attached elsewhere is detached there.
    pub fn attach(&mut self, host: HostId, interface: u8, segment: SegmentId, link: LinkConfig) -> PortId {
        self.detach(host, interface);
        let port = PortId(self.ports.len() as u32);
        let seed = |direction: u64| {
            let mut random = fastrand::Rng::with_seed(self.seed ^ (u64::from(host.0) << 16));
            (0..=u64::from(interface) * 2 + direction).fold(0, |_, _| random.u64(..))
        };
        let (out, into) = (Link::new(link, seed(0)), Link::new(link, seed(1)));
        self.ports.push(Some(Port { host, interface, segment, out, into }));
        self.by_interface.insert((host, interface), port);
        if let Some(segment) = self.segments.get_mut(segment.0 as usize) {
            segment.ports.push(port);
        }
        port
    }

    /// Pulls the plug of an interface; what is on its way to it is lost.
    pub fn detach(&mut self, host: HostId, interface: u8) {
        let Some(id) = self.by_interface.remove(&(host, interface)) else { return };
        let Some(port) = self.ports[id.0 as usize].take() else { return };
        if let Some(segment) = self.segments.get_mut(port.segment.0 as usize) {
            segment.ports.retain(|other| *other != id);
            segment.learnt.retain(|_, other| *other != id);
        }
    }

    /// Adds a built-in host; attach its interfaces as those of any other.
    pub fn add_resident(&mut self, resident: Box<dyn Resident>) {
        let id = resident.id();
        self.occupants.insert(id, Occupant { resident, deadline: None, is_touched: true });
        self.touched.push(id);
    }

    /// The built-in host `id`, if it is a `T`.
    pub fn resident<T: Resident>(&self, id: HostId) -> Option<&T> {
        self.occupants.get(&id)?.resident.as_any().downcast_ref()
    }

    /// The built-in host `id` for giving it a command, if it is a `T`. The LAN drains its frames afterwards, at the next
    /// [`Lan::step`], which is due at once.
    pub fn resident_mut<T: Resident>(&mut self, id: HostId) -> Option<&mut T> {
        let occupant = self.occupants.get_mut(&id)?;
        if !std::mem::replace(&mut occupant.is_touched, true) {
            self.touched.push(id);
        }
        occupant.resident.as_any_mut().downcast_mut()
    }

    // ---- driving ----

    /// A host's interface sends a frame.
    pub fn inject(&mut self, now: Instant, host: HostId, interface: u8, frame: Frame) {
        self.now = self.now.max(now);
        let Some(id) = self.by_interface.get(&(host, interface)).copied() else {
            return self.drop_frame(host, &frame, DropReason::LinkDown);
        };
        let Some(port) = self.ports[id.0 as usize].as_mut() else { return };
        let fate = port.out.carry(now, frame.bytes.len());
        self.carry(host, frame, fate, |frame| Arrival::AtSwitch(id, frame));
    }

    /// Does everything due at or before `now`.
    pub fn step(&mut self, now: Instant) {
        while let Some(at) = self.next_deadline().filter(|at| *at <= now) {
            self.now = self.now.max(at);
            while let Some(arrival) = self.agenda.pop_due(at) {
                self.arrive(arrival);
            }
            self.poll_residents();
            self.carry_out();
        }
        self.now = self.now.max(now);
    }

    /// The next frame that arrived for a host outside.
    pub fn take_delivery(&mut self) -> Option<Delivery> {
        self.deliveries.pop_front()
    }

    /// When [`Lan::step`] has something to do next.
    pub fn next_deadline(&self) -> Option<Instant> {
        if !self.touched.is_empty() {
            return Some(self.now);
        }
        let resident = self.deadlines.first().map(|(at, _)| *at);
        self.agenda.next_at().into_iter().chain(resident).min().map(|at| at.max(self.now))
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::AtSwitch(from, frame) => self.switch(from, frame),
            Arrival::AtHost(port, frame) => self.deliver(port, frame),
        }
    }

    /// Sends a frame on to the port where its destination was heard, or to all others.
    fn switch(&mut self, from: PortId, frame: Frame) {
        let Some(port) = &self.ports[from.0 as usize] else {
            return self.drop_frame(frame.from, &frame, DropReason::LinkDown);
        };
        let sender = port.host;
        let Some((destination, source)) = addresses(&frame.bytes) else {
            return self.drop_frame(sender, &frame, DropReason::Malformed);
        };
        // In the place of the frame check sequence: two damages on two links could hide each other from a checksum.
        if !frame.intact && !checksums_hold(&frame.bytes) {
            return self.drop_frame(sender, &frame, DropReason::Corrupted);
        }
        let segment = &mut self.segments[port.segment.0 as usize];
        if !source.is_group() {
            segment.learnt.insert(source, from);
        }
        match segment.learnt.get(&destination).copied().filter(|_| !destination.is_group()) {
            Some(port) if port == from => self.drop_frame(sender, &frame, DropReason::NoSuchHost),
            Some(port) => self.forward(port, frame),
            None => {
                let others: Vec<_> = segment.ports.iter().copied().filter(|port| *port != from).collect();
                if others.is_empty() {
                    self.drop_frame(sender, &frame, DropReason::NoSuchHost);
                }
                for port in others {
                    self.forward(port, frame.clone());
                }
            }
        }
    }

    fn forward(&mut self, to: PortId, frame: Frame) {
        let Some(port) = self.ports[to.0 as usize].as_mut() else { return };
        let host = port.host;
        let fate = port.into.carry(self.now, frame.bytes.len());
        self.carry(host, frame, fate, |frame| Arrival::AtHost(to, frame));
    }

    fn carry(&mut self, host: HostId, frame: Frame, fate: Fate, arrival: impl Fn(Frame) -> Arrival) {
        match fate {
            Fate::Dropped(reason) => self.drop_frame(host, &frame, reason),
            Fate::Carried { at, again_at, damaged_bit } => {
                let frame = match damaged_bit {
                    None => frame,
                    Some(bit) => match damaged(&frame, bit) {
                        Some(damaged) => damaged,
                        None => return self.drop_frame(host, &frame, DropReason::Corrupted),
                    },
                };
                if let Some(again_at) = again_at {
                    self.agenda.push(self.now, again_at, arrival(frame.clone()));
                }
                self.agenda.push(self.now, at, arrival(frame));
            }
        }
    }

    fn deliver(&mut self, port: PortId, frame: Frame) {
        let Some(Port { host, interface, .. }) = &self.ports[port.0 as usize] else {
            return self.drop_frame(frame.from, &frame, DropReason::LinkDown);
        };
        let (host, interface) = (*host, *interface);
        let Some(occupant) = self.occupants.get_mut(&host) else {
            self.deliveries.push_back(Delivery { host, interface, frame });
            return;
        };
        occupant.resident.receive(self.now, interface, &frame);
        if !std::mem::replace(&mut occupant.is_touched, true) {
            self.touched.push(host);
        }
    }

    fn poll_residents(&mut self) {
        while let Some((_, host)) = self.deadlines.first().copied().filter(|(at, _)| *at <= self.now) {
            self.deadlines.pop_first();
            let Some(occupant) = self.occupants.get_mut(&host) else { continue };
            occupant.deadline = None;
            occupant.resident.poll(self.now);
            if !std::mem::replace(&mut occupant.is_touched, true) {
                self.touched.push(host);
            }
        }
    }

    /// Puts the frames of the hosts that were called on their links, and plans their next turns.
    fn carry_out(&mut self) {
        for host in std::mem::take(&mut self.touched) {
            while let Some((interface, frame)) =
                self.occupants.get_mut(&host).and_then(|occupant| occupant.resident.take_frame())
            {
                self.inject(self.now, host, interface, frame);
            }
            let Some(occupant) = self.occupants.get_mut(&host) else { continue };
            occupant.is_touched = false;
            let deadline = occupant.resident.next_deadline();
            if deadline != occupant.deadline {
                occupant.deadline.map(|before| self.deadlines.remove(&(before, host)));
                deadline.map(|at| self.deadlines.insert((at, host)));
                occupant.deadline = deadline;
            }
        }
    }

    fn drop_frame(&self, host: HostId, frame: &Frame, reason: DropReason) {
        let kind = Kind::FrameDropped { frame: frame.sent, reason };
        self.trace.record_caused(self.now, host, Some(frame.sent), kind);
    }

    // ---- links ----

    /// Changes one direction of the link of a host's interface, while it runs.
    pub fn set_link(&mut self, now: Instant, host: HostId, interface: u8, direction: Direction, link: LinkConfig) {
        self.now = self.now.max(now);
        let Some(id) = self.by_interface.get(&(host, interface)) else { return };
        let Some(port) = self.ports[id.0 as usize].as_mut() else { return };
        match direction {
            Direction::Out => port.out.config = link,
            Direction::In => port.into.config = link,
        }
    }

    /// One direction of the link of a host's interface.
    pub fn link(&self, host: HostId, interface: u8, direction: Direction) -> Option<&LinkConfig> {
        let id = self.by_interface.get(&(host, interface))?;
        let port = self.ports[id.0 as usize].as_ref()?;
        Some(match direction {
            Direction::Out => &port.out.config,
            Direction::In => &port.into.config,
        })
    }

    /// The frames on all links, in the order in which they will arrive.
    pub fn in_flight(&self) -> Vec<InFlight> {
        let mut scheduled: Vec<_> = self.agenda.iter().collect();
        scheduled.sort_unstable();
        let described = |scheduled: &Scheduled| {
            let (port, frame, direction) = match &scheduled.arrival {
                Arrival::AtSwitch(port, frame) => (port, frame, Direction::Out),
                Arrival::AtHost(port, frame) => (port, frame, Direction::In),
            };
            let Port { host, interface, .. } = self.ports[port.0 as usize].as_ref()?;
            let (since, due) = (scheduled.since, scheduled.at);
            Some(InFlight { host: *host, interface: *interface, direction, frame: frame.sent, since, due })
        };
        scheduled.into_iter().filter_map(described).collect()
    }

    // ---- the air ----

    /// Puts an access point on the air.
    pub fn add_access_point(&mut self, now: Instant, config: AccessPointConfig, behind: Behind) -> AccessPointId {
        self.now = self.now.max(now);
        let segment = match behind {
            Behind::Segment(segment) => segment,
            Behind::Host(host, interface) => {
                let segment = self.add_segment();
                // The host is the access point: no wire between them.
                let link = LinkConfig { latency: trace::Duration::ZERO, ..LinkConfig::default() };
                self.attach(host, interface, segment, link);
                segment
            }
        };
        self.air.add(config, behind, segment)
    }

    /// Takes an access point off the air; its stations notice.
    pub fn remove_access_point(&mut self, now: Instant, access_point: AccessPointId) {
        self.now = self.now.max(now);
        let Some((behind, stations)) = self.air.remove(access_point) else { return };
        for (host, interface) in stations {
            self.detach(host, interface);
        }
        if let Behind::Host(host, interface) = behind {
            self.detach(host, interface);
        }
    }

    /// How a station's link is from now on when it joins (until then [`LinkConfig::default`]).
    pub fn set_station_link(&mut self, host: HostId, interface: u8, link: LinkConfig) {
        self.air.set_link(host, interface, link);
    }

    /// Associates an interface of a host, leaving what it was associated with.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub fn join(
        &mut self,
        now: Instant,
        host: HostId,
        interface: u8,
        mac: MacAddress,
        request: &JoinRequest,
    ) -> Result<Association, JoinError> {
        self.leave(now, host, interface);
        let (association, segment, link) = self.air.join(host, interface, mac, request)?;
        self.attach(host, interface, segment, link);
        Ok(association)
    }

    /// Ends the association of an interface.
    pub fn leave(&mut self, now: Instant, host: HostId, interface: u8) {
        self.now = self.now.max(now);
        if self.air.leave(host, interface) {
            self.detach(host, interface);
        }
    }

    /// What an interface is associated with.
    pub fn association(&self, host: HostId, interface: u8) -> Option<Association> {
        self.air.association(host, interface)
    }

    /// The host whose access point an interface is associated with; `None` when it has none or that is the LAN's own.
    pub fn access_point_host(&self, host: HostId, interface: u8) -> Option<HostId> {
        self.air.access_point_host(host, interface)
    }

    /// Takes an interface out of every access point's range, or back into it. Out of range it finds no network; an
    /// association lasts until [`Lan::lose_beacons`].
    pub fn set_in_range(&mut self, host: HostId, interface: u8, in_range: bool) {
        self.air.set_in_range(host, interface, in_range);
    }

    /// Ends the association of an interface that has missed its access point's beacons for too long; it notices.
    pub fn lose_beacons(&mut self, now: Instant, host: HostId, interface: u8) {
        self.now = self.now.max(now);
        if self.air.lose(host, interface) {
            self.detach(host, interface);
        }
    }

    /// The networks that `interface` of `host` hears, strongest first; never its own.
    pub fn scan(&self, host: HostId, interface: u8) -> Vec<ScanEntry> {
        self.air.scan(host, interface)
    }

    /// The next thing that a host's radio noticed.
    pub fn take_air_event(&mut self) -> Option<(HostId, AirEvent)> {
        self.air.take_event()
    }
}

/// Destination and source of a frame.
fn addresses(frame: &[u8]) -> Option<(MacAddress, MacAddress)> {
    let (destination, rest) = frame.split_first_chunk::<6>()?;
    Some((MacAddress(*destination), MacAddress(*rest.first_chunk::<6>()?)))
}

/// The frame with a bit turned over behind its Ethernet header, where the next checksum will find it; `None` for a frame
/// without checksums, whose damage only the frame check sequence (which frames here do not carry) would show.
fn damaged(frame: &Frame, bit: usize) -> Option<Frame> {
    if frame.bytes.get(12..14) != Some(&ETHERTYPE_IPV4) || frame.bytes.len() == ETHERNET_HEADER {
        return None;
    }
    let mut bytes = frame.bytes.to_vec();
    let index = ETHERNET_HEADER + bit / 8 % (bytes.len() - ETHERNET_HEADER);
    bytes[index] ^= 1 << (bit % 8);
    Some(Frame::unverified(Rc::from(bytes), frame.sent, frame.from))
}
