//! `server:listen` and, sharing its argument scan, `udpsocket:listen` (`net_listen`; `docs/behaviour.md` §3.1, §5.1).

use std::net::Ipv4Addr;

use lua::native::{Answer, Call};
use trace::SocketId;

use super::object::{ObjectKind, Open, Slot};
use super::this::{This, c_string, number, with_host};
use crate::chip::Chip;
use crate::limits;

/// The heap has no room for what lwIP keeps of a connection, a listener or a socket.
pub(super) const NO_BLOCK: &str = "cannot allocate PCB";

/// `server:listen([port,] [ip,] callback)` and `udpsocket:listen([port,] [ip])`.
pub(super) fn listen<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let this = This::of(chip, &call, &[ObjectKind::Server, ObjectKind::Udp])?;
    if this.open(chip).is_some() {
        return Err(call.error("already listening"));
    }
    // A number or numeric string is the port; nil takes no place, so that `listen(80, nil, f)` finds no callback.
    let mut index = 2;
    let port = number(&call, index);
    index += usize::from(port.is_some());
    let port = port.unwrap_or(0) as u16;
    let ip = match c_string(&call, index) {
        Some(text) => {
            index += 1;
            lan::parse_ipv4_literal(&text).ok_or_else(|| call.error("invalid IP address"))?
        }
        None => Ipv4Addr::UNSPECIFIED,
    };
    // The callback replaces an earlier one even when the port turns out to be taken.
    if this.kind == ObjectKind::Server && !this.take_handler(chip, &call, Slot::Accept, index) {
        return Err(call.error("need callback"));
    }
    let opened = match this.kind {
        ObjectKind::Server => open_listener(chip, ip, port),
        _ => open_udp(chip, ip, port),
    };
    let open = opened.map_err(|text| call.error(text))?;
    chip.modules.net.borrow_mut().objects.open(this.id, open);
    chip.call_socket(open.socket());
    this.anchor(chip, &call);
    Ok(call.none())
}

fn open_listener(chip: &Chip, ip: Ipv4Addr, port: u16) -> Result<Open, String> {
    with_host(chip, |host| {
        if !host.tcp_make_room(chip.now()) {
            return Err(NO_BLOCK.to_owned());
        }
        host.tcp_listen(chip.now(), ip, port).map(Open::Listener).map_err(|error| error.to_string())
    })
}

/// A bound UDP socket; port 0 is the first free one.
pub(super) fn open_udp(chip: &Chip, ip: Ipv4Addr, port: u16) -> Result<Open, String> {
    if chip.heap_free.get() < limits::UDP_BLOCK_BYTES {
        return Err(NO_BLOCK.to_owned());
    }
    with_host(chip, |host| {
        let socket: SocketId = host.udp_open();
        match host.udp_bind(chip.now(), socket, ip, port) {
            Ok(()) => Ok(Open::Udp(socket)),
            Err(error) => {
                host.udp_close(chip.now(), socket);
                Err(error.to_string())
            }
        }
    })
}
