//! One loop over boards, LAN and virtual clock.
//!
//! A [`Lab`] goes in; console bytes, trace records, frames and tables come out. Nothing here does I/O, reads a clock or
//! takes randomness from outside: equal labs give equal bytes, natively and in wasm.
//!
//! Reading order: [`lab`], [`view`].

pub mod lab;
pub mod view;

pub use lab::{Lab, LabError};
