//! `udpsocket:send` (`net_send` for UDP; `docs/behaviour.md` §5.2).

use std::net::Ipv4Addr;

use lan::UdpSendError;
use lua::native::{Answer, Call};
use trace::{Endpoint, Layer, Silence};

use super::object::Slot;
use super::server::open_udp;
use super::this::{This, check_c_string, with_host};
use crate::callback::call_now;
use crate::chip::Chip;
use crate::limits;

/// `udpsocket:send(port, ip, data [, sent])`. The handler of `sent` runs before the call returns, whether the datagram
/// could be sent or not.
pub(super) fn send<'gc>(chip: &Chip, call: Call<'gc, '_>, this: This) -> Answer<'gc> {
    let port = call.check_integer(2)? as u16;
    if port == 0 {
        return Err(call.error("need port"));
    }
    let ip = lan::parse_ipv4_literal(&check_c_string(&call, 3)?).ok_or_else(|| call.error("invalid IP address"))?;
    let data = call.check_string(4)?;
    if data.as_bytes().is_empty() {
        return Err(call.error("no data to send"));
    }
    this.take_handler(chip, &call, Slot::Sent, 5);
    let open = match this.open(chip) {
        Some(open) => open,
        None => {
            let open = open_udp(chip, Ipv4Addr::UNSPECIFIED, 0).map_err(|text| call.error(text))?;
            chip.modules.net.borrow_mut().objects.open(this.id, open);
            chip.call_socket(open.socket());
            this.anchor(chip, &call);
            open
        }
    };
    if chip.heap_free.get() < data.as_bytes().len() + limits::DATAGRAM_BYTES {
        return Err(call.error("cannot allocate message buffer"));
    }
    let remote = Endpoint { ip, port };
    let sent = with_host(chip, |host| host.udp_send(chip.now(), open.socket(), remote, data.as_bytes()));
    if let Err(error) = sent {
        let detail = format!("the datagram was not sent: {error}");
        chip.record_nothing(Silence::SendRefused, Layer::Ip, Some(open.socket()), detail);
    }
    let Some(handler) = this.read(chip, |object| object.handler(Slot::Sent)) else {
        return conclude(&call, sent);
    };
    let arguments = vec![call.arg(1)];
    let function = handler.fetch(call.ctx());
    call_now(chip, call, Slot::Sent.event(), Some(open.socket()), function, arguments, move |_, call| {
        conclude(&call, sent)
    })
}

/// Raises what the stack refused.
fn conclude<'gc>(call: &Call<'gc, '_>, sent: Result<(), UdpSendError>) -> Answer<'gc> {
    match sent {
        Ok(()) => Ok(call.none()),
        Err(error) => Err(call.error(error.to_string())),
    }
}
