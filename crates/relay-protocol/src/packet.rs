//! Packets: Wisp protocol, "Packet Format" and "Packet Types".

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::ext::ExtPacket;
use crate::{Info, MESSAGE_BYTES_MAX};

/// Bytes before the payload: type (1) and stream id (4).
pub const HEADER_BYTES: usize = 5;

const CONNECT: u8 = 0x01;
const DATA: u8 = 0x02;
const CONTINUE: u8 = 0x03;
const CLOSE: u8 = 0x04;
const INFO: u8 = 0x05;

/// Names a stream; chosen by the client. 0 is the connection itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

impl StreamId {
    /// The connection itself: handshake, initial credit, refusal.
    pub const CONNECTION: StreamId = StreamId(0);
}

/// Transport of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamType {
    /// 0x01.
    Tcp,
    /// 0x02.
    Udp,
}

/// Why a stream ended; the numbers are the protocol's, and `Other` keeps an unknown one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// 0x01: unspecified.
    Unknown,
    /// 0x02: closed on purpose; the far side's FIN comes as this.
    Voluntary,
    /// 0x03: a network error; a reset comes as this.
    NetworkError,
    /// 0x04: the handshake's extensions do not fit.
    IncompatibleExtensions,
    /// 0x41: address or port is not valid.
    InvalidInfo,
    /// 0x42: unreachable, or the name does not resolve.
    Unreachable,
    /// 0x43: no answer in time.
    TimedOut,
    /// 0x44: refused.
    Refused,
    /// 0x47: data could not be delivered in time.
    DataTimedOut,
    /// 0x48: the relay's policy forbids the destination.
    Blocked,
    /// 0x49: too many streams or bytes.
    Throttled,
    /// 0x81: the client cannot go on.
    ClientError,
    /// 0xc0: wrong user name or password.
    WrongPassword,
    /// 0xc2: credentials are required.
    AuthenticationRequired,
    /// Any other number.
    Other(u8),
}

/// Known reasons and their numbers.
const REASONS: &[(CloseReason, u8)] = &[
    (CloseReason::Unknown, 0x01),
    (CloseReason::Voluntary, 0x02),
    (CloseReason::NetworkError, 0x03),
    (CloseReason::IncompatibleExtensions, 0x04),
    (CloseReason::InvalidInfo, 0x41),
    (CloseReason::Unreachable, 0x42),
    (CloseReason::TimedOut, 0x43),
    (CloseReason::Refused, 0x44),
    (CloseReason::DataTimedOut, 0x47),
    (CloseReason::Blocked, 0x48),
    (CloseReason::Throttled, 0x49),
    (CloseReason::ClientError, 0x81),
    (CloseReason::WrongPassword, 0xc0),
    (CloseReason::AuthenticationRequired, 0xc2),
];

impl From<u8> for CloseReason {
    fn from(number: u8) -> Self {
        REASONS.iter().find(|(_, known)| *known == number).map_or(CloseReason::Other(number), |(reason, _)| *reason)
    }
}

impl From<CloseReason> for u8 {
    fn from(reason: CloseReason) -> Self {
        match reason {
            CloseReason::Other(number) => number,
            known => REASONS.iter().find(|(reason, _)| *reason == known).map_or(0x01, |(_, number)| *number),
        }
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// Client: open a stream.
    Connect {
        /// The new stream.
        stream: StreamId,
        /// Its transport.
        kind: StreamType,
        /// Destination port.
        port: u16,
        /// Destination: a name or an address.
        host: String,
    },
    /// Either: bytes of a stream, or one datagram.
    Data {
        /// The stream.
        stream: StreamId,
        /// The bytes; a slice of the message, not a copy.
        bytes: Bytes,
    },
    /// Server: the client may send this many more `Data` packets.
    Continue {
        /// The stream, or [`StreamId::CONNECTION`] for the credit with which every stream starts.
        stream: StreamId,
        /// Packets.
        credit: u32,
    },
    /// Either: the stream is over.
    Close {
        /// The stream, or [`StreamId::CONNECTION`] for all.
        stream: StreamId,
        /// Why.
        reason: CloseReason,
    },
    /// Either: the version 2 handshake.
    Info(Info),
    /// A packet of this project's extension.
    Ext {
        /// The stream, listener or request it concerns.
        stream: StreamId,
        /// What it says.
        packet: ExtPacket,
    },
}

/// Why a message is not a packet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Larger than [`MESSAGE_BYTES_MAX`].
    #[error("a message of {0} bytes; at most {MESSAGE_BYTES_MAX} are accepted")]
    TooLong(usize),
    /// Ends before the fields that its type requires.
    #[error("a packet of type 0x{packet_type:02x} ends in the middle of its {field}")]
    Truncated {
        /// Type of the packet; 0 if even that is missing.
        packet_type: u8,
        /// The field that is not whole.
        field: &'static str,
    },
    /// A type that neither the protocol nor the extension has.
    #[error("unknown packet type 0x{0:02x}")]
    UnknownType(u8),
    /// Neither TCP nor UDP.
    #[error("unknown stream type 0x{0:02x}")]
    UnknownStreamType(u8),
    /// Text that is not UTF-8.
    #[error("the {0} is not UTF-8")]
    NotText(&'static str),
    /// A value outside its range.
    #[error("the {0} is not valid")]
    Invalid(&'static str),
}

impl Packet {
    /// Reads one message.
    ///
    /// # Errors
    /// If it is not exactly one packet. Nothing of a bad message is kept.
    pub fn decode(message: Bytes) -> Result<Packet, DecodeError> {
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(DecodeError::TooLong(message.len()));
        }
        let mut fields = Fields { packet_type: message.first().copied().unwrap_or(0), rest: message };
        let packet_type = fields.byte("type")?;
        let stream = StreamId(fields.u32("stream id")?);
        Ok(match packet_type {
            CONNECT => {
                let kind = fields.stream_type()?;
                let port = fields.u16("port")?;
                Packet::Connect { stream, kind, port, host: fields.text("host name")? }
            }
            DATA => Packet::Data { stream, bytes: fields.rest },
            CONTINUE => Packet::Continue { stream, credit: fields.u32("buffer size")? },
            CLOSE => Packet::Close { stream, reason: fields.byte("reason")?.into() },
            INFO => Packet::Info(Info::read(&mut fields)?),
            other => Packet::Ext { stream, packet: ExtPacket::read(other, &mut fields)? },
        })
    }

    /// Writes the message.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(HEADER_BYTES + 16);
        let mut header = |packet_type: u8, stream: StreamId| {
            out.put_u8(packet_type);
            out.put_u32_le(stream.0);
        };
        match self {
            Packet::Connect { stream, kind, port, host } => {
                header(CONNECT, *stream);
                out.put_u8(kind.number());
                out.put_u16_le(*port);
                out.put_slice(host.as_bytes());
            }
            Packet::Data { stream, bytes } => {
                header(DATA, *stream);
                out.put_slice(bytes);
            }
            Packet::Continue { stream, credit } => {
                header(CONTINUE, *stream);
                out.put_u32_le(*credit);
            }
            Packet::Close { stream, reason } => {
                header(CLOSE, *stream);
                out.put_u8((*reason).into());
            }
            Packet::Info(info) => {
                header(INFO, StreamId::CONNECTION);
                info.write(&mut out);
            }
            Packet::Ext { stream, packet } => {
                header(packet.number(), *stream);
                packet.write(&mut out);
            }
        }
        out.freeze()
    }
}

/// Writes the header of a `Data` packet for `stream`, so that a reader can fill in the payload behind it without a copy.
pub fn data_header(stream: StreamId, out: &mut impl BufMut) {
    out.put_u8(DATA);
    out.put_u32_le(stream.0);
}

impl StreamType {
    pub(crate) fn number(self) -> u8 {
        match self {
            StreamType::Tcp => 0x01,
            StreamType::Udp => 0x02,
        }
    }
}

/// The unread rest of a message.
pub(crate) struct Fields {
    packet_type: u8,
    pub(crate) rest: Bytes,
}

impl Fields {
    fn need(&self, bytes: usize, field: &'static str) -> Result<(), DecodeError> {
        if self.rest.len() < bytes {
            return Err(DecodeError::Truncated { packet_type: self.packet_type, field });
        }
        Ok(())
    }

    pub(crate) fn byte(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.need(1, field)?;
        Ok(self.rest.get_u8())
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.need(2, field)?;
        Ok(self.rest.get_u16_le())
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.need(4, field)?;
        Ok(self.rest.get_u32_le())
    }

    pub(crate) fn take(&mut self, bytes: usize, field: &'static str) -> Result<Bytes, DecodeError> {
        self.need(bytes, field)?;
        Ok(self.rest.split_to(bytes))
    }

    /// All that is left, as text.
    pub(crate) fn text(&mut self, field: &'static str) -> Result<String, DecodeError> {
        let bytes = self.rest.split_to(self.rest.len());
        String::from_utf8(bytes.to_vec()).map_err(|_| DecodeError::NotText(field))
    }

    pub(crate) fn stream_type(&mut self) -> Result<StreamType, DecodeError> {
        match self.byte("stream type")? {
            0x01 => Ok(StreamType::Tcp),
            0x02 => Ok(StreamType::Udp),
            other => Err(DecodeError::UnknownStreamType(other)),
        }
    }
}
