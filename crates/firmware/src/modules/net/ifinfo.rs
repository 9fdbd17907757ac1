//! `net.ifinfo` (`docs/behaviour.md` §2.5).

use std::net::Ipv4Addr;

use lan::Host;
use lua::Table;
use lua::native::{Answer, Call};
use lua::piccolo::Value;

use super::this::hint;
use crate::chip::Chip;
use crate::modules::wifi;

/// `net.ifinfo([if_index])`: index 0 is the station, 1 the access point.
pub(super) fn ifinfo<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let index = call.opt_integer(1, 0)?;
    let interface = u8::try_from(index).ok().filter(|interface| wifi::interface_exists(chip, *interface));
    let Some(interface) = interface else {
        if chip.is_chip() {
            return Ok(call.none());
        }
        hint(chip, &call, "on a chip: ifinfo of a missing interface returns no value at all");
        return Ok(call.one(Value::Nil));
    };
    let host = chip.host.borrow();
    let table = Table::new(&call.ctx());
    table.set_field(call.ctx(), "hwaddr", call.string(&host.mac(interface).0));
    if let Some(address) = host.address(interface) {
        set_ip(&call, table, "ip", address.ip);
        set_ip(&call, table, "netmask", address.netmask());
        set_ip(&call, table, "gateway", address.gateway.unwrap_or(Ipv4Addr::UNSPECIFIED));
    }
    if let Some(lease) = lease(&call, &host, interface) {
        table.set_field(call.ctx(), "dhcp", lease);
    }
    Ok(call.one(table))
}

/// What the DHCP client knows; present, if empty, as long as there is one.
fn lease<'gc>(call: &Call<'gc, '_>, host: &Host, interface: u8) -> Option<Table<'gc>> {
    if !host.dhcp_active(interface) {
        return None;
    }
    let table = Table::new(&call.ctx());
    if let Some(lease) = host.lease(interface) {
        set_ip(call, table, "server_ip", lease.server);
        set_ip(call, table, "client_ip", lease.address.ip);
        set_ip(call, table, "ntp_server", lease.ntp_server.unwrap_or(Ipv4Addr::UNSPECIFIED));
    }
    Some(table)
}

/// Sets a field; 0.0.0.0 stands for "none".
fn set_ip<'gc>(call: &Call<'gc, '_>, table: Table<'gc>, field: &'static str, ip: Ipv4Addr) {
    if !ip.is_unspecified() {
        table.set_field(call.ctx(), field, call.string(ip.to_string().as_bytes()));
    }
}
