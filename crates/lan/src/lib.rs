//! A virtual LAN: hosts with a TCP/IP stack, and everything between them.
//!
//! Real Ethernet frames, sans-IO, in virtual time. smoltcp carries TCP and reads and writes every wire format; this crate
//! adds what it leaves out (neighbours by the dozen, listeners, a resolver, timers of the chip's lwIP) and the wires,
//! switches and access points between hosts. No smoltcp type leaves it.
//!
//! Not here: boards and Lua (`firmware`), the loop that moves time (`sim`), sockets of a real network (`relay`).
//!
//! Reading order: [`address`], [`frame`], [`event`], [`host`], [`chip`], [`fabric`], [`link`], [`air`], then [`world`].

mod address;
mod air;
mod chip;
mod error;
mod event;
mod fabric;
mod frame;
mod host;
mod link;
mod netstat;
pub mod world;

pub use address::{Address, MacAddress, ParseMacError, parse_ipv4_literal};
pub use air::{
    AccessPointConfig, AccessPointId, AirEvent, Association, Behind, JoinError, JoinRequest, ScanEntry, Security,
};
pub use error::{BindError, ConnectError, DnsError, ListenError, MulticastError, RouteError, SendError, UdpSendError};
pub use event::{CloseReason, Event, IcmpErrorKind, IncomingId, ListenerId, QueryId};
pub use fabric::{Delivery, Direction, InFlight, Lan, PortId, Resident, SegmentId};
pub use frame::{Frame, Payload};
pub use host::{Host, HostConfig, Lease, StackProfile, Transit};
pub use link::LinkConfig;
pub use netstat::{InterfaceRow, NeighbourRow, Netstat, SocketRow};
