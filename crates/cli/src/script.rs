//! A script on the bare engine, as the reference `lua` command runs it.

use std::cell::{Cell, RefCell};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use lua::piccolo::Value;
use lua::{Dialect, Engine, Options, Step};

use crate::message::say;
use crate::{FAILED, LuaArgument, LuaArguments};

/// Instructions after which what was printed is shown, at the latest.
const FUEL: u32 = 1_000_000;

/// Standard output, until its reader leaves.
struct Printer {
    out: RefCell<BufWriter<io::Stdout>>,
    is_closed: Cell<bool>,
}

impl Printer {
    fn print(&self, bytes: &[u8]) {
        self.note(self.out.borrow_mut().write_all(bytes));
    }

    fn flush(&self) {
        self.note(self.out.borrow_mut().flush());
    }

    fn note(&self, outcome: io::Result<()>) {
        if outcome.is_err() {
            self.is_closed.set(true);
        }
    }
}

/// Runs the script.
///
/// # Errors
/// If its file cannot be read.
pub(crate) fn run(arguments: &LuaArguments) -> Result<ExitCode> {
    let source = fs::read(&arguments.file).with_context(|| arguments.file.display().to_string())?;
    let name = arguments.file.display().to_string();
    let printer = Rc::new(Printer { out: RefCell::new(BufWriter::new(io::stdout())), is_closed: Cell::new(false) });
    let mut engine = Engine::new(options(arguments.lua, &printer));
    let outcome = execute(&mut engine, &format!("@{name}"), &source, &arguments.arguments, &printer);
    close(&mut engine);
    printer.flush();
    Ok(match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say(format_args!("lua: {message}"));
            ExitCode::from(FAILED)
        }
    })
}

fn options(version: LuaArgument, printer: &Rc<Printer>) -> Options {
    let printer = Rc::clone(printer);
    Options {
        dialect: match version {
            LuaArgument::Lua51 => Dialect::Lua51,
            LuaArgument::Lua53 => Dialect::Lua53,
        },
        full_libraries: true,
        print: Some(Rc::new(move |bytes| printer.print(bytes))),
        read_file: Some(Rc::new(|name| fs::read(name).ok())),
        wall_clock: Some(Rc::new(|| {
            let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
            since_1970.map_or(0.0, |time| time.as_secs_f64())
        })),
        ..Options::default()
    }
}

/// Runs the finalizers that are left.
fn close(engine: &mut Engine) {
    let run = engine.close();
    while let Step::OutOfFuel = engine.step(&run, &mut FUEL.clone()) {}
}

/// Runs the chunk to its end, or until nobody reads what it prints, which ends the reference command too (SIGPIPE). The
/// error is the message with its traceback.
fn execute(
    engine: &mut Engine,
    chunk: &str,
    source: &[u8],
    arguments: &[String],
    printer: &Printer,
) -> Result<(), String> {
    let function = engine.load(chunk, source).map_err(|error| error.message)?;
    let run = engine.start(&function, |ctx| {
        arguments.iter().map(|argument| Value::String(lua::piccolo::String::from_slice(&ctx, argument))).collect()
    });
    loop {
        let mut fuel = FUEL;
        match engine.step(&run, &mut fuel) {
            Step::OutOfFuel => {
                printer.flush();
                if printer.is_closed.get() {
                    return Ok(());
                }
            }
            Step::Finished => return Ok(()),
            Step::Failed(error) => return Err(format!("{}\n{}", error.message, error.traceback)),
        }
    }
}
