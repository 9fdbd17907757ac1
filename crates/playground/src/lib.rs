//! The simulation behind a typed wasm boundary.
//!
//! Conversions only: JavaScript values in, plain structs out. The page pulls: nothing here calls into it. Every method
//! that can fail throws an `Error` with a sentence; none panics.
//!
//! The TypeScript types of all arguments and results are generated from the Rust types: `Lab`, `Report`, `FrameView` and
//! so on, see [`types`] and `sim`.

pub mod types;

use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::*;

/// Converts to the JavaScript form that the generated types describe: `null` for none, plain objects, `Uint8Array`.
fn to_js<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, JsError> {
    let serializer = Serializer::new().serialize_missing_as_null(true).serialize_maps_as_objects(true);
    value.serialize(&serializer).map_err(|error| JsError::new(&error.to_string()))
}

/// The JSON schema of labs.
#[wasm_bindgen(js_name = labSchema)]
pub fn lab_schema() -> String {
    sim::Lab::schema()
}

/// Reads a lab's JSON form and returns it as data, or throws with the path of what is wrong.
///
/// # Errors
/// As [`sim::Lab::from_json`].
#[wasm_bindgen(js_name = parseLab, unchecked_return_type = "Lab")]
pub fn parse_lab(json: &str) -> Result<JsValue, JsError> {
    to_js(&sim::Lab::from_json(json)?)
}
