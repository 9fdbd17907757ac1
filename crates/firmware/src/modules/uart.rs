//! `uart`: the serial port (`docs/behaviour.md` §6.5; uart manual).
//!
//! Port 0 is the console. Port 1 can only send and leads nowhere here. Speeds and parity are kept and reported; a console in
//! a page has none.

use lua::native::{Answer, Call};
use lua::piccolo::Value;
use lua::{Function, StashedFunction};

use crate::callback::Callback;
use crate::chip::Chip;
use crate::console::{InputMode, Until};
use crate::limits;
use crate::module::{Module, constant, function};

/// The module.
pub(crate) const MODULE: Module = Module {
    name: "uart",
    doc: "The serial port.",
    members: &[
        constant("STOPBITS_1", 1, "One stop bit."),
        constant("STOPBITS_1_5", 3, "One and a half stop bits."),
        constant("STOPBITS_2", 2, "Two stop bits."),
        constant("PARITY_NONE", 0, "No parity bit."),
        constant("PARITY_EVEN", 1, "Even parity."),
        constant("PARITY_ODD", 2, "Odd parity."),
        constant("DIR_RX", 0, "The receiving buffer."),
        constant("DIR_TX", 1, "The sending buffer."),
        function("on", "(event, [n or char], [callback], [run_input])", on, "Registers a function for what is typed.")
            .parameters(&[
                ("event", "data"),
                (
                    "n or char",
                    "how much the function gets at a time, or the character that ends a piece; needs run_input = 0",
                ),
                ("callback", "called with the text; without it the function registered before is forgotten"),
                ("run_input", "0 to keep the text from the interpreter"),
            ]),
        function("write", "(id, text, ...)", write, "Sends bytes as they are.")
            .parameters(&[("id", "0 or 1"), ("text", "strings, or numbers below 256 for single bytes")]),
        function("setup", "(id, baud, databits, parity, stopbits, [echo]): baud", setup, "Sets speed and format.")
            .parameters(&[
                ("id", "0 or 1"),
                ("baud", "bits a second"),
                ("databits", "5 to 8"),
                ("parity", "uart.PARITY_NONE, uart.PARITY_EVEN or uart.PARITY_ODD"),
                ("stopbits", "uart.STOPBITS_1, uart.STOPBITS_1_5 or uart.STOPBITS_2"),
                ("echo", "0 to stop repeating what is typed"),
            ]),
        function("getconfig", "(id): baud, databits, parity, stopbits", get_config, "Speed and format.")
            .parameters(&[("id", "0 or 1")]),
        function("alt", "(on)", alt, "Moves the port to other pins, which changes nothing here.")
            .parameters(&[("on", "1 for D7 and D8, 0 for the usual pins")]),
        function("fifodepth", "([id], [dir]): bytes", fifo_depth, "Bytes that wait in a buffer.")
            .parameters(&[("id", "0 or 1"), ("dir", "uart.DIR_RX or uart.DIR_TX")]),
    ],
    types: &[],
};

/// What the module keeps.
pub(crate) struct State {
    function: Option<StashedFunction>,
    ports: [Settings; 2],
}

#[derive(Clone, Copy)]
struct Settings {
    baud: i64,
    data_bits: i64,
    parity: i64,
    stop_bits: i64,
}

impl Default for State {
    fn default() -> State {
        let port = Settings { baud: 115_200, data_bits: 8, parity: 0, stop_bits: 1 };
        State { function: None, ports: [port; 2] }
    }
}

/// Typed input for the function of `uart.on`.
pub(crate) fn deliver(chip: &Chip, bytes: &[u8]) {
    let Some(function) = chip.modules.uart.borrow().function.clone() else { return };
    let bytes = bytes.to_vec();
    chip.enqueue(Callback::new(chip, "uart.data", function, move |ctx| {
        vec![Value::String(lua::piccolo::String::from_slice(&ctx, &bytes))]
    }));
}

fn on<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let is_data = call.to_string(call.arg(1)).is_some_and(|event| event.as_bytes() == b"data");
    if !is_data {
        return Err(call.argument_error(1, "method not supported"));
    }
    let (until, next) = match call.arg(2) {
        Value::Integer(_) | Value::Number(_) => {
            let count = call.check_integer(2)?;
            if !(0..limits::CONSOLE_LINE_MAX as i64).contains(&count) {
                return Err(call.argument_error(2, "wrong arg range"));
            }
            (Until::Count(count as usize), 3)
        }
        Value::String(end) => match end.as_bytes() {
            [end] => (Until::Byte(*end), 3),
            _ => return Err(call.error("wrong arg range")),
        },
        // Without a size the firmware ends a piece at its terminator, which is then the zero byte.
        _ => (Until::Byte(0), 2),
    };
    let function = Function::from_value(call.arg(next)).map(|function| StashedFunction::new(call.ctx(), function));
    let is_raw =
        matches!(call.arg(next + 1), Value::Integer(_) | Value::Number(_)) && call.check_integer(next + 1)? == 0;
    chip.console.borrow_mut().mode = match &function {
        Some(_) if is_raw => InputMode::Raw { until: Some(until) },
        Some(_) => InputMode::Lines { callback: true },
        None => InputMode::Lines { callback: false },
    };
    chip.modules.uart.borrow_mut().function = function;
    Ok(call.none())
}

fn check_port<'gc>(call: &Call<'gc, '_>) -> Result<usize, lua::Error<'gc>> {
    match call.check_integer(1)? {
        0 => Ok(0),
        1 => Ok(1),
        id => Err(call.error(format!("uart {id} does not exist"))),
    }
}

fn write<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let port = check_port(&call)?;
    let mut bytes = Vec::new();
    for i in 2..=call.len() {
        match call.arg(i) {
            Value::Integer(_) | Value::Number(_) => match u8::try_from(call.check_integer(i)?) {
                Ok(byte) => bytes.push(byte),
                Err(_) => return Err(call.error("invalid number")),
            },
            Value::String(text) => bytes.extend_from_slice(text.as_bytes()),
            _ => return Err(call.type_error(i, "string")),
        }
    }
    if port == 0 && !bytes.is_empty() {
        chip.print_raw(&bytes);
    }
    Ok(call.none())
}

fn setup<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let port = check_port(&call)?;
    let settings = Settings {
        baud: call.check_integer(2)?,
        data_bits: call.check_integer(3)?,
        parity: call.check_integer(4)?,
        stop_bits: call.check_integer(5)?,
    };
    if let Value::Integer(_) | Value::Number(_) = call.arg(6) {
        chip.console.borrow_mut().echo = call.check_integer(6)? != 0;
    }
    chip.modules.uart.borrow_mut().ports[port] = settings;
    Ok(call.one(call.integer(settings.baud)))
}

fn get_config<'gc>(chip: &Chip, mut call: Call<'gc, '_>) -> Answer<'gc> {
    let port = check_port(&call)?;
    let settings = chip.modules.uart.borrow().ports[port];
    let values =
        [settings.baud, settings.data_bits, settings.parity, settings.stop_bits].map(|value| call.integer(value));
    Ok(call.many(values))
}

fn alt<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    call.check_integer(1)?;
    Ok(call.none())
}

fn fifo_depth<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    if !(0..=1).contains(&call.opt_integer(1, 0)?) {
        return Err(call.argument_error(1, "Bad UART id; must be 0 or 1"));
    }
    if !(0..=1).contains(&call.opt_integer(2, 0)?) {
        return Err(call.argument_error(2, "Bad direction; must be DIR_RX or DIR_TX"));
    }
    Ok(call.one(call.integer(0)))
}
