//! `sntp`: asks time servers and sets `rtctime` (sntp manual).
//!
//! Each server is asked up to five times, a second apart; the first answer counts. The firmware asks several servers at once and
//! weighs their answers, which makes no difference with clocks that run true.
//!
//! Left out: leap seconds; `setoffset` is kept and reported.

use std::net::Ipv4Addr;

use lan::{Event, QueryId, parse_ipv4_literal};
use lua::native::{Answer, Call};
use lua::piccolo::{self, Context, Value};
use lua::{Function, StashedFunction, Table};
use trace::{Duration, Endpoint, SocketId};

use crate::alarm::AlarmId;
use crate::callback::Callback;
use crate::chip::Chip;
use crate::module::{Module, function};

const NTP_PORT: u16 = 123;
const NTP_BYTES: usize = 48;

/// Attempts at one server (`MAX_ATTEMPTS`).
const ATTEMPTS_MAX: u32 = 5;

/// How long an attempt waits.
const ATTEMPT_TIME: Duration = Duration::from_secs(1);

/// How often `autorepeat` asks (sntp manual).
const REPEAT_TIME: Duration = Duration::from_secs(1000);

/// Seconds from 1900, where NTP counts from, to 1970.
const SECONDS_1900_TO_1970: i64 = 2_208_988_800;

const DNS_FAILED: i64 = 1;
const SEND_FAILED: i64 = 3;
const TIMED_OUT: i64 = 4;

/// The module.
pub(crate) const MODULE: Module = Module {
    name: "sntp",
    doc: "Sets the time of day from time servers.",
    members: &[
        function("sync", "([server], [callback], [errcallback], [autorepeat])", sync, "Asks for the time.").parameters(
            &[
                (
                    "server",
                    "a name, an address or a table of them; the last one that answered, or a public pool, unless given",
                ),
                ("callback", "called with seconds, microseconds, the server's address and a table of details"),
                ("errcallback", "called with a number (1 name, 3 sending, 4 no answer) and a text"),
                ("autorepeat", "anything but nil to ask again every 1000 s"),
            ],
        ),
        function("setoffset", "([s])", set_offset, "Sets the offset between clock and NTP time.").quiet(),
        function("getoffset", "(): s", get_offset, "The offset between clock and NTP time.").quiet(),
    ],
    types: &[],
};

/// What the module keeps.
#[derive(Default)]
pub(crate) struct State {
    current: Option<Sync>,
    /// The server that answered last.
    last_server: Option<Ipv4Addr>,
    repeat: Option<AlarmId>,
    offset: i64,
}

/// A synchronisation under way.
struct Sync {
    servers: Vec<Vec<u8>>,
    /// The server being asked, an index into `servers`.
    index: usize,
    attempts: u32,
    query: Option<QueryId>,
    address: Option<Ipv4Addr>,
    socket: SocketId,
    timer: Option<AlarmId>,
    settings: Settings,
    /// Whether any name had an address.
    had_address: bool,
    /// Time of the last request, and what it carried to recognise its answer.
    sent: u64,
}

#[derive(Clone)]
struct Settings {
    callback: Option<StashedFunction>,
    error_callback: Option<StashedFunction>,
    repeats: bool,
}

fn sync<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    if chip.modules.sntp.borrow().current.is_some() {
        return Err(call.error("sync in progress"));
    }
    let servers = servers(chip, &call)?;
    let keep = |i| Function::from_value(call.arg(i)).map(|function| StashedFunction::new(call.ctx(), function));
    let settings = Settings { callback: keep(2), error_callback: keep(3), repeats: !call.is_none_or_nil(4) };
    let repeat = chip.modules.sntp.borrow_mut().repeat.take();
    if let Some(repeat) = repeat {
        chip.cancel(repeat);
    }
    begin(chip, servers, settings);
    Ok(call.none())
}

fn servers<'gc>(chip: &Chip, call: &Call<'gc, '_>) -> Result<Vec<Vec<u8>>, lua::Error<'gc>> {
    if let Some(table) = Table::from_value(call.arg(1)) {
        let names = (1..=table.length()).filter_map(|i| call.to_string(table.get(call.ctx(), i)));
        let names: Vec<_> = names.map(|name| name.as_bytes().to_vec()).collect();
        return if names.is_empty() {
            Err(call.error("bad argument #1 to 'sync' (empty server list)"))
        } else {
            Ok(names)
        };
    }
    if let Some(name) = call.opt_string(1)? {
        return Ok(vec![name.as_bytes().to_vec()]);
    }
    Ok(match chip.modules.sntp.borrow().last_server {
        Some(server) => vec![server.to_string().into_bytes()],
        None => (0..4).map(|i| format!("{i}.nodemcu.pool.ntp.org").into_bytes()).collect(),
    })
}

fn begin(chip: &Chip, servers: Vec<Vec<u8>>, settings: Settings) {
    let socket = chip.host.borrow_mut().udp_open();
    let sync = Sync {
        servers,
        index: 0,
        attempts: 0,
        query: None,
        address: None,
        socket,
        timer: None,
        settings,
        had_address: false,
        sent: 0,
    };
    chip.modules.sntp.borrow_mut().current = Some(sync);
    // The outcome never comes within the call.
    chip.at(chip.now(), look_up);
}

/// Looks the current server up, or goes on to the next.
fn look_up(chip: &Chip) {
    let mut state = chip.modules.sntp.borrow_mut();
    let Some(sync) = &mut state.current else { return };
    sync.attempts = 0;
    let Some(name) = sync.servers.get(sync.index).cloned() else {
        let (code, text) = match (sync.had_address, sync.servers.last()) {
            (false, Some(name)) => (DNS_FAILED, Some(name.clone())),
            _ => (TIMED_OUT, None),
        };
        drop(state);
        return fail(chip, code, text);
    };
    if let Some(address) = parse_ipv4_literal(&name) {
        drop(state);
        return ask(chip, address);
    }
    let query = chip.host.borrow_mut().dns_resolve(chip.now(), &name);
    match query {
        Ok(query) => sync.query = Some(query),
        Err(_) => {
            sync.index += 1;
            drop(state);
            look_up(chip);
        }
    }
}

fn ask(chip: &Chip, address: Ipv4Addr) {
    let mut state = chip.modules.sntp.borrow_mut();
    let Some(sync) = &mut state.current else { return };
    sync.had_address = true;
    sync.address = Some(address);
    if sync.attempts >= ATTEMPTS_MAX {
        sync.index += 1;
        drop(state);
        return look_up(chip);
    }
    sync.attempts += 1;
    sync.sent = chip.now().as_micros();
    let mut request = [0; NTP_BYTES];
    // No warning, version 4, client.
    request[0] = 0b00_100_011;
    request[40..].copy_from_slice(&sync.sent.to_be_bytes());
    let socket = sync.socket;
    let sent = chip.host.borrow_mut().udp_send(chip.now(), socket, Endpoint { ip: address, port: NTP_PORT }, &request);
    if sent.is_err() {
        drop(state);
        return fail(chip, SEND_FAILED, None);
    }
    sync.timer = Some(chip.after(ATTEMPT_TIME, move |chip| ask(chip, address)));
}

/// Takes an event of the stack if it belongs to a synchronisation; gives it back otherwise.
pub(crate) fn handle_event(chip: &Chip, event: Event) -> Option<Event> {
    let (query, socket) = {
        let state = chip.modules.sntp.borrow();
        let Some(sync) = &state.current else { return Some(event) };
        (sync.query, sync.socket)
    };
    match event {
        Event::DnsDone { query: answered, ip } if Some(answered) == query => {
            match ip {
                Some(ip) => ask(chip, ip),
                None => {
                    if let Some(sync) = &mut chip.modules.sntp.borrow_mut().current {
                        sync.index += 1;
                    }
                    look_up(chip);
                }
            }
            None
        }
        Event::Datagram { socket: received, data, from, .. } if received == socket => {
            take_answer(chip, &data, from.ip);
            None
        }
        other => Some(other),
    }
}

fn take_answer(chip: &Chip, data: &[u8], from: Ipv4Addr) {
    let Some(sync) = chip.modules.sntp.borrow_mut().current.take_if(|sync| is_answer(sync, data)) else { return };
    let now = chip.now();
    let delay = now.as_micros().saturating_sub(sync.sent) as i64;
    let field = |at: usize| u32::from_be_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
    let seconds = i64::from(field(40)) - SECONDS_1900_TO_1970;
    let micros = ((u64::from(field(44)) * 1_000_000) >> 32) as i64;
    let time = seconds * 1_000_000 + micros + delay / 2;
    let mut clock = chip.modules.clock.get();
    let before = clock.now(now).unwrap_or(0);
    clock.set(now, time);
    chip.modules.clock.set(clock);
    chip.modules.sntp.borrow_mut().last_server = Some(from);
    let details = Details { offset: time - before, delay, stratum: i64::from(data[1]), leap: i64::from(data[0] >> 6) };
    let callback = sync.settings.callback.clone();
    finish(chip, sync);
    if let Some(callback) = callback {
        succeed(chip, callback, time, from, details);
    }
}

fn is_answer(sync: &Sync, data: &[u8]) -> bool {
    const SERVER: u8 = 4;
    data.len() >= NTP_BYTES && data[0] & 7 == SERVER && data[24..32] == sync.sent.to_be_bytes() && data[1] != 0
}

/// What the callback's table says.
#[derive(Clone, Copy)]
struct Details {
    offset: i64,
    delay: i64,
    stratum: i64,
    leap: i64,
}

fn succeed(chip: &Chip, callback: StashedFunction, time: i64, server: Ipv4Addr, details: Details) {
    let dialect = chip.dialect();
    chip.enqueue(Callback::new(chip, "sntp.sync", callback, move |ctx| {
        let info = Table::new(&ctx);
        let (name, offset) = match details.offset.abs() >= 1_000_000 {
            true => ("offset_s", details.offset / 1_000_000),
            false => ("offset_us", details.offset),
        };
        info.set_field(ctx, name, dialect.integer(offset));
        info.set_field(ctx, "delay_us", dialect.integer(details.delay));
        info.set_field(ctx, "stratum", dialect.integer(details.stratum));
        info.set_field(ctx, "leap", dialect.integer(details.leap));
        vec![
            dialect.integer(time.div_euclid(1_000_000)),
            dialect.integer(time.rem_euclid(1_000_000)),
            text(ctx, server.to_string().as_bytes()),
            info.into(),
        ]
    }));
}

fn text<'gc>(ctx: Context<'gc>, bytes: &[u8]) -> Value<'gc> {
    Value::String(piccolo::String::from_slice(&ctx, bytes))
}

fn fail(chip: &Chip, code: i64, detail: Option<Vec<u8>>) {
    let Some(sync) = chip.modules.sntp.borrow_mut().current.take() else { return };
    let callback = sync.settings.error_callback.clone();
    finish(chip, sync);
    let Some(callback) = callback else { return };
    let dialect = chip.dialect();
    chip.enqueue(Callback::new(chip, "sntp.error", callback, move |ctx| {
        let detail = detail.map_or(Value::Nil, |detail| text(ctx, &detail));
        vec![dialect.integer(code), detail]
    }));
}

fn finish(chip: &Chip, sync: Sync) {
    chip.host.borrow_mut().udp_close(chip.now(), sync.socket);
    if let Some(timer) = sync.timer {
        chip.cancel(timer);
    }
    if sync.settings.repeats {
        let repeat = chip.after(REPEAT_TIME, move |chip| {
            chip.modules.sntp.borrow_mut().repeat = None;
            begin(chip, sync.servers, sync.settings);
        });
        chip.modules.sntp.borrow_mut().repeat = Some(repeat);
    }
}

fn set_offset<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let offset = call.opt_integer(1, 0)?;
    chip.modules.sntp.borrow_mut().offset = offset;
    Ok(call.none())
}

fn get_offset<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let offset = chip.modules.sntp.borrow().offset;
    Ok(call.one(call.integer(offset)))
}
