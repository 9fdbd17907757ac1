//! The driver in a browser: JavaScript brings the clock and shows the lines. A panic is told on the console.

use js_sys::Function;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Driver;

/// Runs the measurements whose title contains `wanted`. `milliseconds` is a clock without arguments, `tell` takes a line.
#[wasm_bindgen(js_name = run)]
pub fn run_in_worker(milliseconds: &Function, tell: &Function, wanted: &str) {
    std::panic::set_hook(Box::new(|panic| gloo::console::error!(&panic.to_string())));
    let seconds = || {
        let now = milliseconds.call0(&JsValue::NULL).ok().and_then(|now| now.as_f64());
        now.unwrap_or(f64::NAN) / 1000.0
    };
    // A line that cannot be shown is lost, and so it will be missed.
    let tell = |line: &str| drop(tell.call1(&JsValue::NULL, &line.into()));
    crate::run(&Driver { seconds: &seconds, tell: &tell, wanted });
}
