//! What a [`Host`](crate::Host) tells its owner.

use std::net::Ipv4Addr;

use trace::{Endpoint, Protocol, SocketId};

use crate::address::Address;
use crate::frame::Payload;

/// A listener of a host; its number is that of a socket in the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub SocketId);

/// A name lookup under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(pub u32);

/// A connection attempt that a gateway has to decide on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IncomingId(pub u32);

/// How a connection ended without the owner's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The other end finished: the firmware's code 0.
    PeerFin,
    /// The other end reset or refused it: -9.
    Reset,
    /// The stack gave up, or the address went away: -8.
    Aborted,
    /// A desktop found that nobody has the address; the chip does not notice.
    Unreachable,
}

impl CloseReason {
    /// The code that a `disconnection` callback receives (docs/behaviour.md §1.4).
    pub const fn code(self) -> i32 {
        match self {
            CloseReason::PeerFin => 0,
            CloseReason::Reset => -9,
            CloseReason::Aborted | CloseReason::Unreachable => -8,
        }
    }
}

/// What an ICMP message reports about an earlier packet of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IcmpErrorKind {
    /// Time to live ran out on the way.
    TimeExceeded,
    /// Nobody listens on the port.
    PortUnreachable,
    /// The host does not answer, or there is no way to it.
    HostUnreachable,
}

/// Something that happened on a host.
///
/// An event that belongs to a TCP connection is part of handling one segment: until the owner is done with it (see
/// [`Host::take_event`](crate::Host::take_event)) the host answers nothing and reads no further frame, as lwIP runs its
/// callbacks inside `tcp_input`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A handshake on a listener completed.
    Accepted {
        /// The listener.
        listener: ListenerId,
        /// The new connection.
        socket: SocketId,
    },
    /// The connection that this host opened is established.
    Connected(SocketId),
    /// The payload of one segment, in order.
    Received {
        /// The connection.
        socket: SocketId,
        /// 1 to 1460 bytes.
        data: Payload,
    },
    /// One segment acknowledged data that this host had sent.
    Acknowledged {
        /// The connection.
        socket: SocketId,
        /// How many bytes it covered that no earlier one did.
        bytes: u32,
    },
    /// The connection is over; the socket id is dead afterwards.
    Closed {
        /// The connection.
        socket: SocketId,
        /// Why.
        reason: CloseReason,
    },
    /// A UDP datagram.
    Datagram {
        /// The socket it is for.
        socket: SocketId,
        /// Its payload.
        data: Vec<u8>,
        /// Its source.
        from: Endpoint,
        /// Its destination: an own address, a broadcast or a group; behind a gateway any address.
        to: Endpoint,
    },
    /// A lookup ended.
    DnsDone {
        /// Which.
        query: QueryId,
        /// The address; `None` when it failed.
        ip: Option<Ipv4Addr>,
    },
    /// An echo reply for this host.
    EchoReply {
        /// Who answered.
        from: Ipv4Addr,
        /// Identifier of the request.
        id: u16,
        /// Sequence number of the request.
        seq: u16,
        /// Time to live left.
        ttl: u8,
        /// Length of the data that came back.
        length: usize,
    },
    /// An ICMP error about a packet that this host had sent.
    IcmpError {
        /// Who reported it.
        from: Ipv4Addr,
        /// What.
        kind: IcmpErrorKind,
        /// Transport of the packet; `None` for an echo request.
        protocol: Option<Protocol>,
        /// Source of the packet; for an echo request the port is its identifier.
        local: Endpoint,
        /// Destination of the packet; for an echo request the port is its sequence number.
        remote: Endpoint,
    },
    /// An interface got, changed or lost its address.
    AddressChanged {
        /// The interface.
        interface: u8,
        /// The new address.
        address: Option<Address>,
        /// Whether a lease brought it or took it away.
        from_dhcp: bool,
    },
    /// The DHCP client has had no lease for so long that the firmware reports it; it keeps trying.
    DhcpTimeout {
        /// The interface.
        interface: u8,
    },
    /// A packet for someone else, on a host that forwards ([`Transit::Forward`](crate::Transit::Forward)).
    Transit {
        /// The interface it came in by.
        interface: u8,
        /// The IPv4 packet.
        packet: Vec<u8>,
        /// Whether its checksums are known to be right.
        intact: bool,
    },
    /// A SYN for an address behind this gateway ([`Transit::Terminate`](crate::Transit::Terminate)); it waits for
    /// [`Host::accept_incoming`](crate::Host::accept_incoming) or
    /// [`Host::refuse_incoming`](crate::Host::refuse_incoming).
    Incoming {
        /// The attempt.
        incoming: IncomingId,
        /// Who connects.
        from: Endpoint,
        /// To where.
        to: Endpoint,
    },
}
