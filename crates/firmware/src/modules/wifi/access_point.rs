//! The soft access point: functions of `wifi.ap`, its clients and its DHCP server (`docs/behaviour.md` §6.2).

use std::net::Ipv4Addr;

use lan::world::dhcp::{DhcpServer, DhcpServerConfig};
use lan::{AccessPointConfig, Address, AirEvent, Frame, MacAddress, Security};
use lua::Table;
use lua::native::{Answer, Call, Error};
use lua::piccolo::{String as LuaString, Value};
use trace::Kind;

use super::eventmon::{self, Slot, WifiEvent};
use super::fields::Fields;
use super::{ACCESS_POINT, Mode, station};
use crate::chip::Chip;
use crate::module::{Member, function, integer_value, position, table};

/// The address that the SDK gives the access point.
const ADDRESS: Address = Address::new(Ipv4Addr::new(192, 168, 4, 1), 24).via(Ipv4Addr::new(192, 168, 4, 1));
/// Strength at which others hear the access point, in dBm.
const RSSI: i8 = -45;
/// Encryption modes, as `wifi.OPEN` and so on count them.
const AUTH_OPEN: i64 = 0;
const AUTH_WPA_WPA2_PSK: i64 = 4;

/// How the access point is set up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    ssid: Vec<u8>,
    password: Vec<u8>,
    auth: i64,
    channel: u8,
    hidden: bool,
    clients_max: u8,
    beacon_ms: i64,
}

impl Config {
    /// The SDK's own settings: `ESP_` and the last three bytes of the address, open.
    pub(super) fn default_of(chip: &Chip) -> Config {
        let [.., a, b, c] = chip.host.borrow().mac(ACCESS_POINT).0;
        Config {
            ssid: format!("ESP_{a:02X}{b:02X}{c:02X}").into_bytes(),
            password: Vec::new(),
            auth: AUTH_OPEN,
            channel: 6,
            hidden: false,
            clients_max: 4,
            beacon_ms: 100,
        }
    }

    fn on_air(&self, bssid: MacAddress) -> AccessPointConfig {
        let password = String::from_utf8_lossy(&self.password).into_owned();
        AccessPointConfig {
            ssid: String::from_utf8_lossy(&self.ssid).into_owned(),
            security: if self.auth == AUTH_OPEN { Security::Open } else { Security::Password(password) },
            channel: self.channel,
            bssid,
            hidden: self.hidden,
            stations_max: Some(self.clients_max),
            rssi: RSSI,
        }
    }
}

/// The access point of a running board.
#[derive(Debug, Default)]
pub(super) struct AccessPoint {
    config: Config,
    address: Option<Address>,
    clients: Vec<MacAddress>,
    dhcp: Option<DhcpServer>,
    dhcp_stopped: bool,
    /// First address that the DHCP server hands out, when the program chose one.
    dhcp_first: Option<Ipv4Addr>,
}

impl AccessPoint {
    /// The access point after a reset.
    pub(super) fn boot(&mut self, config: Config) {
        *self = AccessPoint { config, ..AccessPoint::default() };
    }

    pub(super) fn channel(&self) -> u8 {
        self.config.channel
    }

    /// For a person.
    pub(super) fn describe(&self) -> String {
        format!("access point {} with {} clients", String::from_utf8_lossy(&self.config.ssid), self.clients.len())
    }

    fn address(&self) -> Address {
        self.address.unwrap_or(ADDRESS)
    }
}

/// Puts the access point on the air.
pub(super) fn start(chip: &Chip) {
    let mac = chip.host.borrow().mac(ACCESS_POINT);
    let (on_air, address) = {
        let access_point = &mut chip.modules.wifi.borrow_mut().access_point;
        access_point.clients.clear();
        (access_point.config.on_air(mac), access_point.address())
    };
    chip.record(Kind::Wifi { text: format!("access point {} is on the air", on_air.ssid) });
    chip.request_radio(crate::radio::RadioRequest::StartAccessPoint(on_air));
    {
        let mut host = chip.host.borrow_mut();
        host.set_link(chip.now(), ACCESS_POINT, true);
        host.set_address(chip.now(), ACCESS_POINT, Some(address));
    }
    start_dhcp_server(chip);
}

/// Takes the access point off the air.
pub(super) fn stop(chip: &Chip) {
    chip.request_radio(crate::radio::RadioRequest::StopAccessPoint);
    {
        let access_point = &mut chip.modules.wifi.borrow_mut().access_point;
        access_point.clients.clear();
        access_point.dhcp = None;
    }
    let mut host = chip.host.borrow_mut();
    host.set_address(chip.now(), ACCESS_POINT, None);
    host.set_link(chip.now(), ACCESS_POINT, false);
}

fn start_dhcp_server(chip: &Chip) {
    let mac = chip.host.borrow().mac(ACCESS_POINT);
    let access_point = &mut chip.modules.wifi.borrow_mut().access_point;
    let address = access_point.address();
    let mut config =
        DhcpServerConfig { prefix_length: address.prefix_len, ..DhcpServerConfig::soft_ap(address.ip, mac) };
    if let Some(first) = access_point.dhcp_first {
        config.first = first;
        config.last = last_lease(first, access_point.config.clients_max);
    }
    access_point.dhcp_stopped = false;
    access_point.dhcp = Some(DhcpServer::new(config));
}

fn last_lease(first: Ipv4Addr, clients_max: u8) -> Ipv4Addr {
    let [a, b, c, d] = first.octets();
    Ipv4Addr::new(a, b, c, d.wrapping_add(clients_max.saturating_sub(1)))
}

/// Lets the DHCP server answer a frame that came in by the access point. Returns whether it was for it.
pub(crate) fn handle_frame(chip: &Chip, interface: u8, frame: &Frame) -> bool {
    if interface != ACCESS_POINT {
        return false;
    }
    let exchange = {
        let access_point = &mut chip.modules.wifi.borrow_mut().access_point;
        let Some(server) = access_point.dhcp.as_mut().filter(|_| !access_point.dhcp_stopped) else { return false };
        server.handle_frame(chip.now(), &frame.bytes)
    };
    let Some(exchange) = exchange else { return false };
    chip.record(Kind::Dhcp { message: exchange.received, address: exchange.requested });
    if let Some(reply) = exchange.reply {
        chip.record(Kind::Dhcp { message: reply.message, address: reply.address });
        chip.host.borrow_mut().send_frame(chip.now(), ACCESS_POINT, reply.frame);
    }
    true
}

/// A station came or went.
pub(super) fn station_event(chip: &Chip, event: AirEvent) {
    match event {
        AirEvent::StationJoined { mac, aid } => {
            chip.modules.wifi.borrow_mut().access_point.clients.push(mac);
            chip.record(Kind::Wifi { text: format!("{mac} joined the access point") });
            eventmon::report(chip, WifiEvent::StationJoined { mac, aid });
        }
        AirEvent::StationLeft { mac, aid } => {
            chip.modules.wifi.borrow_mut().access_point.clients.retain(|client| *client != mac);
            chip.record(Kind::Wifi { text: format!("{mac} left the access point") });
            eventmon::report(chip, WifiEvent::StationLeft { mac, aid });
        }
        AirEvent::Disassociated { .. } => {}
    }
}

// ---- functions ----

fn config<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let fields = Fields::new(&call, call.check_table(1)?);
    let config = read_config(chip, &call, &fields)?;
    let save = fields.boolean("save", "save:not boolean")?.unwrap_or(true);
    for (name, mistake, slot) in [
        ("staconnected_cb", "staconnected_cb:not function", Slot::ClientJoined),
        ("stadisconnected_cb", "stadisconnected_cb:not function", Slot::ClientLeft),
        ("probereq_cb", "probereq_cb:not function", Slot::ProbeRequest),
    ] {
        if let Some(handler) = fields.function(name, mistake)? {
            eventmon::set_handler(chip, slot, handler);
        }
    }
    if save {
        chip.flash.borrow_mut().wifi.access_point = Some(config.clone());
    }
    chip.modules.wifi.borrow_mut().access_point.config = config;
    if super::interface_exists(chip, ACCESS_POINT) {
        start(chip);
    }
    Ok(call.one(Value::Boolean(true)))
}

fn read_config<'gc>(chip: &Chip, call: &Call<'gc, '_>, fields: &Fields<'_, 'gc, '_>) -> Result<Config, Error<'gc>> {
    let ranged = |name, mistake: &str, range: std::ops::RangeInclusive<i64>, out: &str, default| {
        let number = fields.number(name, mistake)?.unwrap_or(default);
        if range.contains(&number) { Ok(number) } else { Err(call.argument_error(1, out)) }
    };
    let ssid = fields.text("ssid", "ssid: not string")?.ok_or_else(|| call.argument_error(1, "ssid: required"))?;
    if !(1..=32).contains(&ssid.len()) {
        return Err(call.argument_error(1, "ssid: length:1-32"));
    }
    let password = fields.text("pwd", "pwd: not string")?;
    if password.as_ref().is_some_and(|password| !(8..=64).contains(&password.len())) {
        return Err(call.argument_error(1, "pwd: length:0 or 8-64"));
    }
    let auth_default = if password.is_some() { AUTH_WPA_WPA2_PSK } else { AUTH_OPEN };
    let auth = ranged("auth", "auth: not number", 0..=4, "auth: Range:0-4", auth_default)?;
    // The manual allows channel 14 (docs/behaviour.md §8).
    let channel_max = if chip.is_chip() { 13 } else { 14 };
    let channel = ranged("channel", "channel: not number", 1..=channel_max, "channel: Range:1-13", 6)?;
    if channel == 14 {
        chip.hint("on a chip: the channel of an access point is 1 to 13", position(call));
    }
    let hidden = match fields.value("hidden") {
        None => false,
        Some(Value::Boolean(hidden)) => hidden,
        Some(Value::Integer(_) | Value::Number(_)) => {
            ranged("hidden", "hidden: not boolean", 0..=1, "hidden: 0 or 1", 0)? == 1
        }
        Some(_) => return Err(call.argument_error(1, "hidden: not boolean")),
    };
    let clients_max = ranged("max", "max: not number", 1..=4, "max: 1-4", 4)?;
    let beacon_ms = ranged("beacon", "beacon: not number", 100..=60_000, "beacon: 100-60000", 100)?;
    Ok(Config {
        ssid,
        password: password.unwrap_or_default(),
        auth,
        channel: channel as u8,
        hidden,
        clients_max: clients_max as u8,
        beacon_ms,
    })
}

fn getconfig<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let config = chip.modules.wifi.borrow().access_point.config.clone();
    Ok(describe(chip, &call, &config))
}

fn getdefaultconfig<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let config = chip.flash.borrow().wifi.access_point.clone();
    let config = config.unwrap_or_else(|| Config::default_of(chip));
    Ok(describe(chip, &call, &config))
}

fn describe<'gc>(chip: &Chip, call: &Call<'gc, '_>, config: &Config) -> lua::native::Outcome<'gc> {
    let ctx = call.ctx();
    let password = if config.auth == AUTH_OPEN { Value::Nil } else { call.string(&config.password) };
    if !matches!(call.arg(1), Value::Boolean(true)) {
        return call.two(call.string(&config.ssid), password);
    }
    let table = Table::new(&ctx);
    table.set_field(ctx, "ssid", call.string(&config.ssid));
    table.set_field(ctx, "pwd", password);
    table.set_field(ctx, "auth", integer_value(chip, config.auth));
    table.set_field(ctx, "channel", integer_value(chip, i64::from(config.channel)));
    table.set_field(ctx, "hidden", Value::Boolean(config.hidden));
    table.set_field(ctx, "max", integer_value(chip, i64::from(config.clients_max)));
    table.set_field(ctx, "beacon", integer_value(chip, config.beacon_ms));
    call.one(table)
}

fn getip<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    station::address_of(chip, call, ACCESS_POINT)
}

fn setip<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let current = chip.modules.wifi.borrow().access_point.address();
    // The gateway is not kept: a table without one clears it.
    let address = station::address_from_table(&call, Some(Address { gateway: None, ..current }))?;
    chip.modules.wifi.borrow_mut().access_point.address = Some(address);
    if super::interface_exists(chip, ACCESS_POINT) {
        chip.host.borrow_mut().set_address(chip.now(), ACCESS_POINT, Some(address));
        start_dhcp_server(chip);
    }
    Ok(call.one(Value::Boolean(true)))
}

fn getbroadcast<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    station::broadcast_of(chip, call, ACCESS_POINT)
}

fn getmac<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    station::mac_of(chip, call, ACCESS_POINT)
}

fn setmac<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    station::set_mac_of(chip, call, ACCESS_POINT)
}

/// `wifi.ap.getclient()`: addresses of the clients by their Ethernet addresses.
fn getclient<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let wifi = chip.modules.wifi.borrow();
    if wifi.mode == Mode::Station {
        return Err(call.error("Can't list clients in STATION mode"));
    }
    let leases = wifi.access_point.dhcp.as_ref().map(DhcpServer::leases).unwrap_or_default();
    let table = Table::new(&call.ctx());
    for mac in &wifi.access_point.clients {
        let lease = leases.iter().find(|lease| lease.mac == *mac);
        let ip = lease.map_or(Ipv4Addr::UNSPECIFIED, |lease| lease.ip);
        let key = LuaString::from_slice(&call.ctx(), mac.to_string()).into();
        // Text is always a valid key.
        let _ = table.set_value(&call.ctx(), key, call.string(ip.to_string().as_bytes()));
    }
    Ok(call.one(table))
}

/// `wifi.ap.deauth([mac])`. The simulated air has no way to throw one station out; all of them go.
fn deauth<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    if let Some(text) = call.to_string(call.arg(1))
        && text.as_bytes().len() != 17
    {
        return Err(call.argument_error(1, "MAC:FF:FF:FF:FF:FF:FF"));
    }
    let active = super::interface_exists(chip, ACCESS_POINT);
    if active {
        start(chip);
    }
    Ok(call.one(Value::Boolean(active)))
}

fn dhcp_config<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let wrong_type = || call.error("wrong arg type");
    let table = Table::from_value(call.arg(1)).ok_or_else(wrong_type)?;
    let text = call.to_string(table.get(call.ctx(), "start")).ok_or_else(wrong_type)?;
    let first = lan::parse_ipv4_literal(text.as_bytes()).filter(|ip| !ip.is_unspecified()).ok_or_else(wrong_type)?;
    let last = {
        let access_point = &mut chip.modules.wifi.borrow_mut().access_point;
        access_point.dhcp_first = Some(first);
        last_lease(first, access_point.config.clients_max)
    };
    if super::interface_exists(chip, ACCESS_POINT) {
        start_dhcp_server(chip);
    }
    Ok(call.two(call.string(first.to_string().as_bytes()), call.string(last.to_string().as_bytes())))
}

fn dhcp_start<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let active = super::interface_exists(chip, ACCESS_POINT);
    if active && chip.modules.wifi.borrow().access_point.dhcp.is_none() {
        start_dhcp_server(chip);
    }
    chip.modules.wifi.borrow_mut().access_point.dhcp_stopped = false;
    Ok(call.one(Value::Boolean(active)))
}

fn dhcp_stop<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    chip.modules.wifi.borrow_mut().access_point.dhcp_stopped = true;
    Ok(call.one(Value::Boolean(super::interface_exists(chip, ACCESS_POINT))))
}

/// Functions of `wifi.ap`.
pub(super) const MEMBERS: &[Member] = &[
    function("config", "(settings): boolean", config, "Sets up the access point.").parameters(&[(
        "settings",
        "{ssid, [pwd], [auth], [channel], [hidden], [max], [beacon], [save], [staconnected_cb], [stadisconnected_cb]}",
    )]),
    function("deauth", "([mac]): boolean", deauth, "Throws clients out; here always all of them."),
    function("getip", "(): ip, netmask, gateway", getip, "Tells the address; nil when there is none."),
    function("setip", "(settings): boolean", setip, "Sets the address.")
        .parameters(&[("settings", "{ip, netmask, gateway}")]),
    function("getbroadcast", "(): string", getbroadcast, "Tells the broadcast address."),
    function("getmac", "(): string", getmac, "Tells the Ethernet address."),
    function("setmac", "(mac): boolean", setmac, "Sets the Ethernet address."),
    function("getclient", "(): table", getclient, "Lists the clients' addresses."),
    function("getconfig", "([as_table]): ssid, pwd", getconfig, "Tells how the access point is set up."),
    function("getdefaultconfig", "([as_table]): ssid, pwd", getdefaultconfig, "Tells what is kept in flash."),
    table(
        "dhcp",
        &[
            function("config", "(settings): start, end", dhcp_config, "Sets the first address to hand out.")
                .parameters(&[("settings", "{start}")]),
            function("start", "(): boolean", dhcp_start, "Starts the DHCP server."),
            function("stop", "(): boolean", dhcp_stop, "Stops the DHCP server."),
        ],
        "The DHCP server of the access point.",
    ),
];
