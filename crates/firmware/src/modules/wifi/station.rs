//! Functions of `wifi.sta` (`wifi.c`; `docs/behaviour.md` §6.2).

use std::net::Ipv4Addr;

use lan::{Address, MacAddress};
use lua::native::{Answer, Call, Error};
use lua::piccolo::Value;
use lua::{Function, StashedFunction, Table};

use super::eventmon::{self, Slot};
use super::fields::{self, Fields};
use super::{STATION, joining, scan};
use crate::chip::Chip;
use crate::module::{Member, function, integer_value, position};

const SSID_BYTES_MAX: usize = 32;
const PASSWORD_BYTES_MAX: usize = 64;
const MAC_TEXT_BYTES: usize = 17;

/// The network that the station connects to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    pub(super) ssid: Vec<u8>,
    pub(super) password: Vec<u8>,
    pub(super) bssid: Option<MacAddress>,
}

/// What `wifi.sta.config` was given.
struct Request {
    config: Config,
    connects: bool,
    save: bool,
}

/// `wifi.sta.config(settings)`: always leaves the network it is in first.
fn config<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let request = match Table::from_value(call.arg(1)) {
        Some(table) => from_table(chip, &call, table)?,
        None if chip.release().has_removed_names() && call.to_string(call.arg(1)).is_some() => positional(chip, &call)?,
        None => return Err(call.argument_error(1, "config table not found!")),
    };
    joining::disconnect(chip);
    chip.modules.wifi.borrow_mut().station.config = request.config.clone();
    {
        let settings = &mut chip.flash.borrow_mut().wifi;
        settings.connects_at_boot = request.connects;
        if request.save {
            settings.station = request.config;
        }
    }
    if request.connects {
        joining::connect(chip);
    }
    Ok(call.one(Value::Boolean(true)))
}

fn from_table<'gc>(chip: &Chip, call: &Call<'gc, '_>, table: Table<'gc>) -> Result<Request, Error<'gc>> {
    let fields = Fields::new(call, table);
    let ssid = fields.text("ssid", "ssid:not string")?.ok_or_else(|| call.argument_error(1, "ssid required"))?;
    if ssid.len() > SSID_BYTES_MAX {
        return Err(call.argument_error(1, "ssid: length:0-32"));
    }
    let password = fields.text("pwd", "pwd:not string")?.unwrap_or_default();
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(call.argument_error(1, "pwd: length:0-64"));
    }
    let bssid = match fields.text("bssid", "bssid:not string")? {
        Some(text) if text.len() != MAC_TEXT_BYTES => return Err(call.argument_error(1, "bssid: FF:FF:FF:FF:FF:FF")),
        text => text.and_then(|text| fields::mac(&text)),
    };
    let connects = fields.boolean("auto", "auto:not boolean")?.unwrap_or(true);
    let save = fields.boolean("save", "save:not boolean")?.unwrap_or(true);
    take_handlers(chip, call, &fields)?;
    Ok(Request { config: Config { ssid, password, bssid }, connects, save })
}

/// The handlers in the settings fill slots of `wifi.eventmon`. The manual once calls two of them otherwise than the
/// firmware (`docs/behaviour.md` §8).
fn take_handlers<'gc>(chip: &Chip, call: &Call<'gc, '_>, fields: &Fields<'_, 'gc, '_>) -> Result<(), Error<'gc>> {
    let slots = [
        ("connect_cb", "connect_cb:not function", Slot::StationConnected),
        ("disconnect_cb", "disconnect_cb:not function", Slot::StationDisconnected),
        ("authmode_change_cb", "authmode_change_cb:not function", Slot::AuthModeChange),
        ("got_ip_cb", "gotip_cb:not function", Slot::GotIp),
        ("dhcp_timeout_cb", "dhcp_timeout_cb:not function", Slot::DhcpTimeout),
    ];
    let documented = [
        ("connected_cb", "connected_cb:not function", Slot::StationConnected),
        ("disconnected_cb", "disconnected_cb:not function", Slot::StationDisconnected),
    ];
    for (name, mistake, slot) in slots {
        if let Some(handler) = fields.function(name, mistake)? {
            eventmon::set_handler(chip, slot, handler);
        }
    }
    for (name, mistake, slot) in documented.into_iter().filter(|_| !chip.is_chip()) {
        if let Some(handler) = fields.function(name, mistake)? {
            chip.hint("on a chip: wifi.sta.config reads connect_cb and disconnect_cb, without the -ed", position(call));
            eventmon::set_handler(chip, slot, handler);
        }
    }
    Ok(())
}

/// `wifi.sta.config(ssid, password [, auto [, bssid]])`, gone since release 2.0.
fn positional<'gc>(chip: &Chip, call: &Call<'gc, '_>) -> Result<Request, Error<'gc>> {
    if chip.release().hints_removed_names() {
        chip.hint(
            "wifi.sta.config(ssid, pwd) is gone since release 2.0: use wifi.sta.config({ssid=..., pwd=...})",
            position(call),
        );
    }
    let ssid = call.check_string(1)?.as_bytes().to_vec();
    if ssid.len() > SSID_BYTES_MAX {
        return Err(call.argument_error(1, "length:<=32"));
    }
    let password = call.opt_string(2)?.map(|text| text.as_bytes().to_vec()).unwrap_or_default();
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(call.argument_error(2, "length:0 or 8-64"));
    }
    let connects = match call.arg(3) {
        Value::Boolean(connects) => connects,
        value => fields::number(call, value).is_none_or(|number| number != 0),
    };
    let bssid = call.opt_string(4)?.and_then(|text| fields::mac(text.as_bytes()));
    Ok(Request { config: Config { ssid, password, bssid }, connects, save: true })
}

fn clearconfig<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    joining::disconnect(chip);
    chip.modules.wifi.borrow_mut().station.config = Config::default();
    let settings = &mut chip.flash.borrow_mut().wifi;
    settings.station = Config::default();
    settings.connects_at_boot = false;
    Ok(call.one(Value::Boolean(true)))
}

fn connect<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    take_handler(chip, &call, Slot::StationConnected);
    joining::connect(chip);
    Ok(call.none())
}

fn disconnect<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    take_handler(chip, &call, Slot::StationDisconnected);
    joining::disconnect(chip);
    Ok(call.none())
}

fn take_handler(chip: &Chip, call: &Call<'_, '_>, slot: Slot) {
    if let Some(function) = Function::from_value(call.arg(1)) {
        eventmon::set_handler(chip, slot, StashedFunction::new(call.ctx(), function));
    }
}

fn autoconnect<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let connects = match call.check_integer(1)? {
        0 => false,
        1 => true,
        _ => return Err(call.argument_error(1, "0 or 1")),
    };
    chip.flash.borrow_mut().wifi.connects_at_boot = connects;
    Ok(call.none())
}

fn getconfig<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let config = chip.modules.wifi.borrow().station.config.clone();
    describe(chip, call, &config)
}

fn getdefaultconfig<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let config = chip.flash.borrow().wifi.station.clone();
    describe(chip, call, &config)
}

/// `ssid, pwd, bssid_set, bssid`, or a table when asked for.
fn describe<'gc>(chip: &Chip, mut call: Call<'gc, '_>, config: &Config) -> Answer<'gc> {
    let bssid = config.bssid.unwrap_or_default().to_string();
    if !matches!(call.arg(1), Value::Boolean(true)) {
        let values = [
            call.string(&config.ssid),
            call.string(&config.password),
            integer_value(chip, i64::from(config.bssid.is_some())),
            call.string(bssid.as_bytes()),
        ];
        return Ok(call.many(values));
    }
    let table = Table::new(&call.ctx());
    table.set_field(call.ctx(), "ssid", call.string(&config.ssid));
    if !config.password.is_empty() {
        table.set_field(call.ctx(), "pwd", call.string(&config.password));
    }
    table.set_field(call.ctx(), "bssid_set", Value::Boolean(config.bssid.is_some()));
    table.set_field(call.ctx(), "bssid", call.string(bssid.as_bytes()));
    Ok(call.one(table))
}

/// `qty` and the one network that the simulated flash keeps.
fn getapinfo<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let config = chip.flash.borrow().wifi.station.clone();
    let list = Table::new(&call.ctx());
    let quantity = i64::from(!config.ssid.is_empty());
    list.set_field(call.ctx(), "qty", integer_value(chip, quantity));
    if quantity == 1 {
        let entry = Table::new(&call.ctx());
        entry.set_field(call.ctx(), "ssid", call.string(&config.ssid));
        if !config.password.is_empty() {
            entry.set_field(call.ctx(), "pwd", call.string(&config.password));
        }
        if let Some(bssid) = config.bssid {
            entry.set_field(call.ctx(), "bssid", call.string(bssid.to_string().as_bytes()));
        }
        // A fresh table takes any key.
        let _ = list.set_value(&call.ctx(), integer_value(chip, 1), entry.into());
    }
    Ok(call.one(list))
}

fn getapindex<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(integer_value(chip, 1)))
}

fn changeap<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let index = call.check_integer(1)?;
    if !(1..=5).contains(&index) {
        return Err(call.argument_error(1, "Valid range: 1-5"));
    }
    Ok(call.one(Value::Boolean(index == 1)))
}

fn setaplimit<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    if !(1..=5).contains(&call.check_integer(1)?) {
        return Err(call.argument_error(1, "Valid range: 1-5"));
    }
    Ok(call.one(Value::Boolean(true)))
}

fn status<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let status = chip.modules.wifi.borrow().station.status;
    Ok(call.one(integer_value(chip, status as i64)))
}

fn getrssi<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let wifi = chip.modules.wifi.borrow();
    let rssi = wifi.station.association.as_ref().map(|association| i64::from(association.rssi));
    Ok(call.one(rssi.map_or(Value::Nil, |rssi| integer_value(chip, rssi))))
}

fn gethostname<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let name = chip.modules.wifi.borrow().station.host_name.clone();
    Ok(call.one(call.string(name.as_bytes())))
}

fn sethostname<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let name = call.check_string(1)?;
    let name = std::str::from_utf8(name.as_bytes()).ok().filter(|name| is_host_name(name));
    let Some(name) = name else { return Err(call.argument_error(1, "Invalid hostname")) };
    chip.modules.wifi.borrow_mut().station.host_name = name.to_owned();
    Ok(call.one(Value::Boolean(true)))
}

/// Letters, digits and hyphens, no hyphen at the ends, 1 to 32 characters.
fn is_host_name(name: &str) -> bool {
    let inner = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (1..=32).contains(&name.len()) && inner && !name.starts_with('-') && !name.ends_with('-')
}

fn setip<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let current = chip.host.borrow().address(STATION);
    let address = address_from_table(&call, current)?;
    let associated = {
        let station = &mut chip.modules.wifi.borrow_mut().station;
        station.fixed_address = Some(address);
        station.association.is_some()
    };
    let mut host = chip.host.borrow_mut();
    host.stop_dhcp(chip.now(), STATION, false);
    if associated {
        host.set_address(chip.now(), STATION, Some(address));
    }
    Ok(call.one(Value::Boolean(true)))
}

/// The fields `ip`, `netmask` and `gateway`; what is missing stays as it is.
pub(super) fn address_from_table<'gc>(call: &Call<'gc, '_>, current: Option<Address>) -> Result<Address, Error<'gc>> {
    let Some(table) = Table::from_value(call.arg(1)) else { return Err(call.error("wrong arg type")) };
    let field = |name| {
        let text = call.to_string(table.get(call.ctx(), name))?;
        lan::parse_ipv4_literal(text.as_bytes()).filter(|ip| !ip.is_unspecified())
    };
    let ip = field("ip").or(current.map(|address| address.ip)).unwrap_or(Ipv4Addr::UNSPECIFIED);
    let netmask = field("netmask").or(current.map(|address| address.netmask())).unwrap_or(Ipv4Addr::UNSPECIFIED);
    let gateway = field("gateway").or(current.and_then(|address| address.gateway));
    Ok(Address::with_netmask(ip, netmask, gateway))
}

fn getip<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    address_of(chip, call, STATION)
}

/// `ip, netmask, gateway`, or one nil.
pub(super) fn address_of<'gc>(chip: &Chip, mut call: Call<'gc, '_>, interface: u8) -> Answer<'gc> {
    let address = chip.host.borrow().address(interface);
    let Some(address) = address else { return Ok(call.one(Value::Nil)) };
    let gateway = address.gateway.unwrap_or(Ipv4Addr::UNSPECIFIED);
    let texts = [address.ip, address.netmask(), gateway].map(|ip| call.string(ip.to_string().as_bytes()));
    Ok(call.many(texts))
}

fn getbroadcast<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    broadcast_of(chip, call, STATION)
}

/// The broadcast address, or nil.
pub(super) fn broadcast_of<'gc>(chip: &Chip, call: Call<'gc, '_>, interface: u8) -> Answer<'gc> {
    let address = chip.host.borrow().address(interface);
    Ok(call.one(address.map_or(Value::Nil, |address| call.string(address.broadcast().to_string().as_bytes()))))
}

fn getmac<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    mac_of(chip, call, STATION)
}

/// The Ethernet address, in lower case with colons.
pub(super) fn mac_of<'gc>(chip: &Chip, call: Call<'gc, '_>, interface: u8) -> Answer<'gc> {
    let mac = chip.host.borrow().mac(interface);
    Ok(call.one(call.string(mac.to_string().as_bytes())))
}

fn setmac<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    set_mac_of(chip, call, STATION)
}

/// Sets an Ethernet address from 17 characters. Returns whether it is one.
pub(super) fn set_mac_of<'gc>(chip: &Chip, call: Call<'gc, '_>, interface: u8) -> Answer<'gc> {
    let text = call.check_string(1)?;
    if text.as_bytes().len() != MAC_TEXT_BYTES {
        return Err(call.argument_error(1, "MAC:FF:FF:FF:FF:FF:FF"));
    }
    // The SDK refuses group addresses.
    let mac = fields::mac(text.as_bytes()).filter(|mac| !mac.is_group());
    if let Some(mac) = mac {
        chip.host.borrow_mut().set_mac(interface, mac);
    }
    Ok(call.one(Value::Boolean(mac.is_some())))
}

/// Functions of `wifi.sta`.
pub(super) const MEMBERS: &[Member] = &[
    function("autoconnect", "(auto)", autoconnect, "Sets whether the station connects at boot: 0 or 1."),
    function("changeap", "(index): boolean", changeap, "Chooses one of the stored networks; one is kept here."),
    function("clearconfig", "(): boolean", clearconfig, "Forgets the network."),
    function("config", "(settings): boolean", config, "Sets the network to connect to.").parameters(&[(
        "settings",
        "{ssid, [pwd], [auto], [save], [bssid], [connect_cb], [disconnect_cb], [got_ip_cb], [dhcp_timeout_cb]}",
    )]),
    function("connect", "([connected])", connect, "Connects to the configured network."),
    function("disconnect", "([disconnected])", disconnect, "Leaves the network."),
    function("getap", "([filter], [format], callback)", scan::getap, "Lists the networks in reach."),
    function("getapindex", "(): number", getapindex, "Tells which stored network is in use."),
    function("getapinfo", "(): table", getapinfo, "Lists the stored networks."),
    function("getbroadcast", "(): string", getbroadcast, "Tells the broadcast address."),
    function("getconfig", "([as_table]): ssid, pwd, bssid_set, bssid", getconfig, "Tells the configured network."),
    function(
        "getdefaultconfig",
        "([as_table]): ssid, pwd, bssid_set, bssid",
        getdefaultconfig,
        "Tells the stored network.",
    ),
    function("gethostname", "(): string", gethostname, "Tells the host name."),
    function("getip", "(): ip, netmask, gateway", getip, "Tells the address; nil when there is none."),
    function("getmac", "(): string", getmac, "Tells the Ethernet address."),
    function("getrssi", "(): number", getrssi, "Tells the signal strength in dBm; nil when not connected."),
    function("setaplimit", "(limit): boolean", setaplimit, "Sets how many networks are stored; one is kept here."),
    function("sethostname", "(name): boolean", sethostname, "Sets the host name."),
    function("setip", "(settings): boolean", setip, "Sets a fixed address.")
        .parameters(&[("settings", "{ip, [netmask], [gateway]}")]),
    function("setmac", "(mac): boolean", setmac, "Sets the Ethernet address."),
    function("sleeptype", "([type]): number", super::sleeptype, "Sets or tells how the modem sleeps."),
    function("status", "(): number", status, "Tells where the station stands: wifi.STA_GOTIP, ..."),
];
