//! Labs as test cases: finding them, running them, and writing down what happened.
//!
//! `README.md` in this folder explains the format. Reading order: [`case`] (a folder becomes a lab), [`outcome`] (a run
//! becomes text), then the test programs `main.rs` and `seeds.rs`.

pub mod case;
pub mod outcome;

pub use case::{Case, cases};
pub use outcome::Outcome;
