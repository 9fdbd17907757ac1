//! Runs a script on the bare engine with the full libraries: `run FILE [5.1|5.3]`.

#![allow(clippy::disallowed_methods)] // A program at the edge reads files.

use std::rc::Rc;

use lua::{Dialect, Engine, Options, Step};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().expect("a file");
    let version = arguments.next().unwrap_or_else(|| "5.1".into());
    let source = std::fs::read(&file).expect("a readable file");
    let options = Options {
        dialect: if version == "5.3" { Dialect::Lua53 } else { Dialect::Lua51 },
        full_libraries: true,
        print: Some(Rc::new(|text: &[u8]| {
            use std::io::Write;
            std::io::stdout().write_all(text).expect("standard output");
        })),
        read_file: Some(Rc::new(|name: &str| std::fs::read(name).ok())),
        ..Options::default()
    };
    let mut engine = Engine::new(options);
    let function = match engine.load(&format!("@{file}"), &source) {
        Ok(function) => function,
        Err(error) => {
            eprintln!("lua: {}", error.message);
            std::process::exit(1);
        }
    };
    let run = engine.start(&function, |_| Vec::new());
    loop {
        let mut fuel = u32::MAX;
        match engine.step(&run, &mut fuel) {
            Step::OutOfFuel => {}
            Step::Finished => break,
            Step::Failed(error) => {
                eprintln!("lua: {}\n{}", error.message, error.traceback);
                std::process::exit(1);
            }
        }
    }
}
