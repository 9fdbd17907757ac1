//! Functions of desktop Lua that the chip leaves out: a program that calls one gets the chip's error, and its author a hint.

use crate::{Dialect, Position};

/// What a program relied on that a chip does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// `math.sin`, or a whole library: `os`.
    pub name: String,
    /// One sentence for the program's author.
    pub text: String,
    /// Where it was called.
    pub position: Option<Position>,
}

/// Hints that nobody has taken, and the names for which one was given.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    waiting: Vec<Hint>,
    given: Vec<String>,
}

impl Hints {
    /// Notes that a program wanted `name`, unless that was said before.
    pub(crate) fn missing(&mut self, name: String, position: Option<Position>) {
        if !self.given.contains(&name) {
            self.given.push(name.clone());
            let text =
                format!("`{name}` is part of desktop Lua; the chip leaves it out, labs with `fullLibraries` have it");
            self.waiting.push(Hint { name, text, position });
        }
    }

    pub(crate) fn take(&mut self) -> Vec<Hint> {
        std::mem::take(&mut self.waiting)
    }
}

/// Whether desktop Lua has the library `name` and the chip has nothing of it.
pub(crate) fn is_missing_library(name: &str) -> bool {
    matches!(name, "io" | "os")
}

/// Whether desktop Lua has the function `library.name` and the chip has the library without it.
pub(crate) fn is_missing_member(dialect: Dialect, library: &str, name: &str) -> bool {
    let missing: &[&str] = match (library, dialect) {
        ("math", Dialect::Lua51) => MATH_51,
        ("math", Dialect::Lua53) => MATH_53,
        ("debug", Dialect::Lua51) => DEBUG_51,
        _ => &[],
    };
    missing.contains(&name)
}

const MATH_51: &[&str] = &[
    "acos", "asin", "atan", "atan2", "cos", "cosh", "deg", "exp", "fmod", "frexp", "ldexp", "log", "log10", "mod",
    "modf", "rad", "sin", "sinh", "tan", "tanh",
];
const MATH_53: &[&str] = &["atan2", "cosh", "frexp", "ldexp", "log10", "pow", "sinh", "tanh"];
const DEBUG_51: &[&str] = &[
    "getfenv",
    "gethook",
    "getinfo",
    "getlocal",
    "getmetatable",
    "getupvalue",
    "setfenv",
    "sethook",
    "setmetatable",
    "setupvalue",
];
