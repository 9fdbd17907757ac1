//! From a seed to a lab.

use std::fmt::Write as _;

use fastrand::Rng;
use sim::Lab;
use sim::lab::{Behaviour, BoardLab, Faults, FileContent, Input, LinkLab, LuaVersion, TimedInput};

/// End of the storm.
pub(crate) const STORM_MS: u64 = 20_000;
/// Long enough for retransmissions to give up and for every state to time out.
pub(crate) const CALM_MS: u64 = 90_000;
/// Room for the programs, which are larger than a chip's heap allows; running out of memory is not the subject here.
const HEAP_BYTES: u32 = 200_000;

/// Whose link is the way to the internet.
const ROUTER: &str = "router";

const COMMON: &str = include_str!("common.lua");
const SERVER: &str = include_str!("server.lua");
const CLIENT: &str = include_str!("client.lua");

/// The lab of `seed`.
pub(crate) fn lab(seed: u64) -> Lab {
    let mut random = Rng::with_seed(seed);
    let clients = random.usize(1..=3);
    let mut lab = Lab { seed, until_ms: Some((STORM_MS + CALM_MS) as f64), ..Lab::default() };
    lab.boards.push(board("server", &mut random, SERVER, server_settings));
    for client in 0..clients {
        lab.boards.push(board(&format!("client{client}"), &mut random, CLIENT, client_settings));
    }
    for index in 0..lab.boards.len() {
        let name = lab.boards[index].name.clone();
        let link = LinkLab { down: false, to_host: faults(&mut random), from_host: faults(&mut random) };
        lab.links.insert(name.clone(), link);
        if random.u8(..) < 60 {
            trouble(&mut random, &mut lab.inputs, &name);
        }
        lab.inputs.push(timed(STORM_MS, Input::Link { host: name, link: repaired() }));
    }
    if random.u8(..) < 40 {
        // Names get no answer meanwhile.
        cut_for(8_000, random.u64(500..STORM_MS - 9_000), ROUTER, &mut lab.inputs);
    }
    // Stable: what is planned for the same moment stays in the order in which it was planned.
    lab.inputs.sort_by(|one, other| one.at_ms.total_cmp(&other.at_ms));
    lab
}

fn timed(at_ms: u64, input: Input) -> TimedInput {
    TimedInput { at_ms: at_ms as f64, input }
}

/// A board with one of the programs, preceded by the settings it reads.
fn board(name: &str, random: &mut Rng, program: &str, settings: fn(&mut Rng) -> String) -> BoardLab {
    let mut board = BoardLab::new(name);
    board.behaviour = if random.bool() { Behaviour::Manual } else { Behaviour::Chip };
    board.lua = if random.bool() { LuaVersion::Lua51 } else { LuaVersion::Lua53 };
    board.heap_bytes = Some(HEAP_BYTES);
    let is_manual = board.behaviour == Behaviour::Manual;
    let common = format!("MANUAL, STORM_MS = {is_manual}, {STORM_MS}\n{}{COMMON}", settings(random));
    board.files.insert("init.lua".into(), FileContent::Text(format!("{common}{program}")));
    board
}

fn server_settings(random: &mut Rng) -> String {
    let reply = random.u32(1..1_200);
    let hold_ms = if random.u8(..) < 80 { random.u32(50..900) } else { 0 };
    let close_after = random.u32(0..4) * 3_000;
    let closes_inside = random.bool();
    format!("REPLY, HOLD_MS, CLOSE_AFTER, CLOSES_INSIDE = {reply}, {hold_ms}, {close_after}, {closes_inside}\n")
}

fn client_settings(random: &mut Rng) -> String {
    let mut settings = String::from("STEPS = {\n");
    let mut at_ms = 1_500;
    let _ = writeln!(settings, "  {{ {at_ms}, \"open\", 0 }},");
    for _ in 0..random.usize(10..40) {
        at_ms += random.u64(1..1_500);
        if at_ms >= STORM_MS {
            break;
        }
        let (action, number) = match random.u8(0..40) {
            0..=8 => ("open", 0),
            9 => ("again", 0),
            10 => ("elsewhere", random.u16(1..)),
            11..=20 => ("send", random.u16(1..2_900)),
            21..=25 => ("stream", random.u16(2_000..20_000)),
            26..=27 => ("hold", 0),
            28..=29 => ("unhold", 0),
            30..=31 => ("close", 0),
            32 => ("close_inside", 0),
            33 => ("look_up", 0),
            34 => ("resolve", 0),
            35 => ("ping", random.u16(1..4)),
            36..=37 => ("datagram", random.u16(1..1_400)),
            38 => ("leave", 0),
            _ if random.u8(..) < 80 => ("restart", 0),
            _ => ("open", 0),
        };
        // Infallible: writing to a string.
        let _ = writeln!(settings, "  {{ {at_ms}, \"{action}\", {number} }},");
    }
    settings.push_str("}\n");
    settings
}

fn faults(random: &mut Rng) -> Faults {
    let mut share = |most: f64| (random.u8(..) < 128).then(|| random.f64() * most);
    let (loss, duplication, reordering, corruption) = (share(0.25), share(0.2), share(0.2), share(0.1));
    Faults {
        latency_ms: Some(random.u32(1..60).into()),
        jitter_ms: Some(random.u32(0..30).into()),
        rate_kbps: (random.u8(..) < 60).then(|| random.u32(64..2_000).into()),
        queue_bytes_max: None,
        loss,
        duplication,
        reordering,
        corruption,
    }
}

fn repaired() -> LinkLab {
    let good = Faults {
        latency_ms: Some(1.0),
        jitter_ms: Some(0.0),
        rate_kbps: Some(0.0),
        queue_bytes_max: None,
        loss: Some(0.0),
        duplication: Some(0.0),
        reordering: Some(0.0),
        corruption: Some(0.0),
    };
    LinkLab { down: false, to_host: good.clone(), from_host: good }
}

/// A power cut, a reset or a pulled cable.
fn trouble(random: &mut Rng, inputs: &mut Vec<TimedInput>, board: &str) {
    let at_ms = random.u64(3_000..STORM_MS - 5_000);
    let board = board.to_owned();
    match random.u8(0..3) {
        0 => inputs.push(timed(at_ms, Input::Reset { board })),
        1 => {
            inputs.push(timed(at_ms, Input::Power { board: board.clone(), on: false }));
            inputs.push(timed(at_ms + 2_000, Input::Power { board, on: true }));
        }
        _ => cut_for(3_000, at_ms, &board, inputs),
    }
}

/// Pulls a cable at `at_ms` and puts it back `for_ms` later.
fn cut_for(for_ms: u64, at_ms: u64, host: &str, inputs: &mut Vec<TimedInput>) {
    let down = LinkLab { down: true, ..LinkLab::default() };
    inputs.push(timed(at_ms, Input::Link { host: host.to_owned(), link: down }));
    inputs.push(timed(at_ms + for_ms, Input::Link { host: host.to_owned(), link: LinkLab::default() }));
}
