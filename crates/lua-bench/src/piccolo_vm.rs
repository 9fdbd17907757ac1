//! piccolo's own virtual machine, on whose runtime ours is built.

use piccolo::{Closure, Executor, Lua, StashedClosure, Value, Variadic};
use wasm_bindgen::prelude::wasm_bindgen;

/// A program loaded into a piccolo of its own.
#[wasm_bindgen]
pub struct PiccoloVm {
    lua: Lua,
    program: StashedClosure,
}

#[wasm_bindgen]
impl PiccoloVm {
    /// Compiles `source`.
    ///
    /// # Errors
    /// With the compiler's message.
    #[wasm_bindgen(constructor)]
    pub fn new(source: &str) -> Result<PiccoloVm, String> {
        let mut lua = Lua::core();
        let loaded = lua.try_enter(|ctx| Ok(ctx.stash(Closure::load(ctx, Some("program"), source.as_bytes())?)));
        match loaded {
            Ok(program) => Ok(PiccoloVm { lua, program }),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Runs the program once and gives the number that it returns.
    ///
    /// # Errors
    /// With the message of an error in the program, or if it returns no number. Many programs fail: it lacks most libraries.
    pub fn run(&mut self) -> Result<f64, String> {
        let PiccoloVm { lua, program } = self;
        let executor = lua.enter(|ctx| ctx.stash(Executor::start(ctx, ctx.fetch(program).into(), ())));
        lua.finish(&executor);
        let result = lua.try_enter(|ctx| {
            let values = ctx.fetch(&executor).take_result::<Variadic<Vec<Value<'_>>>>(ctx)??;
            Ok(match values.0.first() {
                Some(Value::Integer(integer)) => Some(*integer as f64),
                Some(Value::Number(number)) => Some(*number),
                _ => None,
            })
        });
        match result {
            Ok(Some(number)) => Ok(number),
            Ok(None) => Err("the program returns no number".into()),
            Err(error) => Err(error.to_string()),
        }
    }
}
