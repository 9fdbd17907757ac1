//! The way to the part of the module that a page fetches later.
//!
//! The build can leave what the first run does not need to a second module (`crates/xtask/src/split.rs`). Whoever uses the first one
//! defines `globalThis.playgroundRest`, which instantiates the second with the first one's exports, waiting for it if need be. In the
//! undivided module nothing calls it.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = globalThis, js_name = playgroundRest)]
    fn playground_rest();
}

/// Brings in the rest of the module now, so that no later call waits for it.
#[wasm_bindgen(js_name = loadRest)]
pub fn load_rest() {
    playground_rest();
}
