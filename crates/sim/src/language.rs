//! What an editor asks: syntax errors of a source file, and the modules as data.

pub use firmware::{ApiEntry, ApiModule, api};
pub use lua::CompileError;

use crate::lab::LuaVersion;
use crate::wiring;

/// All syntax errors of `source`, the content of the file `file`.
pub fn check(file: &str, source: &[u8], lua: LuaVersion) -> Vec<CompileError> {
    lua::check_named(&format!("@{file}"), source, wiring::dialect(lua))
}
