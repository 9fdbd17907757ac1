//! Whoever serves a room from inside the relay's process: router, addresses, names and the internet for all its members.
//!
//! The relay knows nothing of simulations; it opens a keeper with each room and carries frames to and from it as if it
//! were a client. A relay without one leaves the room to its members ([`relay_protocol::room::FromHub::Keep`]).

use std::fmt;
use std::sync::mpsc::SyncSender;

use bytes::Bytes;

/// What a keeper is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeeperInput {
    /// A frame from the room.
    Frame(Bytes),
    /// The room stands still, or goes on.
    Paused(bool),
}

/// The keeper's way into its room: frames sent here are carried to the members.
pub type KeeperOutput = tokio::sync::mpsc::Sender<Bytes>;

/// Serves rooms.
pub trait RoomKeeper: fmt::Debug + Send + Sync + 'static {
    /// Begins to serve a room, on a thread of its own; ends when the returned sender is dropped. The
    /// sender's bound is the keeper's queue: frames beyond it are lost. `None` if it cannot.
    fn open(&self, room: &str, output: KeeperOutput) -> Option<SyncSender<KeeperInput>>;
}
