//! Lua engines behind one small interface, natively and as WebAssembly, so that a benchmark can run the same programs on each.
//!
//! A program is a chunk that returns a number: the result by which runs on different engines are compared. `programs/` holds
//! them, `benches/native.rs` runs them in one process, `browser/` in one page, next to engines from npm.
//!
//! Left out: anything of the playground. The engine is measured alone, in the profile in which the playground ships it.

#[cfg(feature = "own")]
mod own;
#[cfg(feature = "piccolo-vm")]
mod piccolo_vm;

#[cfg(feature = "own")]
pub use own::Own;
#[cfg(feature = "piccolo-vm")]
pub use piccolo_vm::PiccoloVm;
