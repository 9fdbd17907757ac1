//! A simulated ESP8266 board with NodeMCU.
//!
//! A [`Board`] is one Lua engine, one network stack, a serial console, tasks, timers, files and pins. It is driven in
//! virtual time and does no I/O: frames, radio requests and console text are taken from it and brought to it. What the
//! firmware does, and where that is known from, stands in `docs/behaviour.md`; code and tests cite its sections.
//!
//! Not here: the language (`lua`), the network between boards (`lan`), the loop that moves time (`sim`).
//!
//! Reading order: [`board`], `machine` (what happens next), `chip` (what native functions share), `callback`, `task`,
//! `alarm`; `boot`, `interpreter`, `console`, `crash`; `module` (how modules are declared), [`api`], `modules`.

mod absent;
mod alarm;
pub mod api;
pub mod board;
mod boot;
mod callback;
mod chip;
mod console;
mod crash;
mod flash;
mod hint;
mod interpreter;
pub mod limits;
mod machine;
mod module;
mod modules;
mod profile;
mod radio;
mod task;

pub use api::{ApiEntry, ApiModule, api};
pub use board::{Board, BoardConfig, BoardStatus, Input, PinStatus, PowerState};
pub use flash::{FileError, FileStore};
pub use lua::{CallLevel, Resume, Variable};
pub use profile::{Behaviour, Release};
pub use radio::{RadioReply, RadioRequest};
