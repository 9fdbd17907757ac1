//! What a record says: one variant per observable thing, non-events included.

use std::net::Ipv4Addr;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::time::{Duration, Instant};
use crate::{HostId, RecordId, SocketId};

/// A frame's bytes, shared by all records that speak of it. Not serialised: a view asks for them by record id.
pub type FrameBytes = Rc<[u8]>;

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
pub struct Position {
    /// File on the board, or `stdin` for the console.
    pub file: Rc<str>,
    /// One-based line.
    pub line: u32,
}

/// An IPv4 address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
pub struct Endpoint {
    /// Address; 0.0.0.0 where it is not decided.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub ip: Ipv4Addr,
    /// TCP or UDP port; 0 where it is not decided.
    pub port: u16,
}

/// Transport of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
pub enum Protocol {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
}

/// State of a socket, in the words of RFC 9293 section 3.3.2; UDP sockets are `Closed` or `Bound`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
#[allow(missing_docs, reason = "the RFC's names")]
pub enum SocketState {
    Closed,
    /// A UDP socket that has a local port.
    Bound,
    /// A TCP socket that waits for its name to be resolved.
    Resolving,
    Listen,
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
}

/// Layer of the network a drop or a silence belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
#[allow(missing_docs, reason = "the field's names")]
pub enum Layer {
    Radio,
    Link,
    Arp,
    Ip,
    Icmp,
    Udp,
    Tcp,
    Dns,
    Dhcp,
    Application,
}

/// Why a frame never arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
pub enum DropReason {
    /// The link's loss rate hit it.
    Loss,
    /// The link's queue was full.
    QueueFull,
    /// The link is cut, or the board is off or out of range.
    LinkDown,
    /// Damaged on the way; the receiver's checksum refused it.
    Corrupted,
    /// No host has the destination address.
    NoSuchHost,
    /// The router's table has no entry for an inbound packet.
    NoNatEntry,
    /// Time to live reached zero.
    TtlExpired,
    /// Not a frame that any host can read.
    Malformed,
    /// A relay or its policy refused it.
    Refused,
}

/// Why nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
pub enum Silence {
    /// Data arrived for a socket with no `receive` handler: discarded and acknowledged.
    NoReceiveHandler,
    /// An event had no handler.
    NoHandler,
    /// A segment or datagram for a port on which nobody listens.
    ClosedPort,
    /// `connect` with no route: no event will ever come.
    NoRoute,
    /// Five connections are established: the SYN was dropped without an answer.
    ConnectionLimit,
    /// `send` was refused; the detail says why.
    SendRefused,
    /// A socket that no event will reach any more.
    Zombie,
    /// A name server's error answer that the chip ignores.
    DnsErrorIgnored,
    /// The callback's object was collected before the event.
    Collected,
    /// Anything else; the detail says what.
    Other,
}

/// What passed between the lab and a relay to the real network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
pub enum UplinkEvent {
    /// The relay is there: the lab has a way out.
    Connected,
    /// The relay is gone, or the handshake with it failed.
    Lost,
    /// The person gave the way out up.
    Left,
    /// A connection, an association of datagrams, a question or an echo was asked of the relay.
    Asked,
    /// The far side is really connected, or has answered.
    Confirmed,
    /// The relay does not say whether the far side is connected: it is taken to be.
    Assumed,
    /// The relay, its policy or the far side refused.
    Refused,
    /// A peer outside connected to a published port.
    Accepted,
    /// The far side ended the connection in order.
    Finished,
    /// The connection was reset, or the relay gave it up.
    Reset,
    /// A port of a board is open outside.
    Published,
    /// A published port is closed again.
    Unpublished,
    /// An address that the lab uses itself is shown by another one inside.
    Translated,
    /// Something was lost for want of room.
    Dropped,
}

/// Message of the lease dialogue (RFC 2131).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
#[allow(missing_docs, reason = "the RFC's names")]
pub enum DhcpMessage {
    Discover,
    Offer,
    Request,
    Ack,
    Nak,
    Decline,
    Release,
}

/// Why a board started, as `node.bootreason()` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
#[allow(missing_docs, reason = "the firmware's names")]
pub enum BootReason {
    PowerOn,
    HardwareWatchdog,
    Exception,
    SoftwareWatchdog,
    SoftRestart,
    DeepSleepWake,
    ExternalReset,
}

/// What a callback was called for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export, type = "string"))]
pub struct CallbackEvent(pub Rc<str>);

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
pub enum Kind {
    /// A board started.
    Boot {
        /// Why.
        reason: BootReason,
    },
    /// A board stopped running: a panic of the firmware, a watchdog, the power.
    Crash {
        /// The line the board prints, or what ended it.
        message: String,
    },
    /// A person or a recorded input acted: a command of the PC, a typed line, a pressed button, a pulled cable.
    Input {
        /// What was done, in words.
        text: String,
    },
    /// Lua called a function of a firmware module.
    Call {
        /// As the manual writes it: `net.socket:send`.
        function: Rc<str>,
        /// The arguments in short.
        arguments: String,
        /// The calling line.
        position: Option<Position>,
        /// The socket it was called on or that it made.
        socket: Option<SocketId>,
    },
    /// The call of the same cause raised this error.
    CallFailed {
        /// The call.
        call: RecordId,
        /// The error's text.
        error: String,
    },
    /// A callback began to run.
    Callback {
        /// `receive`, `timer`, `wifi.sta_got_ip`, ...
        event: CallbackEvent,
        /// Where the function is defined.
        position: Option<Position>,
        /// The arguments in short.
        arguments: String,
        /// The socket it belongs to.
        socket: Option<SocketId>,
        /// When it could have run; `at` is when it did.
        due: Instant,
    },
    /// The callback has returned.
    CallbackEnd {
        /// The callback.
        callback: RecordId,
        /// How long it ran.
        ran: Duration,
        /// The error it ended with.
        error: Option<String>,
    },
    /// A board printed this to its serial port, or the PC's terminal showed it.
    Console {
        /// The characters (bytes that are not UTF-8 are replaced).
        text: String,
    },
    /// A socket changed its state.
    Socket {
        /// The socket.
        socket: SocketId,
        /// Its transport.
        protocol: Protocol,
        /// Its own end.
        local: Option<Endpoint>,
        /// The other end.
        remote: Option<Endpoint>,
        /// The new state.
        state: SocketState,
    },
    /// A host gave a frame to its link.
    FrameSent {
        /// The socket whose data or control it carries.
        socket: Option<SocketId>,
        /// Bytes from the Ethernet header on, without check sequence.
        length: u32,
        /// The bytes.
        #[serde(skip)]
        #[cfg_attr(feature = "typescript", ts(skip))]
        bytes: FrameBytes,
    },
    /// A frame arrived at this host.
    FrameCarried {
        /// The `FrameSent` it began as.
        frame: RecordId,
        /// Who sent it.
        from: HostId,
    },
    /// A frame was lost.
    FrameDropped {
        /// The `FrameSent` it began as.
        frame: RecordId,
        /// Why.
        reason: DropReason,
    },
    /// A timer was started.
    TimerSet {
        /// The timer's number on its board.
        timer: u32,
        /// When it will fire.
        due: Instant,
        /// Whether it repeats.
        repeats: bool,
    },
    /// A host asked for a name.
    DnsQuestion {
        /// The name.
        name: String,
        /// The server asked.
        #[cfg_attr(feature = "typescript", ts(type = "string"))]
        server: Ipv4Addr,
    },
    /// A name was answered, or given up on.
    DnsAnswer {
        /// The name.
        name: String,
        /// The addresses; empty when there is none.
        #[cfg_attr(feature = "typescript", ts(type = "Array<string>"))]
        addresses: Vec<Ipv4Addr>,
        /// Why there is none: `NXDOMAIN`, `no answer`, ...
        error: Option<String>,
    },
    /// A message of the lease dialogue was sent or understood.
    Dhcp {
        /// Which.
        message: DhcpMessage,
        /// The client's (offered) address.
        #[cfg_attr(feature = "typescript", ts(type = "string | null"))]
        address: Option<Ipv4Addr>,
    },
    /// An interface got or lost its address.
    Address {
        /// Interface index: 0 the station or only one, 1 the access point.
        interface: u8,
        /// The new address; `None` when it is gone.
        #[cfg_attr(feature = "typescript", ts(type = "string | null"))]
        address: Option<Ipv4Addr>,
    },
    /// The radio changed: joined, left, refused.
    Wifi {
        /// In words: `associated with playground`, `wrong password`, ...
        text: String,
    },
    /// Something passed between the lab and a relay.
    Uplink {
        /// What.
        event: UplinkEvent,
        /// One sentence.
        text: String,
    },
    /// An echo request left.
    PingSent {
        /// Target.
        #[cfg_attr(feature = "typescript", ts(type = "string"))]
        target: Ipv4Addr,
        /// ICMP sequence number.
        seq: u16,
    },
    /// The echo came back or was given up on.
    PingEnd {
        /// Target.
        #[cfg_attr(feature = "typescript", ts(type = "string"))]
        target: Ipv4Addr,
        /// ICMP sequence number.
        seq: u16,
        /// Round trip; `None` when it was lost.
        rtt: Option<Duration>,
    },
    /// A pin changed.
    Pin {
        /// NodeMCU's pin number, 0 to 12.
        pin: u8,
        /// High or low.
        high: bool,
    },
    /// Something that a person may have expected did not happen.
    Nothing {
        /// Why.
        reason: Silence,
        /// The layer that knows.
        layer: Layer,
        /// One sentence.
        detail: String,
        /// The socket concerned.
        socket: Option<SocketId>,
    },
    /// The program relies on something that a chip does differently, or on a removed name.
    Hint {
        /// One sentence, `on a chip: ...`.
        text: String,
        /// The line concerned.
        position: Option<Position>,
    },
}
