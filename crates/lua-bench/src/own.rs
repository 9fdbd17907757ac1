//! This project's engine.

use lua::{Dialect, Engine, Options, StashedFunction, Step, piccolo::Value};
use wasm_bindgen::prelude::wasm_bindgen;

/// A program loaded into an engine of its own.
#[wasm_bindgen]
pub struct Own {
    engine: Engine,
    program: StashedFunction,
}

#[wasm_bindgen]
impl Own {
    /// Compiles `source` for Lua 5.3, or else 5.1.
    ///
    /// # Errors
    /// With the compiler's message.
    #[wasm_bindgen(constructor)]
    pub fn new(source: &str, is_53: bool) -> Result<Own, String> {
        let dialect = if is_53 { Dialect::Lua53 } else { Dialect::Lua51 };
        let mut engine = Engine::new(Options { dialect, full_libraries: true, ..Options::default() });
        let program = engine.load("=program", source.as_bytes()).map_err(|error| error.message)?;
        Ok(Own { engine, program })
    }

    /// Runs the program once and gives the number that it returns.
    ///
    /// # Errors
    /// With the message of an error in the program, or if it returns no number.
    pub fn run(&mut self) -> Result<f64, String> {
        let run = self.engine.start(&self.program, |_| Vec::new());
        loop {
            let mut fuel = u32::MAX;
            match self.engine.step(&run, &mut fuel) {
                Step::OutOfFuel => {}
                Step::Failed(error) => return Err(error.message),
                Step::Finished => break,
            }
        }
        self.engine.results(&run, |_, values| match values.first() {
            Some(Value::Integer(integer)) => Ok(*integer as f64),
            Some(Value::Number(number)) => Ok(*number),
            _ => Err("the program returns no number".into()),
        })
    }
}
