//! Wall time, for deciding when to give the thread back, and what is left of a panic. Nothing here reaches the
//! simulation.

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::WorkerGlobalScope;

/// A stretch of wall time that may be spent.
pub(crate) struct Budget {
    end_ms: f64,
}

impl Budget {
    /// A budget of `millis` from now.
    pub(crate) fn new(millis: f64) -> Budget {
        Budget { end_ms: now_ms() + millis }
    }

    /// Whether nothing is left.
    pub(crate) fn is_spent(&self) -> bool {
        now_ms() >= self.end_ms
    }
}

/// Milliseconds since the page or worker began; the same property exists in pages, workers and Node.
fn now_ms() -> f64 {
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    scope.performance().map_or_else(js_sys::Date::now, |performance| performance.now())
}

/// Leaves the message of a panic where the page finds it after the instance is lost.
pub(crate) fn note_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.to_string();
        gloo::console::error!(&message);
        // Nothing better can be done if even this fails.
        let _ = Reflect::set(&js_sys::global(), &"playgroundPanic".into(), &JsValue::from_str(&message));
    }));
}
