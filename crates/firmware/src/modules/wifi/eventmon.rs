//! `wifi.eventmon`: what the radio reports to the program (`wifi_eventmon.c`; `docs/behaviour.md` §6.2).
//!
//! An event is queued when a handler is registered for it, and one low-priority task at a time delivers the oldest.

use std::collections::VecDeque;

use lan::MacAddress;
use lua::native::{Answer, Call};
use lua::piccolo::{Context, String as LuaString, Value};
use lua::{Function, StashedFunction, Table};
use trace::RecordId;

use crate::callback::Callback;
use crate::chip::Chip;
use crate::module::{Member, constant, function, table};
use crate::task::Priority;

/// `EVENT_MAX` of the SDK: the catch-all slot.
const EVENT_MAX: usize = 10;

/// Why a station was disconnected, as the SDK counts.
pub(super) mod reason {
    pub(in super::super) const ASSOC_TOOMANY: i64 = 5;
    pub(in super::super) const ASSOC_LEAVE: i64 = 8;
    pub(in super::super) const HANDSHAKE_4WAY_TIMEOUT: i64 = 15;
    pub(in super::super) const BEACON_TIMEOUT: i64 = 200;
    pub(in super::super) const NO_AP_FOUND: i64 = 201;
}

/// Something the radio reports.
#[derive(Clone, Debug)]
pub(super) enum WifiEvent {
    Connected { ssid: String, bssid: MacAddress, channel: u8 },
    Disconnected { ssid: String, bssid: MacAddress, reason: i64 },
    GotIp { address: lan::Address },
    DhcpTimeout,
    StationJoined { mac: MacAddress, aid: u16 },
    StationLeft { mac: MacAddress, aid: u16 },
    ModeChanged { old: i64, new: i64 },
}

impl WifiEvent {
    /// The SDK's number.
    fn number(&self) -> usize {
        match self {
            WifiEvent::Connected { .. } => 0,
            WifiEvent::Disconnected { .. } => 1,
            WifiEvent::GotIp { .. } => 3,
            WifiEvent::DhcpTimeout => 4,
            WifiEvent::StationJoined { .. } => 5,
            WifiEvent::StationLeft { .. } => 6,
            WifiEvent::ModeChanged { .. } => 8,
        }
    }

    /// Its name in the trace.
    fn name(&self) -> &'static str {
        match self {
            WifiEvent::Connected { .. } => "wifi.sta_connected",
            WifiEvent::Disconnected { .. } => "wifi.sta_disconnected",
            WifiEvent::GotIp { .. } => "wifi.sta_got_ip",
            WifiEvent::DhcpTimeout => "wifi.sta_dhcp_timeout",
            WifiEvent::StationJoined { .. } => "wifi.ap_staconnected",
            WifiEvent::StationLeft { .. } => "wifi.ap_stadisconnected",
            WifiEvent::ModeChanged { .. } => "wifi.mode_changed",
        }
    }

    /// The table that a handler gets. `documented` adds the field names of the manual where the firmware has others.
    fn table<'gc>(&self, ctx: Context<'gc>, chip: &Chip, documented: bool) -> Value<'gc> {
        let table = Table::new(&ctx);
        let text = |name, text: &str| table.set_field(ctx, name, LuaString::from_slice(&ctx, text));
        let integer = |name, integer: i64| table.set_field(ctx, name, chip.dialect().integer(integer));
        match self {
            WifiEvent::Connected { ssid, bssid, channel } => {
                text("SSID", ssid);
                text("BSSID", &bssid.to_string());
                integer("channel", i64::from(*channel));
            }
            WifiEvent::Disconnected { ssid, bssid, reason } => {
                text("SSID", ssid);
                integer("reason", *reason);
                text("BSSID", &bssid.to_string());
            }
            WifiEvent::GotIp { address } => {
                text("IP", &address.ip.to_string());
                text("netmask", &address.netmask().to_string());
                text("gateway", &address.gateway.unwrap_or(std::net::Ipv4Addr::UNSPECIFIED).to_string());
            }
            WifiEvent::DhcpTimeout => {}
            WifiEvent::StationJoined { mac, aid } | WifiEvent::StationLeft { mac, aid } => {
                text("MAC", &mac.to_string());
                integer("AID", i64::from(*aid));
            }
            WifiEvent::ModeChanged { old, new } => {
                integer("old_mode", *old);
                integer("new_mode", *new);
                if documented {
                    integer("old_auth_mode", *old);
                    integer("new_auth_mode", *new);
                }
            }
        }
        table.into()
    }
}

/// Registered handlers and events on their way.
#[derive(Debug, Default)]
pub(super) struct Monitor {
    handlers: [Option<StashedFunction>; EVENT_MAX + 1],
    queue: VecDeque<(WifiEvent, Option<RecordId>)>,
}

/// The slots that settings tables and `connect`, `disconnect` fill.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    StationConnected = 0,
    StationDisconnected = 1,
    AuthModeChange = 2,
    GotIp = 3,
    DhcpTimeout = 4,
    ClientJoined = 5,
    ClientLeft = 6,
    ProbeRequest = 7,
}

/// Registers a handler.
pub(super) fn set_handler(chip: &Chip, slot: Slot, handler: StashedFunction) {
    chip.modules.wifi.borrow_mut().events.handlers[slot as usize] = Some(handler);
}

/// Queues an event if the program wants to hear of it.
pub(super) fn report(chip: &Chip, event: WifiEvent) {
    let wanted = chip.modules.wifi.borrow().events.handlers[event.number()].is_some();
    if wanted {
        enqueue(chip, event);
    }
}

/// Queues an event whether or not a handler waits for it already.
pub(super) fn enqueue(chip: &Chip, event: WifiEvent) {
    let was_empty = {
        let queue = &mut chip.modules.wifi.borrow_mut().events.queue;
        queue.push_back((event, chip.trace.current()));
        queue.len() == 1
    };
    if was_empty {
        post(chip);
    }
}

/// Posts the task that delivers one event. A full task queue makes it wait for the next moment.
fn post(chip: &Chip) {
    if chip.post(Priority::Low, deliver).is_err() {
        chip.after(trace::Duration::from_millis(1), post);
    }
}

fn deliver(chip: &Chip) {
    let (event, handler, more) = {
        let monitor = &mut chip.modules.wifi.borrow_mut().events;
        let Some(event) = monitor.queue.pop_front() else { return };
        let handler = monitor.handlers[event.0.number()].clone();
        (event, handler, !monitor.queue.is_empty())
    };
    if more {
        post(chip);
    }
    let ((event, cause), Some(handler)) = (event, handler) else { return };
    let shared = chip.clone();
    let name = event.name();
    let callback = Callback::new(chip, name, handler, move |ctx| vec![event.table(ctx, &shared, !shared.is_chip())]);
    chip.enqueue(callback.caused(cause, chip.now()));
}

/// `wifi.eventmon.register(id[, handler])` and `unregister(id)`: the same function, which looks for a handler.
fn register<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let id = usize::from(call.check_integer(1)? as u8);
    if id > EVENT_MAX {
        return Err(call.error(format!("valid wifi events:0-{EVENT_MAX}")));
    }
    let handler = Function::from_value(call.arg(2)).map(|function| StashedFunction::new(call.ctx(), function));
    chip.modules.wifi.borrow_mut().events.handlers[id] = handler;
    Ok(call.none())
}

/// Functions and constants of `wifi.eventmon`.
pub(super) const MEMBERS: &[Member] = &[
    function("register", "(event, [handler])", register, "Registers a handler for an event, or removes it.")
        .parameters(&[("event", "wifi.eventmon.STA_CONNECTED, ..."), ("handler", "function(table)")]),
    function("unregister", "(event)", register, "Removes the handler of an event.")
        .parameters(&[("event", "wifi.eventmon.STA_CONNECTED, ...")]),
    constant("STA_CONNECTED", 0, "The station joined an access point."),
    constant("STA_DISCONNECTED", 1, "The station lost or did not find its access point."),
    constant("STA_AUTHMODE_CHANGE", 2, "The access point changed its encryption."),
    constant("STA_GOT_IP", 3, "The station got an address."),
    constant("STA_DHCP_TIMEOUT", 4, "No DHCP server answered."),
    constant("AP_STACONNECTED", 5, "A client joined the own access point."),
    constant("AP_STADISCONNECTED", 6, "A client left the own access point."),
    constant("AP_PROBEREQRECVED", 7, "A client looked for access points."),
    constant("WIFI_MODE_CHANGED", 8, "The radio's mode changed."),
    constant("EVENT_MAX", EVENT_MAX as i64, "Every event that is not listed."),
    table("reason", REASONS, "Why a station was disconnected."),
];

const REASONS: &[Member] = &[
    constant("UNSPECIFIED", 1, ""),
    constant("AUTH_EXPIRE", 2, ""),
    constant("AUTH_LEAVE", 3, ""),
    constant("ASSOC_EXPIRE", 4, ""),
    constant("ASSOC_TOOMANY", reason::ASSOC_TOOMANY, "The access point takes no more stations."),
    constant("NOT_AUTHED", 6, ""),
    constant("NOT_ASSOCED", 7, ""),
    constant("ASSOC_LEAVE", reason::ASSOC_LEAVE, "The station left by itself."),
    constant("ASSOC_NOT_AUTHED", 9, ""),
    constant("DISASSOC_PWRCAP_BAD", 10, ""),
    constant("DISASSOC_SUPCHAN_BAD", 11, ""),
    constant("IE_INVALID", 13, ""),
    constant("MIC_FAILURE", 14, ""),
    constant("4WAY_HANDSHAKE_TIMEOUT", reason::HANDSHAKE_4WAY_TIMEOUT, "Usually a wrong password."),
    constant("GROUP_KEY_UPDATE_TIMEOUT", 16, ""),
    constant("IE_IN_4WAY_DIFFERS", 17, ""),
    constant("GROUP_CIPHER_INVALID", 18, ""),
    constant("PAIRWISE_CIPHER_INVALID", 19, ""),
    constant("AKMP_INVALID", 20, ""),
    constant("UNSUPP_RSN_IE_VERSION", 21, ""),
    constant("INVALID_RSN_IE_CAP", 22, ""),
    constant("802_1X_AUTH_FAILED", 23, ""),
    constant("CIPHER_SUITE_REJECTED", 24, ""),
    constant("BEACON_TIMEOUT", reason::BEACON_TIMEOUT, "The access point is out of reach."),
    constant("NO_AP_FOUND", reason::NO_AP_FOUND, "There is no such access point."),
    constant("AUTH_FAIL", 202, ""),
    constant("ASSOC_FAIL", 203, ""),
    constant("HANDSHAKE_TIMEOUT", 204, ""),
];
