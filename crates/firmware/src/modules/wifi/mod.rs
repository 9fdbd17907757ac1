//! Lua module `wifi`: the radio's modes, the station, the access point and their events (manual, wifi module;
//! `docs/behaviour.md` §6.2).
//!
//! [`station`] and [`access_point`] are the functions of `wifi.sta` and `wifi.ap`; [`joining`] is what the SDK does with
//! them behind the program's back (associating, asking for an address, trying again); [`eventmon`] reports it; [`scan`]
//! lists networks; [`fields`] reads settings out of tables with the firmware's words for mistakes.
//!
//! Left out: what a simulated radio cannot show (transmit power, PHY modes and sleep are kept and reported, no more) and
//! SmartConfig and the packet monitor, which need radio frames.

mod access_point;
mod eventmon;
mod fields;
mod joining;
mod scan;
mod station;

use lan::{Event, JoinRequest};
use lua::Table;
use lua::native::{Answer, Call};
use lua::piccolo::Value;

use crate::chip::Chip;
use crate::module::{Module, constant, function, integer_value, table};
use crate::radio::RadioReply;

pub(crate) use access_point::handle_frame;
pub(crate) use joining::{holds_start, started};

/// Interface numbers of the stack.
const STATION: u8 = 0;
const ACCESS_POINT: u8 = 1;

/// The radio's modes, with the SDK's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    Null = 0,
    #[default]
    Station = 1,
    AccessPoint = 2,
    Both = 3,
}

impl Mode {
    fn from_number(number: i64) -> Option<Mode> {
        Some(match number {
            0 => Mode::Null,
            1 => Mode::Station,
            2 => Mode::AccessPoint,
            3 => Mode::Both,
            _ => return None,
        })
    }

    fn has_station(self) -> bool {
        matches!(self, Mode::Station | Mode::Both)
    }

    fn has_access_point(self) -> bool {
        matches!(self, Mode::AccessPoint | Mode::Both)
    }
}

/// What the SDK keeps in flash.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    mode: Mode,
    station: station::Config,
    /// Whether the station connects by itself at boot.
    connects_at_boot: bool,
    access_point: Option<access_point::Config>,
}

impl Default for Settings {
    /// No network is stored.
    fn default() -> Self {
        Settings::with_network(None)
    }
}

impl Settings {
    /// Settings with this network stored, or none.
    pub(crate) fn with_network(network: Option<&JoinRequest>) -> Settings {
        let station = network.map_or_else(station::Config::default, |network| station::Config {
            ssid: network.ssid.clone().into(),
            password: network.password.clone().into(),
            bssid: network.bssid,
        });
        Settings { mode: Mode::Station, station, connects_at_boot: true, access_point: None }
    }
}

/// The module's state on a running board.
#[derive(Debug, Default)]
pub(crate) struct State {
    mode: Mode,
    station: joining::Station,
    access_point: access_point::AccessPoint,
    events: eventmon::Monitor,
    scan: scan::Scan,
    physical_mode: Option<i64>,
    sleep_type: Option<i64>,
    /// Whether the radio sleeps in NULLMODE.
    null_mode_sleep: Option<bool>,
    country: Option<Country>,
}

/// A country's rules for channels.
#[derive(Clone, Debug)]
struct Country {
    code: [u8; 2],
    first_channel: i64,
    last_channel: i64,
    policy: i64,
}

/// The SDK starts the radio as it was configured.
pub(crate) fn boot(chip: &Chip) {
    let settings = chip.flash.borrow().wifi.clone();
    {
        let mut wifi = chip.modules.wifi.borrow_mut();
        wifi.mode = settings.mode;
        wifi.station.boot(settings.station.clone(), default_host_name(chip));
        wifi.access_point.boot(settings.access_point.clone().unwrap_or_else(|| access_point::Config::default_of(chip)));
    }
    if settings.mode.has_access_point() {
        access_point::start(chip);
    }
    if settings.mode.has_station() && settings.connects_at_boot {
        joining::connect_at_boot(chip);
    }
}

/// The radio answers.
pub(crate) fn handle_reply(chip: &Chip, reply: RadioReply) {
    match reply {
        RadioReply::Joined(outcome) => joining::joined(chip, outcome),
        RadioReply::Scanned(entries) => scan::scanned(chip, &entries),
        RadioReply::Air(lan::AirEvent::Disassociated { ssid, bssid }) => joining::lost(chip, ssid, bssid),
        RadioReply::Air(event) => access_point::station_event(chip, event),
    }
}

/// The network stack reports about an interface.
pub(crate) fn handle_event(chip: &Chip, event: &Event) {
    match event {
        Event::AddressChanged { interface: STATION, address, .. } => joining::address_changed(chip, *address),
        Event::DhcpTimeout { interface: STATION } => eventmon::report(chip, eventmon::WifiEvent::DhcpTimeout),
        _ => {}
    }
}

/// Whether the radio's mode has an interface.
pub(crate) fn interface_exists(chip: &Chip, interface: u8) -> bool {
    let mode = chip.modules.wifi.borrow().mode;
    match interface {
        STATION => mode.has_station(),
        ACCESS_POINT => mode.has_access_point(),
        _ => false,
    }
}

/// The station in words, for a person.
pub(crate) fn status_text(chip: &Chip) -> String {
    let wifi = chip.modules.wifi.borrow();
    let mut parts = Vec::new();
    if wifi.mode.has_station() {
        parts.push(wifi.station.describe());
    }
    if wifi.mode.has_access_point() {
        parts.push(wifi.access_point.describe());
    }
    if parts.is_empty() { "radio off".to_owned() } else { parts.join(", ") }
}

/// `NODE-` and the last three bytes of the address (`wifi_change_default_host_name`).
fn default_host_name(chip: &Chip) -> String {
    let [.., a, b, c] = chip.host.borrow().mac(STATION).0;
    format!("NODE-{a:02X}{b:02X}{c:02X}")
}

// ---- functions of wifi itself ----

fn setmode<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let mode = Mode::from_number(call.check_integer(1)?).ok_or_else(|| call.argument_error(1, "Invalid mode"))?;
    let save = if call.is_none_or_nil(2) { true } else { call.check_boolean(2)? };
    change_mode(chip, mode);
    if save {
        chip.flash.borrow_mut().wifi.mode = mode;
    }
    Ok(call.one(integer_value(chip, mode as i64)))
}

fn change_mode(chip: &Chip, mode: Mode) {
    let old = std::mem::replace(&mut chip.modules.wifi.borrow_mut().mode, mode);
    if old == mode {
        return;
    }
    if old.has_station() && !mode.has_station() {
        joining::disconnect(chip);
    }
    if old.has_access_point() && !mode.has_access_point() {
        access_point::stop(chip);
    }
    eventmon::report(chip, eventmon::WifiEvent::ModeChanged { old: old as i64, new: mode as i64 });
    if mode.has_access_point() && !old.has_access_point() {
        access_point::start(chip);
    }
    if mode.has_station() && !old.has_station() && chip.flash.borrow().wifi.connects_at_boot {
        joining::connect(chip);
    }
}

fn getmode<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let mode = chip.modules.wifi.borrow().mode;
    Ok(call.one(integer_value(chip, mode as i64)))
}

fn getdefaultmode<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let mode = chip.flash.borrow().wifi.mode;
    Ok(call.one(integer_value(chip, mode as i64)))
}

fn getchannel<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let wifi = chip.modules.wifi.borrow();
    let channel = wifi.station.channel().unwrap_or_else(|| wifi.access_point.channel());
    Ok(call.one(integer_value(chip, i64::from(channel))))
}

fn setphymode<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let mode = call.check_integer(1)?;
    if !(1..=3).contains(&mode) {
        return Err(call.error("wrong arg type"));
    }
    chip.modules.wifi.borrow_mut().physical_mode = Some(mode);
    Ok(call.one(integer_value(chip, mode)))
}

fn getphymode<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    // 802.11n is the SDK's default.
    let mode = chip.modules.wifi.borrow().physical_mode.unwrap_or(3);
    Ok(call.one(integer_value(chip, mode)))
}

fn setmaxtxpower<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    if !(1..83).contains(&call.check_integer(1)?) {
        return Err(call.argument_error(1, "tx power out of range (0->82)"));
    }
    Ok(call.none())
}

fn sleeptype<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    if let Some(sleep_type) = fields::number(&call, call.arg(1)) {
        if !(0..=2).contains(&sleep_type) {
            return Err(call.argument_error(1, "range:0-2"));
        }
        chip.modules.wifi.borrow_mut().sleep_type = Some(sleep_type);
    }
    // MODEM_SLEEP is the SDK's default.
    let sleep_type = chip.modules.wifi.borrow().sleep_type.unwrap_or(2);
    Ok(call.one(integer_value(chip, sleep_type)))
}

fn nullmodesleep<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    if !call.is_none(1) {
        chip.modules.wifi.borrow_mut().null_mode_sleep = Some(call.arg(1).to_bool());
    }
    let sleeps = chip.modules.wifi.borrow().null_mode_sleep.unwrap_or(true);
    Ok(call.one(Value::Boolean(sleeps)))
}

/// `wifi.suspend` and `wifi.resume`: not in builds without the option.
fn unavailable<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let text = "\n The option \"PMSLEEP_ENABLE\" in \"app/include/user_config.h\" was disabled during FW build!\n";
    chip.print_raw(text.as_bytes());
    Err(call.error("wifi.suspend is unavailable"))
}

fn getcountry<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let country = chip.modules.wifi.borrow().country.clone();
    let country = country.unwrap_or(Country { code: *b"CN", first_channel: 1, last_channel: 13, policy: 0 });
    let table = Table::new(&call.ctx());
    table.set_field(call.ctx(), "country", call.string(&country.code));
    table.set_field(call.ctx(), "start_ch", integer_value(chip, country.first_channel));
    table.set_field(call.ctx(), "end_ch", integer_value(chip, country.last_channel));
    table.set_field(call.ctx(), "policy", integer_value(chip, country.policy));
    Ok(call.one(table))
}

fn setcountry<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let Some(table) = Table::from_value(call.arg(1)) else { return Err(call.argument_error(1, "Table not found!")) };
    let fields = fields::Fields::new(&call, table);
    let code = match fields.text("country", "country: must be string")? {
        None => *b"CN",
        Some(text) => match *text {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                [a.to_ascii_uppercase(), b.to_ascii_uppercase()]
            }
            _ => return Err(call.argument_error(1, "country: country code must be 2 chars")),
        },
    };
    let first_channel = fields.number("start_ch", "start_ch: must be a number")?.unwrap_or(1);
    if !(1..=14).contains(&first_channel) {
        return Err(call.argument_error(1, "start_ch: Range:1-14"));
    }
    let last_channel = fields.number("end_ch", "end_ch: must be a number")?.unwrap_or(13);
    if !(1..=14).contains(&last_channel) {
        return Err(call.argument_error(1, "end_ch: Range:1-14"));
    }
    if last_channel < first_channel {
        return Err(call.argument_error(1, "end_ch: can't be less than start_ch"));
    }
    let policy = fields.number("policy", "policy: must be a number")?.unwrap_or(0);
    if !(0..=1).contains(&policy) {
        return Err(call.argument_error(1, "policy: must be 0 or 1"));
    }
    chip.modules.wifi.borrow_mut().country = Some(Country { code, first_channel, last_channel, policy });
    Ok(call.one(Value::Boolean(true)))
}

/// The module's declaration.
pub(crate) const MODULE: Module = Module {
    name: "wifi",
    doc: "The station and access point of the radio.",
    members: &[
        constant("NULLMODE", 0, "Radio off."),
        constant("STATION", 1, "Station alone."),
        constant("SOFTAP", 2, "Access point alone."),
        constant("STATIONAP", 3, "Station and access point."),
        constant("PHYMODE_B", 1, "802.11b"),
        constant("PHYMODE_G", 2, "802.11g"),
        constant("PHYMODE_N", 3, "802.11n"),
        constant("NONE_SLEEP", 0, "No modem sleep."),
        constant("LIGHT_SLEEP", 1, "Light sleep."),
        constant("MODEM_SLEEP", 2, "Modem sleep."),
        constant("OPEN", 0, "No encryption."),
        constant("WPA_PSK", 2, "WPA."),
        constant("WPA2_PSK", 3, "WPA2."),
        constant("WPA_WPA2_PSK", 4, "WPA or WPA2."),
        constant("STA_IDLE", 0, "The station does nothing."),
        constant("STA_CONNECTING", 1, "The station is connecting."),
        constant("STA_WRONGPWD", 2, "The password is wrong."),
        constant("STA_APNOTFOUND", 3, "There is no such access point."),
        constant("STA_FAIL", 4, "The connection failed."),
        constant("STA_GOTIP", 5, "The station has an address."),
        constant("COUNTRY_AUTO", 0, "Follow the access point's country."),
        constant("COUNTRY_MANUAL", 1, "Keep the country that was set."),
        function("setmode", "(mode, [save]): number", setmode, "Sets the radio's mode.").parameters(&[
            ("mode", "wifi.STATION, wifi.SOFTAP, ..."),
            ("save", "whether to keep it in flash; true by default"),
        ]),
        function("getmode", "(): number", getmode, "Tells the radio's mode."),
        function("getdefaultmode", "(): number", getdefaultmode, "Tells the mode kept in flash."),
        function("getchannel", "(): number", getchannel, "Tells the radio's channel."),
        function("getcountry", "(): table", getcountry, "Tells the country settings."),
        function("setcountry", "(settings): boolean", setcountry, "Sets the country."),
        function("setphymode", "(mode): number", setphymode, "Sets the PHY mode."),
        function("getphymode", "(): number", getphymode, "Tells the PHY mode."),
        function("setmaxtxpower", "(power)", setmaxtxpower, "Sets the transmit power; kept, without effect here."),
        function(
            "sleeptype",
            "([type]): number",
            sleeptype,
            "Sets or tells how the modem sleeps; without effect here.",
        ),
        function(
            "nullmodesleep",
            "([enable]): boolean",
            nullmodesleep,
            "Sets or tells whether the radio sleeps in NULLMODE.",
        ),
        function("suspend", "([settings])", unavailable, "Not in builds without the option PMSLEEP_ENABLE."),
        function("resume", "([callback])", unavailable, "Not in builds without the option PMSLEEP_ENABLE."),
        table("sta", station::MEMBERS, "The station."),
        table("ap", access_point::MEMBERS, "The access point."),
        table("eventmon", eventmon::MEMBERS, "Events of station and access point."),
    ],
    types: &[],
};
