//! A script on the bare engine, as the reference `lua` command runs it.

use std::cell::RefCell;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use lua::piccolo::Value;
use lua::{Dialect, Engine, Options, Step};

use crate::{FAILED, LuaArgument, LuaArguments};

/// Instructions between two chances to flush; any number does.
const FUEL: u32 = 10_000_000;

/// Runs the script.
///
/// # Errors
/// If its file cannot be read.
pub(crate) fn run(arguments: &LuaArguments) -> Result<ExitCode> {
    let source = fs::read(&arguments.file).with_context(|| arguments.file.display().to_string())?;
    let name = arguments.file.display().to_string();
    let out = Rc::new(RefCell::new(BufWriter::new(io::stdout())));
    let mut engine = Engine::new(options(arguments.lua, &out));
    let outcome = execute(&mut engine, &format!("@{name}"), &source, &arguments.arguments);
    out.borrow_mut().flush()?;
    Ok(match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("lua: {message}");
            ExitCode::from(FAILED)
        }
    })
}

fn options(version: LuaArgument, out: &Rc<RefCell<BufWriter<io::Stdout>>>) -> Options {
    let out = Rc::clone(out);
    Options {
        dialect: match version {
            LuaArgument::Lua51 => Dialect::Lua51,
            LuaArgument::Lua53 => Dialect::Lua53,
        },
        full_libraries: true,
        // A closed pipe ends the output, not the script, as with the reference command's print.
        print: Some(Rc::new(move |bytes| drop(out.borrow_mut().write_all(bytes)))),
        read_file: Some(Rc::new(|name| fs::read(name).ok())),
        wall_clock: Some(Rc::new(|| {
            let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
            since_1970.map_or(0.0, |time| time.as_secs_f64())
        })),
        ..Options::default()
    }
}

/// Runs the chunk to its end; the error is the message with its traceback.
fn execute(engine: &mut Engine, chunk: &str, source: &[u8], arguments: &[String]) -> Result<(), String> {
    let function = engine.load(chunk, source).map_err(|error| error.message)?;
    let run = engine.start(&function, |ctx| {
        arguments.iter().map(|argument| Value::String(lua::piccolo::String::from_slice(&ctx, argument))).collect()
    });
    loop {
        let mut fuel = FUEL;
        match engine.step(&run, &mut fuel) {
            Step::OutOfFuel => {}
            Step::Finished => return Ok(()),
            Step::Failed(error) => return Err(format!("{}\n{}", error.message, error.traceback)),
        }
    }
}
