//! The LAN between hosts: segments (switches), links with faults, the air, and the hosts built into it.
//!
//! Events happen in the order of (time, sequence number); the sequence number is taken when an event is scheduled.

use std::any::Any;

use trace::{HostId, Instant, Trace};

use crate::address::MacAddress;
use crate::air::{AccessPointConfig, AccessPointId, AirEvent, Association, Behind, JoinError, JoinRequest, ScanEntry};
use crate::frame::Frame;
use crate::link::LinkConfig;

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

/// The LAN.
pub struct Lan {
    trace: Trace,
}

impl Lan {
    /// An empty LAN. Every link's faults derive from `seed`.
    pub fn new(seed: u64, trace: Trace) -> Lan {
        let _ = seed;
        Lan { trace }
    }

    /// The log it writes to.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    // ---- building ----

    /// Adds a switch.
    pub fn add_segment(&mut self) -> SegmentId {
        todo!()
    }

    /// Wires an interface of a host to a segment; both directions of the link are as `link` says.
    pub fn attach(&mut self, host: HostId, interface: u8, segment: SegmentId, link: LinkConfig) -> PortId {
        let _ = (host, interface, segment, link);
        todo!()
    }

    /// Adds a built-in host; attach its interfaces as those of any other.
    pub fn add_resident(&mut self, resident: Box<dyn Resident>) {
        let _ = resident;
        todo!()
    }

    /// The built-in host `id`, if it is a `T`.
    pub fn resident<T: Resident>(&self, id: HostId) -> Option<&T> {
        let _ = id;
        todo!()
    }

    /// The built-in host `id` for giving it a command, if it is a `T`. The LAN drains its frames afterwards, at the next
    /// [`Lan::step`], which is due at once.
    pub fn resident_mut<T: Resident>(&mut self, id: HostId) -> Option<&mut T> {
        let _ = id;
        todo!()
    }

    // ---- driving ----

    /// A host's interface sends a frame.
    pub fn inject(&mut self, now: Instant, host: HostId, interface: u8, frame: Frame) {
        let _ = (now, host, interface, frame);
        todo!()
    }

    /// Does everything due at or before `now`.
    pub fn step(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }

    /// The next frame that arrived for a host outside.
    pub fn take_delivery(&mut self) -> Option<Delivery> {
        todo!()
    }

    /// When [`Lan::step`] has something to do next.
    pub fn next_deadline(&self) -> Option<Instant> {
        todo!()
    }

    // ---- links ----

    /// Changes one direction of the link of a host's interface, while it runs.
    pub fn set_link(&mut self, now: Instant, host: HostId, interface: u8, direction: Direction, link: LinkConfig) {
        let _ = (now, host, interface, direction, link);
        todo!()
    }

    /// One direction of the link of a host's interface.
    pub fn link(&self, host: HostId, interface: u8, direction: Direction) -> Option<&LinkConfig> {
        let _ = (host, interface, direction);
        todo!()
    }

    // ---- the air ----

    /// Puts an access point on the air.
    pub fn add_access_point(&mut self, now: Instant, config: AccessPointConfig, behind: Behind) -> AccessPointId {
        let _ = (now, config, behind);
        todo!()
    }

    /// Takes an access point off the air; its stations notice.
    pub fn remove_access_point(&mut self, now: Instant, access_point: AccessPointId) {
        let _ = (now, access_point);
        todo!()
    }

    /// How a station's link is from now on when it joins (until then [`LinkConfig::default`]).
    pub fn set_station_link(&mut self, host: HostId, interface: u8, link: LinkConfig) {
        let _ = (host, interface, link);
        todo!()
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
        let _ = (now, host, interface, mac, request);
        todo!()
    }

    /// Ends the association of an interface.
    pub fn leave(&mut self, now: Instant, host: HostId, interface: u8) {
        let _ = (now, host, interface);
        todo!()
    }

    /// What an interface is associated with.
    pub fn association(&self, host: HostId, interface: u8) -> Option<Association> {
        let _ = (host, interface);
        todo!()
    }

    /// The networks that `host` hears, strongest first; never its own.
    pub fn scan(&self, host: HostId) -> Vec<ScanEntry> {
        let _ = host;
        todo!()
    }

    /// The next thing that a host's radio noticed.
    pub fn take_air_event(&mut self) -> Option<(HostId, AirEvent)> {
        todo!()
    }
}
