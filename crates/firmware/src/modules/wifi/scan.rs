//! `wifi.sta.getap`: which networks are in reach (`wifi_station_listap`; `docs/behaviour.md` §6.2).

use lan::{MacAddress, ScanEntry};
use lua::native::{Answer, Call, Error};
use lua::piccolo::{String as LuaString, Value};
use lua::{Function, StashedFunction, Table};
use trace::Duration;

use super::{Mode, fields};
use crate::callback::Callback;
use crate::chip::Chip;
use crate::radio::RadioRequest;

/// A scan listens on every channel for up to 120 ms.
const SCAN_TIME: Duration = Duration::from_millis(13 * 120);

/// The scan under way.
#[derive(Debug, Default)]
pub(super) struct Scan {
    callback: Option<StashedFunction>,
    by_bssid: bool,
    filter: Filter,
}

/// What a program asked for.
#[derive(Clone, Debug, Default)]
struct Filter {
    ssid: Option<Vec<u8>>,
    bssid: Option<MacAddress>,
    /// 0 is every channel.
    channel: i64,
    hidden: bool,
}

impl Filter {
    fn admits(&self, entry: &ScanEntry) -> bool {
        let found = &entry.association;
        self.ssid.as_ref().is_none_or(|ssid| found.ssid.as_bytes() == ssid)
            && self.bssid.is_none_or(|bssid| found.bssid == bssid)
            && (self.channel == 0 || i64::from(found.channel) == self.channel)
            && (self.hidden || !entry.hidden)
    }
}

/// `wifi.sta.getap([filter] [, format], callback)`: what is left out takes no place.
pub(super) fn getap<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    if chip.modules.wifi.borrow().mode == Mode::AccessPoint {
        return Err(call.error("Can't list ap in SOFTAP mode"));
    }
    let table = Table::from_value(call.arg(1));
    let filter = match table {
        Some(table) => filter(&call, table)?,
        None => Filter::default(),
    };
    let mut index = 1;
    if table.is_some() || (call.arg(1).is_nil() && !call.is_none(1)) {
        index += 1;
    } else if fields::number(&call, call.arg(1)).is_none() && Function::from_value(call.arg(1)).is_none() {
        return Err(call.error("wrong arg type"));
    }
    let mut by_bssid = false;
    if let Value::Integer(_) | Value::Number(_) = call.arg(index) {
        by_bssid = match call.check_integer(index)? {
            0 => false,
            1 => true,
            _ => return Err(call.error("wrong arg type")),
        };
        index += 1;
    } else if call.arg(index).is_nil() && !call.is_none(index) {
        index += 1;
    }
    let callback = Function::from_value(call.arg(index)).map(|function| StashedFunction::new(call.ctx(), function));
    let starts = callback.is_some();
    chip.modules.wifi.borrow_mut().scan = Scan { callback, by_bssid, filter };
    if starts {
        chip.after(SCAN_TIME, |chip| chip.request_radio(RadioRequest::Scan));
    }
    Ok(call.none())
}

fn filter<'gc>(call: &Call<'gc, '_>, table: Table<'gc>) -> Result<Filter, Error<'gc>> {
    let wrong_type = || call.error("wrong arg type");
    let get = |name: &'static str| Some(table.get(call.ctx(), name)).filter(|value| !value.is_nil());
    let text = |value| call.to_string(value).map(|text| text.as_bytes().to_vec()).ok_or_else(wrong_type);
    let number = |value| fields::number(call, value).ok_or_else(wrong_type);
    let mut filter = Filter::default();
    if let Some(value) = get("ssid") {
        let ssid = text(value)?;
        if ssid.len() > 32 {
            return Err(call.error("ssid:<32"));
        }
        filter.ssid = Some(ssid);
    }
    if let Some(value) = get("bssid") {
        let bssid = text(value)?;
        if bssid.len() != 17 {
            return Err(call.argument_error(1, "MAC:FF:FF:FF:FF:FF:FF"));
        }
        filter.bssid = fields::mac(&bssid);
    }
    if let Some(value) = get("channel") {
        filter.channel = number(value)?;
        if !(0..=13).contains(&filter.channel) {
            return Err(call.error("channel: 0 or 1-13"));
        }
    }
    if let Some(value) = get("show_hidden") {
        filter.hidden = match number(value)? {
            0 => false,
            1 => true,
            _ => return Err(call.error("show_hidden: 0 or 1")),
        };
    }
    Ok(filter)
}

/// The air's answer.
pub(super) fn scanned(chip: &Chip, entries: &[ScanEntry]) {
    let Scan { callback, by_bssid, filter } = std::mem::take(&mut chip.modules.wifi.borrow_mut().scan);
    let Some(callback) = callback else { return };
    let rows: Vec<(String, String)> =
        entries.iter().filter(|entry| filter.admits(entry)).map(|entry| row(entry, by_bssid)).collect();
    chip.enqueue(Callback::new(chip, "wifi.sta.getap", callback, move |ctx| {
        let table = Table::new(&ctx);
        for (key, text) in rows {
            // Text is always a valid key.
            let key = LuaString::from_slice(&ctx, key).into();
            let _ = table.set_value(&ctx, key, LuaString::from_slice(&ctx, text).into());
        }
        vec![table.into()]
    }));
}

/// Key and text of one network.
fn row(entry: &ScanEntry, by_bssid: bool) -> (String, String) {
    let found = &entry.association;
    // WPA2_PSK or OPEN.
    let auth = if entry.secured { 3 } else { 0 };
    if by_bssid {
        (found.bssid.to_string(), format!("{},{},{auth},{}", found.ssid, found.rssi, found.channel))
    } else {
        (found.ssid.clone(), format!("{auth},{},{},{}", found.rssi, found.bssid, found.channel))
    }
}
