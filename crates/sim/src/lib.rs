//! One loop over boards, LAN and virtual clock.
//!
//! A [`Lab`] goes in; console bytes, trace records, frames and tables come out. Nothing here does I/O, reads a clock or
//! takes randomness from outside: equal labs give equal bytes, natively and in wasm.
//!
//! Reading order: [`lab`], [`simulation`], `wiring`, `world`, [`room`], [`uplink`], `check`; [`view`], `map`, [`inspect`],
//! [`dissect`], `stream`, [`pcapng`].

mod check;
pub mod debug;
pub mod dissect;
pub mod inspect;
pub mod lab;
pub mod language;
mod map;
pub mod pcapng;
pub mod room;
pub mod simulation;
mod stream;
pub mod uplink;
pub mod view;
mod wiring;
mod world;

pub use lab::{Lab, LabError};
pub use room::{Membership, RoomFrameError, RoomHost, RoomLease};
pub use simulation::{InputError, Progress, Simulation};
pub use uplink::Publication;

/// Virtual time as the page counts it: milliseconds with microseconds as fraction.
pub(crate) fn millis(at: trace::Instant) -> f64 {
    // Exact up to 2^53 microseconds, 285 years.
    at.as_micros() as f64 / 1000.0
}
