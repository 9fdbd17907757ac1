//! Settings read out of a table argument, with the firmware's words for what is wrong with them.

use lua::native::{Call, Error};
use lua::piccolo::Value;
use lua::{Function, StashedFunction, Table};

/// The fields of a table that is argument 1.
pub(super) struct Fields<'c, 'gc, 'a> {
    call: &'c Call<'gc, 'a>,
    table: Table<'gc>,
}

impl<'c, 'gc, 'a> Fields<'c, 'gc, 'a> {
    pub(super) fn new(call: &'c Call<'gc, 'a>, table: Table<'gc>) -> Self {
        Fields { call, table }
    }

    /// The value of a field; nil counts as absent.
    pub(super) fn value(&self, name: &'static str) -> Option<Value<'gc>> {
        Some(self.table.get(self.call.ctx(), name)).filter(|value| !value.is_nil())
    }

    /// A field that holds a string or number.
    pub(super) fn text(&self, name: &'static str, mistake: &str) -> Result<Option<Vec<u8>>, Error<'gc>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match self.call.to_string(value) {
            Some(text) => Ok(Some(text.as_bytes().to_vec())),
            None => Err(self.call.argument_error(1, mistake)),
        }
    }

    /// A field that holds a number or numeric string.
    pub(super) fn number(&self, name: &'static str, mistake: &str) -> Result<Option<i64>, Error<'gc>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match number(self.call, value) {
            Some(number) => Ok(Some(number)),
            None => Err(self.call.argument_error(1, mistake)),
        }
    }

    /// A field that holds a boolean.
    pub(super) fn boolean(&self, name: &'static str, mistake: &str) -> Result<Option<bool>, Error<'gc>> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Boolean(boolean)) => Ok(Some(boolean)),
            Some(_) => Err(self.call.argument_error(1, mistake)),
        }
    }

    /// A field that holds a function.
    pub(super) fn function(&self, name: &'static str, mistake: &str) -> Result<Option<StashedFunction>, Error<'gc>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match Function::from_value(value) {
            Some(function) => Ok(Some(StashedFunction::new(self.call.ctx(), function))),
            None => Err(self.call.argument_error(1, mistake)),
        }
    }
}

/// A value as `lua_isnumber` and `lua_tointeger` see it.
pub(super) fn number<'gc>(call: &Call<'gc, '_>, value: Value<'gc>) -> Option<i64> {
    match value {
        Value::Integer(integer) => Some(integer),
        Value::Number(float) => Some(float as i64),
        value => {
            let text = call.to_string(value)?;
            let text = std::str::from_utf8(text.as_bytes()).ok()?;
            text.trim().parse::<f64>().ok().map(|float| float as i64)
        }
    }
}

/// An Ethernet address in the form that the firmware writes and reads.
pub(super) fn mac(text: &[u8]) -> Option<lan::MacAddress> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
