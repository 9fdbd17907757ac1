//! `net.multicastJoin`, `net.multicastLeave` (`docs/behaviour.md` §2.6).

use std::net::Ipv4Addr;

use lan::{Host, MulticastError};
use lua::native::{Answer, Call, Error};
use trace::{Instant, Layer, Silence};

use super::this::{c_string, with_host};
use crate::chip::Chip;

/// How many characters an address has.
const ADDRESS_LENGTHS: std::ops::RangeInclusive<usize> = 7..=15;

type Change = fn(&mut Host, Instant, Ipv4Addr, Ipv4Addr) -> Result<(), MulticastError>;

/// `net.multicastJoin(if_ip, multicast_ip)`.
pub(super) fn join<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    change(chip, &call, Host::join_group)
}

/// `net.multicastLeave(if_ip, multicast_ip)`.
pub(super) fn leave<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    change(chip, &call, Host::leave_group)
}

/// Joins or leaves. What the stack refuses is not reported to the program.
fn change<'gc>(chip: &Chip, call: &Call<'gc, '_>, change: Change) -> Answer<'gc> {
    let mut interface = check_text(call, 1)?;
    if interface.is_empty() || interface.eq_ignore_ascii_case(b"any") {
        interface = b"0.0.0.0".to_vec();
    }
    if !ADDRESS_LENGTHS.contains(&interface.len()) {
        return Err(call.error("invalid if ip"));
    }
    let group = check_text(call, 2)?;
    if !ADDRESS_LENGTHS.contains(&group.len()) {
        return Err(call.error("invalid multicast ip"));
    }
    let interface = address(&interface);
    let group = address(&group);
    if let Err(error) = with_host(chip, |host| change(host, chip.now(), interface, group)) {
        chip.record_nothing(Silence::Other, Layer::Ip, None, format!("{group} on {interface}: {error}"));
    }
    Ok(call.none())
}

fn check_text<'gc>(call: &Call<'gc, '_>, index: usize) -> Result<Vec<u8>, Error<'gc>> {
    c_string(call, index).ok_or_else(|| call.error("wrong arg type"))
}

/// What is no address becomes `ipaddr_addr`'s mark of failure, which is no group and nobody's interface.
fn address(text: &[u8]) -> Ipv4Addr {
    lan::parse_ipv4_literal(text).unwrap_or(Ipv4Addr::BROADCAST)
}
