//! `net.ping` (`net_ping.c`; `docs/behaviour.md` §2.10).

mod session;

use std::net::Ipv4Addr;

use lan::DnsError;
use lua::native::{Answer, Call};
use lua::piccolo::{String as LuaString, Value};
use lua::{Function, StashedFunction};
use trace::{Kind, Position};

use session::{DATA_BYTES, Reply, Step, Summary, TTL};
pub(super) use session::{IDENTIFIER, Pings};

use super::dns::{self, Lookup, Started};
use super::this::{check_c_string, with_host};
use crate::callback::Callback;
use crate::chip::Chip;
use crate::module::position;

/// What a program gave to `net.ping`.
#[derive(Clone, Debug)]
pub(super) struct Handlers {
    received: StashedFunction,
    summary: Option<StashedFunction>,
    /// The line that pings.
    position: Option<Position>,
}

/// `net.ping(target, [count,] received [, summary])`.
pub(super) fn ping<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let target = check_c_string(&call, 1)?;
    let count_omitted = Function::from_value(call.arg(2)).is_some();
    let count = if count_omitted { 0 } else { call.opt_integer(2, 0)? as u32 };
    let first = if count_omitted { 2 } else { 3 };
    // The firmware counts these two from the top of its stack, and so do its messages.
    let Some(received) = Function::from_value(call.arg(first)) else {
        return Err(call.error("bad argument #-2 to 'ping' (no received callback specified)"));
    };
    let summary = Function::from_value(call.arg(first + 1));
    if summary.is_none() && !call.is_none_or_nil(first + 1) {
        return Err(call.error("bad argument #-1 to 'ping' (invalid sent callback, function expected)"));
    }
    let handlers = Handlers {
        received: StashedFunction::new(call.ctx(), received),
        summary: summary.map(|function| StashedFunction::new(call.ctx(), function)),
        position: position(&call),
    };
    match dns::start(chip, &target, || Lookup::Ping { count, handlers: handlers.clone() }) {
        Ok(Started::Waiting) => {}
        Ok(Started::Literal(ip)) => begin(chip, ip, count, handlers),
        Err(DnsError::IllegalArgument) => return Err(call.error("lwip error -12")),
        Err(DnsError::OutOfMemory) => return Err(call.error("lwip error -1")),
    }
    Ok(call.none())
}

/// The resolver's answer to a ping of a name. Without an address the program hears of it once, and never a summary.
pub(super) fn resolved(chip: &Chip, ip: Option<Ipv4Addr>, count: u32, handlers: Handlers) {
    match ip {
        Some(ip) => begin(chip, ip, count, handlers),
        None => {
            let dialect = chip.dialect();
            let callback = Callback::new(chip, "ping", handlers.received, move |_| vec![dialect.integer(0)]);
            chip.enqueue(callback);
        }
    }
}

/// An echo reply with our identifier.
pub(super) fn replied(chip: &Chip, sequence: u16) {
    let reply = chip.modules.net.borrow_mut().pings.reply(chip.now(), sequence);
    let Some(Reply { target, sequence, round_trip, handlers }) = reply else { return };
    chip.record(Kind::PingEnd { target, seq: sequence, rtt: Some(round_trip) });
    let milliseconds = round_trip.as_millis() as i64;
    tell(chip, handlers.received, target, i64::from(DATA_BYTES), i64::from(sequence), milliseconds);
    schedule(chip);
}

fn begin(chip: &Chip, target: Ipv4Addr, count: u32, handlers: Handlers) {
    let step = chip.modules.net.borrow_mut().pings.start(chip.now(), target, count, handlers);
    perform(chip, step);
    schedule(chip);
}

/// Does one step that is due. What a handler is told comes before the next step, hence one at a time.
fn run_due(chip: &Chip) {
    chip.modules.net.borrow_mut().ping_alarm = None;
    let step = chip.modules.net.borrow_mut().pings.step(chip.now());
    if let Some(step) = step {
        perform(chip, step);
    }
    schedule(chip);
}

fn schedule(chip: &Chip) {
    let (deadline, previous) = {
        let mut net = chip.modules.net.borrow_mut();
        (net.pings.next_deadline(), net.ping_alarm.take())
    };
    if let Some(alarm) = previous {
        chip.cancel(alarm);
    }
    let alarm = deadline.map(|deadline| chip.at(deadline, run_due));
    chip.modules.net.borrow_mut().ping_alarm = alarm;
}

fn perform(chip: &Chip, step: Step<Handlers>) {
    match step {
        Step::Request { target, sequence } => request(chip, target, sequence),
        Step::Lost { target, handlers } => lost(chip, target, handlers),
        Step::Finished { handlers, summary } => finish(chip, handlers, summary),
    }
}

/// Sends one request. A missing route is no error: the request counts as lost a second later.
fn request(chip: &Chip, target: Ipv4Addr, sequence: u16) {
    let data: Vec<u8> = (0..DATA_BYTES as u8).collect();
    let sent = with_host(chip, |host| host.echo_send(chip.now(), target, IDENTIFIER, sequence, TTL, &data));
    if let Err(error) = sent {
        let detail = format!("the echo request to {target} was not sent: {error}");
        chip.record_nothing(trace::Silence::NoRoute, trace::Layer::Icmp, None, detail);
    }
}

/// A request went unanswered: time -1 on a chip, 0 in the manual's sample.
fn lost(chip: &Chip, target: Ipv4Addr, handlers: Handlers) {
    chip.record(Kind::PingEnd { target, seq: 0, rtt: None });
    let time = if chip.is_chip() {
        -1
    } else {
        chip.hint("on a chip: a lost ping is reported with a time of -1", handlers.position.clone());
        0
    };
    tell(chip, handlers.received, target, 0, 0, time);
}

fn tell(chip: &Chip, received: StashedFunction, target: Ipv4Addr, bytes: i64, sequence: i64, milliseconds: i64) {
    let dialect = chip.dialect();
    let callback = Callback::new(chip, "ping", received, move |ctx| {
        let target = LuaString::from_slice(&ctx, target.to_string());
        vec![dialect.integer(bytes), target.into(), dialect.integer(sequence), dialect.integer(milliseconds)]
    });
    chip.enqueue(callback);
}

fn finish(chip: &Chip, handlers: Handlers, summary: Summary) {
    let Some(function) = handlers.summary else { return };
    let dialect = chip.dialect();
    let callback = Callback::new(chip, "ping summary", function, move |ctx| -> Vec<Value<'_>> {
        let target = LuaString::from_slice(&ctx, summary.target.to_string());
        let bytes = i64::from(DATA_BYTES) * i64::from(summary.requests.wrapping_sub(summary.lost));
        vec![
            target.into(),
            dialect.integer(i64::from(summary.requests)),
            dialect.integer(i64::from(summary.lost)),
            dialect.integer(bytes),
            dialect.integer(summary.took.as_millis() as i64),
        ]
    });
    chip.enqueue(callback);
}
