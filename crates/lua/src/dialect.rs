//! The two languages of the firmware, and every choice that depends on them.
//!
//! 5.1 knows one number type, the double. 5.3 adds integers of 64 or (the firmware's small build) 32 bits. A number is a
//! [`Value::Number`] or a [`Value::Integer`] in both: in 5.1 the interpreter makes only the first, and native code that
//! hands over the second is understood everywhere and printed alike.

use piccolo::Value;

/// A version of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// Lua 5.1, what the firmware builds by default.
    #[default]
    Lua51,
    /// Lua 5.3.
    Lua53,
}

/// The width of 5.3's integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IntegerBits {
    /// As desktop Lua has them.
    #[default]
    Bits64,
    /// As the firmware's 5.3 build has them unless told otherwise.
    Bits32,
}

impl Dialect {
    /// The value of `_VERSION`.
    pub fn version(self) -> &'static str {
        match self {
            Dialect::Lua51 => "Lua 5.1",
            Dialect::Lua53 => "Lua 5.3",
        }
    }

    /// Whether this is 5.3.
    pub fn is_53(self) -> bool {
        self == Dialect::Lua53
    }

    /// A whole number as this dialect's programs see it.
    pub fn integer<'gc>(self, integer: i64) -> Value<'gc> {
        match self {
            Dialect::Lua51 => Value::Number(integer as f64),
            Dialect::Lua53 => Value::Integer(integer),
        }
    }

    /// A value of native code as this dialect's programs see it: 5.1 knows no integers.
    pub fn present<'gc>(self, value: Value<'gc>) -> Value<'gc> {
        match (self, value) {
            (Dialect::Lua51, Value::Integer(integer)) => Value::Number(integer as f64),
            _ => value,
        }
    }
}

impl IntegerBits {
    /// Wraps an integer to this width.
    pub fn wrap(self, integer: i64) -> i64 {
        match self {
            IntegerBits::Bits64 => integer,
            IntegerBits::Bits32 => i64::from(integer as i32),
        }
    }
}
