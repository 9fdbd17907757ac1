//! `gpio`: pins D0 to D12 (`docs/behaviour.md` §6.5; gpio manual).
//!
//! What hangs on the pins comes from outside: [`input_changed`] is a button or a wire, [`status`] what a person sees. On the
//! usual boards a lamp hangs on D4 and another on D0, both lit by LOW; D3 has the FLASH button, which pulls it low.
//!
//! `serout` with a short table keeps the processor busy as on the chip, and shows the last level.
//!
//! Left out: `gpio.pulse`, which is not in the default build.

use lua::native::{Answer, Call};
use lua::{Function, StashedFunction, Table};
use trace::{Duration, Kind};

use crate::board::{PinStatus, Wiring};
use crate::callback::Callback;
use crate::chip::Chip;
use crate::module::{Module, constant, function};
use crate::task::Priority;

const PINS: usize = 13;
const INPUT: i64 = 0;
const OUTPUT: i64 = 1;
const INT: i64 = 2;
const OPENDRAIN: i64 = 3;

/// Entries that a `serout` table must stay below.
const DELAYS_MAX: i64 = 256;

/// The module.
pub(crate) const MODULE: Module = Module {
    name: "gpio",
    doc: "Digital pins, D0 to D12.",
    members: &[
        constant("INPUT", INPUT, "Mode of a pin that is read."),
        constant("OUTPUT", OUTPUT, "Mode of a pin that is driven."),
        constant("INT", INT, "Mode of a pin that triggers."),
        constant("OPENDRAIN", OPENDRAIN, "Mode of a pin that is driven low or let go."),
        constant("LOW", 0, "Level of 0 V."),
        constant("HIGH", 1, "Level of 3.3 V."),
        constant("FLOAT", 0, "No resistor on the pin."),
        constant("PULLUP", 1, "A resistor pulls the pin high."),
        function("mode", "(pin, mode, [pullup])", mode, "Sets what a pin does.").parameters(&[
            ("pin", "0 to 12"),
            ("mode", "gpio.INPUT, gpio.OUTPUT, gpio.INT or gpio.OPENDRAIN"),
            ("pullup", "gpio.PULLUP, or gpio.FLOAT as without it"),
        ]),
        function("read", "(pin): level", read, "The level of a pin.").parameters(&[("pin", "0 to 12")]),
        function("write", "(pin, level)", write, "Drives a pin.")
            .parameters(&[("pin", "0 to 12"), ("level", "gpio.HIGH or gpio.LOW")]),
        function("trig", "(pin, [type], [callback])", trig, "Calls a function when the level of a pin changes.")
            .parameters(&[
                ("pin", "1 to 12"),
                ("type", "up, down, both, low, high, or none to stop"),
                ("callback", "called with the level, the time in microseconds and the number of changes"),
            ]),
        function(
            "serout",
            "(pin, level, delays, [cycles], [callback])",
            serout,
            "Drives a pin high and low in a rhythm.",
        )
        .parameters(&[
            ("pin", "0 to 12"),
            ("level", "the first level"),
            ("delays", "microseconds between changes"),
            ("cycles", "how often the rhythm is repeated"),
            ("callback", "called at the end; with it the call returns at once"),
        ]),
    ],
    types: &[],
};

/// What the module keeps.
pub(crate) struct State {
    pins: [Pin; PINS],
}

#[derive(Clone, Default)]
struct Pin {
    mode: i64,
    pullup: bool,
    /// What the board drives.
    output: bool,
    /// What the world drives.
    input: Option<bool>,
    /// Whether the program has done something with it.
    is_used: bool,
    trigger: Option<Trigger>,
    function: Option<StashedFunction>,
    /// Changes that the function has not been told of.
    changes: u32,
    posted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Trigger {
    Up,
    Down,
    Both,
    Low,
    High,
}

impl State {
    /// All pins are inputs after a reset.
    pub(crate) fn new(wiring: &Wiring) -> State {
        let mut pins: [Pin; PINS] = Default::default();
        for (pin, level) in pins.iter_mut().zip(wiring.levels) {
            pin.input = level;
        }
        State { pins }
    }
}

impl Pin {
    fn drives(&self) -> bool {
        self.mode == OUTPUT || (self.mode == OPENDRAIN && !self.output)
    }

    /// The level that a meter would show. Nothing connected reads high: every usual board has resistors that pull up.
    fn level(&self) -> bool {
        if self.drives() { self.output } else { self.input.unwrap_or(true) }
    }
}

/// A pin is driven from outside.
pub(crate) fn input_changed(chip: &Chip, number: u8, high: bool) {
    let mut state = chip.modules.gpio.borrow_mut();
    let Some(pin) = state.pins.get_mut(usize::from(number)) else { return };
    let before = pin.level();
    pin.input = Some(high);
    if pin.level() == before {
        return;
    }
    let record = chip.record(Kind::Pin { pin: number, high });
    if pin.mode == INT && pin.function.is_some() && is_triggered(pin.trigger, high) {
        pin.changes += 1;
        post_trigger(chip, number, pin, Some(record));
    }
}

fn is_triggered(trigger: Option<Trigger>, high: bool) -> bool {
    match trigger {
        Some(Trigger::Both) => true,
        Some(Trigger::Up | Trigger::High) => high,
        Some(Trigger::Down | Trigger::Low) => !high,
        None => false,
    }
}

/// The interrupt posts one task at a time; the task tells of all changes since.
fn post_trigger(chip: &Chip, number: u8, pin: &mut Pin, cause: Option<trace::RecordId>) {
    if pin.posted {
        return;
    }
    let when = chip.uptime().as_micros() & 0x7fff_ffff;
    let due = chip.now();
    let _scope = chip.trace.enter(cause);
    let posted = chip.post(Priority::High, move |chip| {
        let mut state = chip.modules.gpio.borrow_mut();
        let pin = &mut state.pins[usize::from(number)];
        pin.posted = false;
        let level = pin.level();
        let changes = std::mem::take(&mut pin.changes);
        let Some(function) = pin.function.clone() else { return };
        let dialect = chip.dialect();
        let callback = Callback::new(chip, "gpio.trig", function, move |_| {
            [i64::from(level), when as i64, i64::from(changes)].map(|value| dialect.integer(value)).to_vec()
        });
        let callback = callback.caused(chip.trace.current(), due);
        chip.enqueue(callback.then(move |chip| repeat_while_level_lasts(chip, number)));
    });
    pin.posted = posted.is_ok();
}

/// A level trigger goes on as long as the level lasts.
fn repeat_while_level_lasts(chip: &Chip, number: u8) {
    let mut state = chip.modules.gpio.borrow_mut();
    let pin = &mut state.pins[usize::from(number)];
    let lasts = match pin.trigger {
        Some(Trigger::High) => pin.level(),
        Some(Trigger::Low) => !pin.level(),
        _ => false,
    };
    if lasts && pin.function.is_some() {
        pin.changes += 1;
        let cause = chip.trace.current();
        post_trigger(chip, number, pin, cause);
    }
}

/// The pins, for a person.
pub(crate) fn status(chip: &Chip) -> Vec<PinStatus> {
    let state = chip.modules.gpio.borrow();
    let pins = (0u8..).zip(&state.pins).filter(|(_, pin)| pin.is_used || pin.input.is_some());
    pins.map(|(number, pin)| PinStatus {
        pin: number,
        high: pin.level(),
        output: pin.mode == OUTPUT || pin.mode == OPENDRAIN,
    })
    .collect()
}

fn existing_pin(number: i64) -> Option<usize> {
    usize::try_from(number).ok().filter(|pin| *pin < PINS)
}

fn mode<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let number = call.check_integer(1)?;
    let mode = call.check_integer(2)?;
    let pullup = call.opt_integer(3, 0)? != 0;
    let Some(index) = existing_pin(number).filter(|pin| mode != INT || *pin > 0) else {
        return Err(call.argument_error(1, "Invalid pin"));
    };
    if ![INPUT, OUTPUT, INT, OPENDRAIN].contains(&mode) {
        return Err(call.argument_error(2, "wrong arg type"));
    }
    change(chip, index, |pin| {
        pin.mode = mode;
        pin.pullup = pullup;
        if mode != INT {
            pin.function = None;
            pin.trigger = None;
        }
    });
    Ok(call.none())
}

fn read<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let number = call.check_integer(1)?;
    let Some(index) = existing_pin(number) else { return Err(call.error(format!("gpio {number} does not exist"))) };
    let pin = &mut chip.modules.gpio.borrow_mut().pins[index];
    pin.is_used = true;
    let level = pin.level();
    Ok(call.one(call.integer(i64::from(level))))
}

fn write<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let number = call.check_integer(1)?;
    let level = call.check_integer(2)?;
    let Some(index) = existing_pin(number) else { return Err(call.error(format!("gpio {number} does not exist"))) };
    if level != 0 && level != 1 {
        return Err(call.argument_error(2, "wrong level type"));
    }
    change(chip, index, |pin| pin.output = level == 1);
    Ok(call.none())
}

/// Changes a pin and records when its level changed with it.
fn change(chip: &Chip, index: usize, change: impl FnOnce(&mut Pin)) {
    let mut state = chip.modules.gpio.borrow_mut();
    let pin = &mut state.pins[index];
    let before = (pin.level(), pin.drives());
    change(pin);
    pin.is_used = true;
    let after = (pin.level(), pin.drives());
    if before != after && (after.1 || before.0 != after.0) {
        chip.record(Kind::Pin { pin: index as u8, high: after.0 });
    }
}

fn trig<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let number = call.check_integer(1)?;
    let Some(index) = existing_pin(number).filter(|pin| *pin > 0) else {
        return Err(call.argument_error(1, "Invalid interrupt pin"));
    };
    let trigger = match call.check_option(2, Some("none"), &["none", "up", "down", "both", "low", "high"])? {
        1 => Some(Trigger::Up),
        2 => Some(Trigger::Down),
        3 => Some(Trigger::Both),
        4 => Some(Trigger::Low),
        5 => Some(Trigger::High),
        _ => None,
    };
    let function = Function::from_value(call.arg(3)).map(|function| StashedFunction::new(call.ctx(), function));
    let mut state = chip.modules.gpio.borrow_mut();
    let pin = &mut state.pins[index];
    pin.is_used = true;
    pin.changes = 0;
    pin.trigger = trigger;
    match (trigger, function) {
        (None, _) => pin.function = None,
        (Some(_), Some(function)) => pin.function = Some(function),
        (Some(_), None) if call.len() == 2 && pin.function.is_some() => {}
        (Some(_), None) => {
            pin.function = None;
            return Err(call.argument_error(3, "invalid callback type"));
        }
    }
    let lasts = matches!((trigger, pin.level()), (Some(Trigger::High), true) | (Some(Trigger::Low), false));
    if lasts && pin.mode == INT {
        pin.changes += 1;
        let cause = chip.trace.current();
        post_trigger(chip, number as u8, pin, cause);
    }
    Ok(call.none())
}

fn serout<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let number = call.check_integer(1)?;
    let level = call.check_integer(2)?;
    let cycles = call.opt_integer(4, 1)?.max(1) as u64;
    let Some(index) = existing_pin(number) else { return Err(call.argument_error(1, "Invalid pin")) };
    if level != 0 && level != 1 {
        return Err(call.argument_error(2, "Wrong level type"));
    }
    let delays = Table::from_value(call.arg(3)).filter(|delays| delays.length() < DELAYS_MAX);
    let Some(delays) = delays else { return Err(call.argument_error(3, "Invalid delay_times")) };
    let mut cycle_us = 0u64;
    for i in 1..=delays.length() {
        let delay = delays.get(call.ctx(), i).to_number().unwrap_or(0.0);
        cycle_us = cycle_us.saturating_add(delay.clamp(0.0, f64::from(u32::MAX)) as u64);
    }
    let span = Duration::from_micros(cycle_us.saturating_mul(cycles));
    let changes = (delays.length() as u64).saturating_mul(cycles);
    let last = if changes % 2 == 1 { level == 1 } else { level == 0 };
    if call.is_none_or_nil(5) {
        chip.busy_for(span);
        change(chip, index, |pin| pin.output = last);
        return Ok(call.none());
    }
    let function = Function::from_value(call.arg(5)).map(|function| StashedFunction::new(call.ctx(), function));
    chip.after(span, move |chip| {
        change(chip, index, |pin| pin.output = last);
        if let Some(function) = function {
            chip.enqueue(Callback::new(chip, "gpio.serout", function, |_| Vec::new()));
        }
    });
    Ok(call.none())
}
