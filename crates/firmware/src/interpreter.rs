//! The interactive interpreter: one line at a time, between events (`docs/behaviour.md` §6.6).
//!
//! Lines come from the serial port and from `node.input`. A chunk that ends too early waits for more lines behind the
//! prompt `>> `; the globals `_PROMPT` and `_PROMPT2` replace the prompts.

use lua::piccolo::Value;
use lua::{Function, Run, RuntimeError, StashedFunction, rom};

use crate::console::{InputMode, Typed};
use crate::crash;
use crate::machine::{Machine, Purpose};
use crate::modules;

/// Works through typed characters up to the end of a line. Returns whether there were any.
pub(crate) fn read_typed(machine: &mut Machine) -> bool {
    let chip = &machine.chip;
    let mut echoed = Vec::new();
    let (typed, mode) = {
        let mut console = chip.console.borrow_mut();
        if !console.has_received() {
            return false;
        }
        (console.read(&mut echoed), console.mode.clone())
    };
    if !echoed.is_empty() {
        chip.print_raw(&echoed);
    }
    match typed {
        Some(Typed::Line(line)) => {
            if mode == (InputMode::Lines { callback: true }) {
                modules::uart::deliver(chip, &line);
            }
            if line.is_empty() {
                let prompt = chip.console.borrow().prompt.clone();
                chip.print_raw(&prompt);
            } else {
                chip.console.borrow_mut().lines.push_back(line);
            }
        }
        Some(Typed::Piece(piece)) => modules::uart::deliver(chip, &piece),
        None => {}
    }
    true
}

/// Runs the next line, if one waits. Returns whether there was one.
pub(crate) fn read_line(machine: &mut Machine) -> bool {
    let source = {
        let mut console = machine.chip.console.borrow_mut();
        let Some(line) = console.lines.pop_front() else { return false };
        match (console.pending.take(), line.as_slice()) {
            (Some(mut pending), line) => {
                pending.push(b'\n');
                pending.extend_from_slice(line);
                pending
            }
            (None, [b'=', expression @ ..]) => [b"return ", expression].concat(),
            (None, line) => line.to_vec(),
        }
    };
    match machine.engine.load("=stdin", &source) {
        Ok(function) => {
            let run = machine.engine.start(&function, |_| Vec::new());
            machine.begin(run, None, Purpose::Chunk);
        }
        Err(error) if error.incomplete => {
            machine.chip.console.borrow_mut().pending = Some(source);
            prompt(machine);
        }
        Err(error) => {
            machine.chip.print(format!("Lua error: \t{}\n", error.message).as_bytes());
            prompt(machine);
        }
    }
    true
}

/// Prints what a chunk returned, by the program's own `print`, then the prompt.
pub(crate) fn print_results(machine: &mut Machine, run: &Run) {
    let print = machine.engine.results(run, |ctx, results| {
        let print = Function::from_value(rom::global(ctx, "print"))?;
        (!results.is_empty()).then(|| {
            let results: Vec<_> = results.into_iter().map(|value| lua::stash(ctx, value)).collect();
            (StashedFunction::new(ctx, print), results)
        })
    });
    match print {
        Some((print, results)) => {
            let run = machine.engine.start(&print, |ctx| results.iter().map(|value| lua::fetch(ctx, value)).collect());
            machine.begin(run, None, Purpose::Results);
        }
        None => prompt(machine),
    }
}

/// `print` itself failed.
pub(crate) fn results_failed(machine: &mut Machine, error: &RuntimeError) {
    machine.chip.print_raw(format!("error calling 'print' ({})\n", error.message).as_bytes());
    prompt(machine);
}

/// A chunk failed.
pub(crate) fn print_error(machine: &mut Machine, error: &RuntimeError) {
    machine.chip.print(format!("Lua error: \t{}", crash::text_with_traceback(error)).as_bytes());
    prompt(machine);
}

/// Prints the prompt.
pub(crate) fn prompt(machine: &mut Machine) {
    let is_continued = machine.chip.console.borrow().pending.is_some();
    let (global, default) = if is_continued { ("_PROMPT2", ">> ") } else { ("_PROMPT", "> ") };
    let prompt = machine.engine.enter(|ctx| match rom::global(ctx, global) {
        Value::String(text) => text.as_bytes().to_vec(),
        _ => default.as_bytes().to_vec(),
    });
    machine.chip.print(&prompt);
    machine.chip.console.borrow_mut().prompt = prompt;
}
