//! Why an operation of a [`Host`](crate::Host) was refused: one small enum per operation.

/// Why a connection could not be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// No interface leads to the address. On the chip nobody learns of it: the socket stays without an event.
    #[error("routing problem")]
    NoRoute,
    /// The socket is connecting or connected.
    #[error("already connected")]
    AlreadyConnected,
    /// There is no such socket, or it has been closed.
    #[error("not connected")]
    NoSuchSocket,
    /// Every local port is in use.
    #[error("buffer error")]
    NoPort,
}

/// Why a port could not be listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// Another listener has the same address and port (the chip calls that "out of memory").
    #[error("out of memory")]
    Duplicate,
    /// A connection that this host opened has the port.
    #[error("address in use")]
    AddressInUse,
    /// Every local port is in use.
    #[error("buffer error")]
    NoPort,
}

/// Why data was not queued on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no connection, or none any more.
    #[error("not connected")]
    NotConnected,
    /// The data does not fit as a whole; nothing was queued.
    #[error("out of memory")]
    OutOfMemory,
}

/// Why a UDP socket was not bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// Another socket has the port.
    #[error("address in use")]
    AddressInUse,
    /// The socket has a port, or does not exist.
    #[error("already listening")]
    AlreadyBound,
}

/// Why a datagram was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UdpSendError {
    /// No interface leads to the address.
    #[error("routing problem")]
    NoRoute,
    /// The socket is bound to an address that is not the outgoing interface's.
    #[error("illegal value")]
    IllegalValue,
    /// There is no such socket.
    #[error("not connected")]
    NoSuchSocket,
}

/// Why a name was not looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// The name is empty or has 256 characters or more.
    #[error("illegal argument")]
    IllegalArgument,
    /// Four lookups are under way.
    #[error("out of memory")]
    OutOfMemory,
}

/// Why an echo request or a finished packet was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// No interface leads to the address.
    #[error("routing problem")]
    NoRoute,
    /// Longer than the link carries, or not an IPv4 packet.
    #[error("illegal value")]
    IllegalPacket,
}

/// Why a group was not joined or left; the firmware ignores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MulticastError {
    /// The address is not a group's.
    #[error("illegal value")]
    NotMulticast,
    /// No interface has that address.
    #[error("routing problem")]
    NoInterface,
    /// The interface is not a member.
    #[error("illegal value")]
    NotMember,
}
