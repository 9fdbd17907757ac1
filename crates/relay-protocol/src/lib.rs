//! What a client and a relay say to each other: Wisp, versions 1 and 2, and this project's extension of it.
//!
//! Wisp carries many TCP and UDP streams over one WebSocket. Each message of the WebSocket is one [`Packet`]: a type, a
//! stream id and a payload, little-endian. This crate turns packets into bytes and back and holds the rules that both
//! ends share ([`Credit`]); it does no I/O. The codec is our own because the existing Rust one (`wisp-mux`) is under the
//! LGPL, which a statically linked MIT program can hardly honour.
//!
//! What Wisp lacks is the extension [`ext`], announced in the version 2 handshake: publishing a board's port on the
//! relay, ping, name lookup, half close. With a relay that does not announce it, a client does without.
//!
//! Rooms are the other half: raw Ethernet frames need no encoding, and what their members say besides is [`room`].
//!
//! Reading order: [`packet`], [`info`] (the version 2 handshake), [`ext`], [`credit`]; [`room`].

pub mod credit;
pub mod ext;
pub mod info;
pub mod packet;
pub mod room;

pub use credit::Credit;
pub use info::{Extension, Info};
pub use packet::{CloseReason, DecodeError, Packet, StreamId, StreamType};

/// Most bytes of a message that a decoder accepts, header included. Larger ones are an error before anything is read.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Value of `Sec-WebSocket-Protocol` with which a client asks for version 2 (any value would do).
pub const SUBPROTOCOL: &str = "wisp-v2";
