//! The relay: what stands between a page's virtual LAN and the real network.
//!
//! One listener serves everything on one port: the page's files, Wisp streams (`/wisp/CODE/`), rooms in which several
//! people's boards share one LAN (`/room/CODE/NAME`), metrics and health. [`run`] accepts until it is told to stop, then
//! drains. The binary around it is the command line's `serve`.
//!
//! What it does not do: speak to a network that its [`Policy`] does not allow, log payloads, or keep anything on disk.
//!
//! Reading order: [`settings`] and [`limits`], [`policy`] with [`address`] and [`resolver`] (who may reach what), [`server`] (the front:
//! paths, origins, pairing), [`wisp`] (one client), [`tcp`] and [`udp`] (its streams), [`publish`] (ports for boards),
//! [`echo`], [`room`] with [`roster`] (its people) and [`keeper`] (its router), [`metrics`], [`activity`], [`pool`].

mod activity;
mod address;
mod echo;
mod keeper;
mod limits;
mod metrics;
mod outbound;
mod policy;
mod pool;
mod publish;
mod resolver;
mod room;
mod roster;
mod server;
mod settings;
mod tcp;
mod udp;
mod wisp;

pub use keeper::{KeeperInput, KeeperOutput, RoomKeeper};
pub use limits::Limits;
pub use policy::{Policy, Profile, Refusal};
pub use resolver::{Lookup, Resolver};
pub use server::{Assets, NoAssets, run};
pub use settings::{PairingCode, Settings};
