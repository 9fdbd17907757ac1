//! `encoder`: bytes as base64 and hexadecimal text and back (encoder manual).

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use lua::native::{Answer, Call};

use crate::chip::Chip;
use crate::module::{Module, function};

const TEXT: &[(&str, &str)] = &[("text", "any bytes")];

/// The module.
pub(crate) const MODULE: Module = Module {
    name: "encoder",
    doc: "Base64 and hexadecimal text.",
    members: &[
        function("toBase64", "(text): text", to_base64, "Bytes as base64.").parameters(TEXT).quiet(),
        function("fromBase64", "(text): text", from_base64, "The bytes of base64 text.").parameters(TEXT).quiet(),
        function("toHex", "(text): text", to_hex, "Bytes as hexadecimal digits.").parameters(TEXT).quiet(),
        function("fromHex", "(text): text", from_hex, "The bytes of hexadecimal digits.").parameters(TEXT).quiet(),
    ],
    types: &[],
};

/// The firmware does not look at the bits that padding leaves over.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

pub(super) fn to_base64<'gc>(_: &Chip, mut call: Call<'gc, '_>) -> Answer<'gc> {
    let bytes = call.check_string(1)?.as_bytes();
    call.reserve(bytes.len() / 3 * 4 + 4)?;
    Ok(call.one(call.string_from(STANDARD.encode(bytes).into_bytes())))
}

fn from_base64<'gc>(_: &Chip, mut call: Call<'gc, '_>) -> Answer<'gc> {
    let text = call.check_string(1)?.as_bytes();
    call.reserve(text.len())?;
    match LENIENT.decode(text) {
        Ok(bytes) => Ok(call.one(call.string_from(bytes))),
        Err(_) => Err(call.error("Invalid base64 string")),
    }
}

pub(super) fn to_hex<'gc>(_: &Chip, mut call: Call<'gc, '_>) -> Answer<'gc> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bytes = call.check_string(1)?.as_bytes();
    call.reserve(bytes.len() * 2)?;
    let text = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)]).collect();
    Ok(call.one(call.string_from(text)))
}

fn from_hex<'gc>(_: &Chip, mut call: Call<'gc, '_>) -> Answer<'gc> {
    let text = call.check_string(1)?.as_bytes();
    call.reserve(text.len())?;
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let bytes: Option<Vec<u8>> = text
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect();
    match bytes {
        Some(bytes) => Ok(call.one(call.string_from(bytes))),
        None => Err(call.error("Invalid hex string")),
    }
}
