//! The utf8 library of Lua 5.3.

use piccolo::{Context, Value};

use super::{Member, functions, library};
use crate::{
    Options,
    native::{self, Answer, Call},
};

const MEMBERS: &[Member] =
    &[("char", char), ("codepoint", codepoint), ("codes", codes), ("len", len), ("offset", offset)];

const CODE_MAX: u32 = 0x10_ffff;
/// Most values a native function may return: `LUAI_MAXSTACK` of `luaconf.h`.
const STACK_MAX: i64 = 1_000_000;

/// Declares the library.
pub(crate) fn load(ctx: Context<'_>, options: &Options) {
    if !options.dialect.is_53() {
        return;
    }
    let mut members = functions(ctx, MEMBERS);
    members.push(("charpattern", Value::String(ctx.intern_static(b"[\0-\x7f\xc2-\xf4][\x80-\xbf]*"))));
    library(ctx, options, "utf8", members);
}

/// `utf8.char(...)`
fn char<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let mut out = Vec::new();
    for argument in 1..=call.len() {
        let code = call.check_integer(argument)?;
        match u32::try_from(code) {
            Ok(code) if code <= CODE_MAX => encode(&mut out, code),
            _ => return Err(call.argument_error(argument, "value out of range")),
        }
    }
    Ok(call.one(call.string_from(out)))
}

/// `utf8.codepoint(text [, first [, last]])`
fn codepoint<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let text = call.check_string(1)?.as_bytes();
    let first = absolute(call.opt_integer(2, 1)?, text.len());
    let last = absolute(call.opt_integer(3, first)?, text.len());
    if first < 1 {
        return Err(call.argument_error(2, "out of range"));
    }
    if last > text.len() as i64 {
        return Err(call.argument_error(3, "out of range"));
    }
    if first > last {
        return Ok(call.none());
    }
    if last - first >= STACK_MAX {
        return Err(call.error("stack overflow (string slice too long)"));
    }
    let mut at = first as usize - 1;
    let mut values = Vec::new();
    while at < last as usize {
        let Some((code, length)) = decode(&text[at..]) else { return Err(call.error("invalid UTF-8 code")) };
        values.push(call.integer(i64::from(code)));
        at += length;
    }
    Ok(call.many(values))
}

/// `utf8.len(text [, first [, last]])`
fn len<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let text = call.check_string(1)?.as_bytes();
    let first = absolute(call.opt_integer(2, 1)?, text.len());
    let last = absolute(call.opt_integer(3, -1)?, text.len());
    if first < 1 || first - 1 > text.len() as i64 {
        return Err(call.argument_error(2, "initial position out of string"));
    }
    if last > text.len() as i64 {
        return Err(call.argument_error(3, "final position out of string"));
    }
    call.consume(text.len() / 16);
    let mut at = first - 1;
    let mut count = 0;
    while at < last {
        match decode(&text[at as usize..]) {
            Some((_, length)) => at += length as i64,
            None => return Ok(call.two(Value::Nil, call.integer(at + 1))),
        }
        count += 1;
    }
    Ok(call.one(call.integer(count)))
}

/// `utf8.offset(text, n [, position])`
fn offset<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let text = call.check_string(1)?.as_bytes();
    let mut n = call.check_integer(2)?;
    let default = if n >= 0 { 1 } else { text.len() as i64 + 1 };
    let position = absolute(call.opt_integer(3, default)?, text.len());
    if position < 1 || position - 1 > text.len() as i64 {
        return Err(call.argument_error(3, "position out of range"));
    }
    let mut at = position as usize - 1;
    if n == 0 {
        while at > 0 && is_continuation(text, at) {
            at -= 1;
        }
        return Ok(call.one(call.integer(at as i64 + 1)));
    }
    if is_continuation(text, at) {
        return Err(call.error("initial position is a continuation byte"));
    }
    if n < 0 {
        while n < 0 && at > 0 {
            at -= 1;
            while at > 0 && is_continuation(text, at) {
                at -= 1;
            }
            n += 1;
        }
    } else {
        n -= 1;
        while n > 0 && at < text.len() {
            at += 1;
            while is_continuation(text, at) {
                at += 1;
            }
            n -= 1;
        }
    }
    Ok(call.one(if n == 0 { call.integer(at as i64 + 1) } else { Value::Nil }))
}

/// `utf8.codes(text)`
fn codes<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let text = call.check_string(1)?;
    let step = native::function(call.ctx(), "for iterator", next_code);
    let start = call.integer(0);
    Ok(call.many([step, Value::String(text), start]))
}

fn next_code<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let text = call.check_string(1)?.as_bytes();
    let previous = match call.arg(2) {
        Value::Integer(position) => position,
        _ => 0,
    };
    let mut at = 0;
    if previous > 0 {
        at = usize::try_from(previous).unwrap_or(usize::MAX).min(text.len());
        while is_continuation(text, at) {
            at += 1;
        }
    }
    if at >= text.len() {
        return Ok(call.none());
    }
    match decode(&text[at..]) {
        Some((code, length)) if !is_continuation(text, at + length) => {
            Ok(call.two(call.integer(at as i64 + 1), call.integer(i64::from(code))))
        }
        _ => Err(call.error("invalid UTF-8 code")),
    }
}

/// A position counted from the end if negative; 0 if before the start.
fn absolute(position: i64, length: usize) -> i64 {
    if position >= 0 { position } else { (length as i64 + 1 + position.max(i64::MIN / 2)).max(0) }
}

fn is_continuation(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80)
}

/// The first code of `text` and its length. Surrogates pass, as in the reference; overlong forms do not.
fn decode(text: &[u8]) -> Option<(u32, usize)> {
    /// The smallest code that needs two, three and four bytes.
    const SMALLEST: [u32; 4] = [0, 0x80, 0x800, 0x1_0000];
    let first = u32::from(*text.first()?);
    if first < 0x80 {
        return Some((first, 1));
    }
    let length = (first as u8).leading_ones() as usize;
    if !(2..=4).contains(&length) {
        return None;
    }
    let mut code = first & (0x7f >> length);
    for at in 1..length {
        if !is_continuation(text, at) {
            return None;
        }
        code = code << 6 | u32::from(text[at] & 0x3f);
    }
    (code >= SMALLEST[length - 1] && code <= CODE_MAX).then_some((code, length))
}

fn encode(out: &mut Vec<u8>, code: u32) {
    let continuation = |shift: u32| 0x80 | (code >> shift & 0x3f) as u8;
    match code {
        0..0x80 => out.push(code as u8),
        0x80..0x800 => out.extend([0xc0 | (code >> 6) as u8, continuation(0)]),
        0x800..0x1_0000 => out.extend([0xe0 | (code >> 12) as u8, continuation(6), continuation(0)]),
        _ => out.extend([0xf0 | (code >> 18) as u8, continuation(12), continuation(6), continuation(0)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_survive_encoding() {
        for code in [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd800, 0xffff, 0x1_0000, CODE_MAX] {
            let mut out = Vec::new();
            encode(&mut out, code);
            assert_eq!(decode(&out), Some((code, out.len())));
        }
    }

    #[test]
    fn malformed_text_is_refused() {
        for text in
            [b"\x80".as_slice(), b"\xc0\x80", b"\xc2", b"\xe2\x82", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b""]
        {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
