//! This project's extension, number 0xf5: what Wisp lacks for a board that also serves.
//!
//! | type | packet | from | stream id |
//! | --- | --- | --- | --- |
//! | 0x50 | `Publish` | client | a new id for the published port |
//! | 0x51 | `Published` | server | that id |
//! | 0x52 | `Accepted` | server | a new id, upper half of the range |
//! | 0x53 | `Datagram` | both | the published UDP port |
//! | 0x54 | `Resolve` | client | a new id for the request |
//! | 0x55 | `Resolved` | server | that id, or a stream just opened by name |
//! | 0x56 | `Echo` | client | a new id for the request |
//! | 0x57 | `EchoEnd` | server | that id |
//! | 0x58 | `Shutdown` | both | a TCP stream: no more data from the sender (FIN) |
//! | 0x59 | `Window` | client | a TCP stream: so many more bytes may be sent (version 2) |
//! | 0x5a | `Why` | server | what is refused by the `Close` that follows (version 2) |
//!
//! A refused `Publish`, `Resolve` or `Echo` is answered with the protocol's own `Close`. An accepted stream has the same
//! credit as one that the client opened. A `Close` with [`CloseReason::NetworkError`](crate::CloseReason::NetworkError) on
//! an open TCP stream is a reset; one with `Voluntary`, an end after both sides' FIN.
//!
//! With version 2 a server sends at most [`WINDOW_BYTES`] on a TCP stream before the client's first `Window`, because a
//! page cannot refuse a WebSocket's messages: without it a stopped reader would grow the page's memory. With version 1
//! what a relay sends waits in the WebSocket's own window, and the relay reads no more from a target while that is full.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::{BufMut, Bytes, BytesMut};

use crate::packet::{DecodeError, Fields, StreamType};

/// The version that this crate speaks.
pub const VERSION: u8 = 2;

/// The first version with [`ExtPacket::Window`].
pub const VERSION_WITH_WINDOWS: u8 = 2;

/// Bytes that a server may send on a TCP stream before the client's first [`ExtPacket::Window`].
pub const WINDOW_BYTES: u32 = 65_536;

/// Ids from here on are chosen by the server, for accepted connections; a client's own stay below.
pub const SERVER_STREAMS_FROM: u32 = 1 << 31;

const PUBLISH: u8 = 0x50;
const PUBLISHED: u8 = 0x51;
const ACCEPTED: u8 = 0x52;
const DATAGRAM: u8 = 0x53;
const RESOLVE: u8 = 0x54;
const RESOLVED: u8 = 0x55;
const ECHO: u8 = 0x56;
const ECHO_END: u8 = 0x57;
const SHUTDOWN: u8 = 0x58;
const WINDOW: u8 = 0x59;
const WHY: u8 = 0x5a;

/// A packet of the extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtPacket {
    /// Open a port on the relay for a board's server or UDP socket.
    Publish {
        /// Transport.
        kind: StreamType,
        /// Wanted port; 0 for any.
        port: u16,
    },
    /// The port is open.
    Published {
        /// Where peers reach it.
        address: SocketAddr,
    },
    /// A peer connected to a published TCP port.
    Accepted {
        /// The published port's id.
        listener: u32,
        /// The peer.
        peer: SocketAddr,
    },
    /// One datagram of a published UDP port, in either direction.
    Datagram {
        /// The peer it came from or goes to.
        peer: SocketAddr,
        /// Its payload.
        bytes: Bytes,
    },
    /// Look a name up.
    Resolve {
        /// The name.
        name: String,
    },
    /// The address of a name; for a stream opened by name, the address it was opened to.
    Resolved {
        /// IPv4, for boards know no other.
        address: Ipv4Addr,
    },
    /// Send an ICMP echo request.
    Echo {
        /// A name or an address.
        host: String,
    },
    /// The echo came back, or not.
    EchoEnd {
        /// Round trip in microseconds; `u32::MAX` for none in time.
        rtt_us: u32,
        /// The address asked.
        address: Ipv4Addr,
    },
    /// No more data from the sender of this packet.
    Shutdown,
    /// The server may send more on a TCP stream.
    Window {
        /// How many bytes more.
        bytes: u32,
    },
    /// Why the relay refuses what the following `Close` ends; a sentence for a person.
    Why {
        /// The sentence, without a full stop.
        text: String,
    },
}

impl ExtPacket {
    pub(crate) fn number(&self) -> u8 {
        match self {
            ExtPacket::Publish { .. } => PUBLISH,
            ExtPacket::Published { .. } => PUBLISHED,
            ExtPacket::Accepted { .. } => ACCEPTED,
            ExtPacket::Datagram { .. } => DATAGRAM,
            ExtPacket::Resolve { .. } => RESOLVE,
            ExtPacket::Resolved { .. } => RESOLVED,
            ExtPacket::Echo { .. } => ECHO,
            ExtPacket::EchoEnd { .. } => ECHO_END,
            ExtPacket::Shutdown => SHUTDOWN,
            ExtPacket::Window { .. } => WINDOW,
            ExtPacket::Why { .. } => WHY,
        }
    }

    pub(crate) fn read(packet_type: u8, fields: &mut Fields) -> Result<ExtPacket, DecodeError> {
        Ok(match packet_type {
            PUBLISH => ExtPacket::Publish { kind: fields.stream_type()?, port: fields.u16("port")? },
            PUBLISHED => ExtPacket::Published { address: read_address(fields)? },
            ACCEPTED => ExtPacket::Accepted { listener: fields.u32("listener")?, peer: read_address(fields)? },
            DATAGRAM => ExtPacket::Datagram { peer: read_address(fields)?, bytes: fields.rest.clone() },
            RESOLVE => ExtPacket::Resolve { name: fields.text("name")? },
            RESOLVED => ExtPacket::Resolved { address: read_ipv4(fields)? },
            ECHO => ExtPacket::Echo { host: fields.text("host name")? },
            ECHO_END => ExtPacket::EchoEnd { rtt_us: fields.u32("round trip")?, address: read_ipv4(fields)? },
            SHUTDOWN => ExtPacket::Shutdown,
            WINDOW => ExtPacket::Window { bytes: fields.u32("window")? },
            WHY => ExtPacket::Why { text: fields.text("explanation")? },
            other => return Err(DecodeError::UnknownType(other)),
        })
    }

    pub(crate) fn write(&self, out: &mut BytesMut) {
        match self {
            ExtPacket::Publish { kind, port } => {
                out.put_u8(kind.number());
                out.put_u16_le(*port);
            }
            ExtPacket::Published { address } => write_address(address, out),
            ExtPacket::Accepted { listener, peer } => {
                out.put_u32_le(*listener);
                write_address(peer, out);
            }
            ExtPacket::Datagram { peer, bytes } => {
                write_address(peer, out);
                out.put_slice(bytes);
            }
            ExtPacket::Resolve { name: text } | ExtPacket::Echo { host: text } | ExtPacket::Why { text } => {
                out.put_slice(text.as_bytes())
            }
            ExtPacket::Resolved { address } => out.put_slice(&address.octets()),
            ExtPacket::EchoEnd { rtt_us, address } => {
                out.put_u32_le(*rtt_us);
                out.put_slice(&address.octets());
            }
            ExtPacket::Shutdown => {}
            ExtPacket::Window { bytes } => out.put_u32_le(*bytes),
        }
    }
}

/// An address is its family (4 or 6), its bytes in network order, and the port.
fn read_address(fields: &mut Fields) -> Result<SocketAddr, DecodeError> {
    let ip = match fields.byte("address family")? {
        4 => IpAddr::V4(read_ipv4(fields)?),
        6 => {
            let bytes = fields.take(16, "address")?;
            let octets: [u8; 16] = bytes.as_ref().try_into().map_err(|_| DecodeError::Invalid("address"))?;
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return Err(DecodeError::Invalid("address family")),
    };
    Ok(SocketAddr::new(ip, fields.u16("port")?))
}

fn read_ipv4(fields: &mut Fields) -> Result<Ipv4Addr, DecodeError> {
    let bytes = fields.take(4, "address")?;
    let octets: [u8; 4] = bytes.as_ref().try_into().map_err(|_| DecodeError::Invalid("address"))?;
    Ok(Ipv4Addr::from(octets))
}

fn write_address(address: &SocketAddr, out: &mut BytesMut) {
    match address.ip() {
        IpAddr::V4(ip) => {
            out.put_u8(4);
            out.put_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.put_u8(6);
            out.put_slice(&ip.octets());
        }
    }
    out.put_u16_le(address.port());
}
