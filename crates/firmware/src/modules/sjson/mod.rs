//! `sjson`: JSON to tables and back, whole or piece by piece (sjson manual).
//!
//! Encoding calls functions that it meets, decoding calls the methods of a given metatable; both therefore work in steps that
//! stop where Lua has to run and go on with its result.

mod decode;
mod encode;

use lua::native::{Answer, Call};
use lua::piccolo::{Context, Value};
use lua::{Object, Table, rom};

use crate::chip::Chip;
use crate::module::{Member, MemberValue, Module, ObjectType, constant, function};

/// Levels of nesting unless told otherwise (`DEFAULT_DEPTH`).
const DEPTH: usize = 20;

/// The module.
pub(crate) const MODULE: Module = Module {
    name: "sjson",
    doc: "JSON to tables and back.",
    members: &[
        constant("NULL", 0, "Stands for null in tables.").with_value(MemberValue::Made(null)),
        function("encode", "(table, [options]): text", encode::encode, "A table as JSON.")
            .parameters(&[("table", "what to encode"), ("options", "depth, null")])
            .quiet(),
        function("decode", "(text, [options]): table", decode::decode, "JSON as a table.")
            .parameters(&[("text", "JSON"), ("options", "depth, null, metatable")])
            .quiet(),
        function("encoder", "(table, [options]): encoder", encode::encoder, "Encodes piece by piece.")
            .parameters(&[("table", "what to encode"), ("options", "depth, null")])
            .quiet(),
        function("decoder", "([options]): decoder", decode::decoder, "Decodes piece by piece.")
            .parameters(&[("options", "depth, null, metatable")])
            .quiet(),
    ],
    types: &[
        ObjectType {
            name: "sjson.encoder",
            manual_name: "encoder",
            doc: "An encoder, from sjson.encoder().",
            methods: ENCODER_METHODS,
        },
        ObjectType {
            name: "sjson.decoder",
            manual_name: "decoder",
            doc: "A decoder, from sjson.decoder().",
            methods: DECODER_METHODS,
        },
        ObjectType { name: "sjson.null", manual_name: "null", doc: "The type of sjson.NULL.", methods: &[] },
    ],
};

const ENCODER_METHODS: &[Member] =
    &[function("read", "([size]): text", encode::read, "The next piece; nil at the end.")
        .parameters(&[("size", "most bytes; 1024 unless given")])
        .quiet()];

const DECODER_METHODS: &[Member] = &[
    function("write", "(text): table", decode::write, "Takes more text in; the result when it is complete.")
        .parameters(&[("text", "a piece of JSON")])
        .quiet(),
    function("result", "(): table", decode::result, "The result; an error when it is not complete.").quiet(),
];

/// The payload of `sjson.NULL`.
struct Null;

/// Where the one `sjson.NULL` of an engine is kept.
const NULL_KEY: &str = "sjson.NULL";

/// `sjson.NULL`: made once, at installation.
fn null<'gc>(_: &Chip, ctx: Context<'gc>) -> Value<'gc> {
    let registry = rom::registry(ctx);
    match registry.get(ctx, NULL_KEY) {
        Value::Nil => {
            let null = Object::new(&ctx, Null, None);
            registry.set_field(ctx, NULL_KEY, null);
            null.into()
        }
        null => null,
    }
}

fn is_null(value: Value<'_>) -> bool {
    Object::from_value(value).is_some_and(|object| object.payload::<Null>().is_some())
}

/// The `depth` of an options table at argument `i`.
fn depth_option(call: &Call<'_, '_>, i: usize) -> usize {
    let depth = Table::from_value(call.arg(i)).and_then(|options| options.get(call.ctx(), "depth").to_number());
    match depth.unwrap_or(0.0) as i64 {
        0 => DEPTH,
        depth => depth.clamp(4, 1000) as usize,
    }
}

/// Turns a finished step into the native function's answer, or runs Lua first and goes on with its first result.
fn call_and_go_on<'gc, F>(
    chip: &Chip,
    mut call: Call<'gc, '_>,
    function: Value<'gc>,
    arguments: Vec<Value<'gc>>,
    go_on: F,
) -> Answer<'gc>
where
    F: 'static + FnOnce(&Chip, Call<'gc, '_>) -> Answer<'gc>,
{
    let chip = chip.clone();
    let then = lua::native::then((), move |(), call| go_on(&chip, call));
    Ok(call.call(function, arguments, then))
}
