//! The string library and the metatable of strings.
//!
//! `gsub`, `gmatch` and 5.3's `format` may call Lua functions, and any pattern may run long: such work is kept in a
//! continuation that goes on when the function returns or when there is fuel again. `string.dump` is the compiler's.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    rc::Rc,
};

use gc_arena::Collect;
use piccolo::{Context, String, Value};

use super::{
    Member,
    format::{Directive, to_long_long, to_unsigned_long_long, write_quoted, write_quoted_float},
    functions, library, pack,
    pattern::{Captured, Match, PatternError, PatternRules, Progress, Search, find_plain, has_no_specials},
};
use crate::{
    Dialect, Kind, Options, Table,
    native::{self, Answer, Call, Continuation, Error, Lookup, then},
    number, type_name,
};

/// `LUAI_MAXCSTACK` of 5.1's `luaconf.h`: most values one native function may have on its stack.
const STACK_MAX_51: usize = 8000;
/// `LUAI_MAXSTACK` of 5.3's `luaconf.h`, less what the reference keeps in reserve.
const STACK_MAX_53: usize = 999_980;
/// `MAXSIZE` of 5.3's `lstrlib.c`.
const SIZE_MAX: usize = i32::MAX as usize;
/// Steps of the matcher before the fuel is looked at.
const SLICE: i64 = 20_000;
/// Steps of the matcher that take as long as one instruction.
const STEPS_PER_INSTRUCTION: i64 = 4;

const COMMON: &[Member] = &[
    ("byte", byte),
    ("char", char),
    ("find", find),
    ("format", format),
    ("gmatch", gmatch),
    ("gsub", gsub),
    ("len", len),
    ("lower", lower),
    ("match", match_),
    ("rep", rep),
    ("reverse", reverse),
    ("sub", sub),
    ("upper", upper),
];
const ONLY_51: &[Member] = &[("gfind", gmatch)];
const ONLY_53: &[Member] = &[("pack", pack::pack), ("packsize", pack::packsize), ("unpack", pack::unpack)];

/// Declares the library and gives strings their methods.
pub(crate) fn load(ctx: Context<'_>, options: &Options) {
    let mut members = functions(ctx, COMMON);
    members.extend(functions(ctx, if options.dialect.is_53() { ONLY_53 } else { ONLY_51 }));
    let table = library(ctx, options, "string", members);
    let metatable = Table::new(&ctx);
    metatable.set_field(ctx, "__index", table);
    metatable.set_field(ctx, "__mod", native::function(ctx, "__mod", format_operator));
    crate::shared::Shared::of(ctx).set_string_metatable(ctx, Some(metatable));
}

fn rules(dialect: Dialect) -> PatternRules {
    match dialect {
        Dialect::Lua51 => PatternRules::Lua51,
        Dialect::Lua53 => PatternRules::Lua53,
    }
}

/// A position counted from the end if negative; 0 if before the start.
fn absolute(position: i64, length: usize) -> i64 {
    if position >= 0 { position } else { (length as i64 + 1 + position.max(i64::MIN / 2)).max(0) }
}

/// `string.len(s)`
fn len<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let length = call.check_string(1)?.as_bytes().len();
    Ok(call.one(call.integer(length as i64)))
}

/// `string.sub(s, first [, last])`
fn sub<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let text = call.check_string(1)?;
    let bytes = text.as_bytes();
    let first = absolute(call.check_integer(2)?, bytes.len()).max(1);
    let last = absolute(call.opt_integer(3, -1)?, bytes.len()).min(bytes.len() as i64);
    if first > last {
        return Ok(call.one(call.string(b"")));
    }
    if first == 1 && last == bytes.len() as i64 {
        return Ok(call.one(text));
    }
    Ok(call.one(call.string(&bytes[first as usize - 1..last as usize])))
}

/// `string.reverse(s)`
fn reverse<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    mapped(&mut call, |bytes| bytes.reverse())
}

/// `string.lower(s)`
fn lower<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    mapped(&mut call, |bytes| bytes.make_ascii_lowercase())
}

/// `string.upper(s)`
fn upper<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    mapped(&mut call, |bytes| bytes.make_ascii_uppercase())
}

fn mapped<'gc>(call: &mut Call<'gc, '_>, change: fn(&mut [u8])) -> Answer<'gc> {
    let text = call.check_string(1)?.as_bytes();
    call.reserve(text.len())?;
    call.consume(text.len() / 16);
    let mut bytes = text.to_vec();
    change(&mut bytes);
    Ok(call.one(call.string_from(bytes)))
}

/// `string.rep(s, n [, separator])`; 5.1 has no separator.
fn rep<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let text = call.check_string(1)?.as_bytes();
    let count = call.check_integer(2)?;
    let is_53 = call.dialect().is_53();
    let separator = match is_53 {
        true => call.opt_string(3)?.map(|text| text.as_bytes()).unwrap_or_default(),
        false => b"",
    };
    // 5.1 takes the count as a C int.
    let count = usize::try_from(if is_53 { count } else { i64::from(count as i32) }).unwrap_or(0);
    if count == 0 || text.len() + separator.len() == 0 {
        return Ok(call.one(call.string(b"")));
    }
    if text.len() + separator.len() > SIZE_MAX / count {
        return Err(if is_53 {
            call.error("resulting string too large")
        } else {
            call.plain_error("not enough memory")
        });
    }
    let length = text.len() * count + separator.len() * (count - 1);
    call.reserve(length)?;
    call.consume(length / 64);
    let mut out = Vec::with_capacity(length);
    out.extend_from_slice(text);
    if separator.is_empty() {
        // Doubling copies few large pieces instead of many small ones.
        while out.len() < length {
            let more = out.len().min(length - out.len());
            out.extend_from_within(..more);
        }
    } else {
        for _ in 1..count {
            out.extend_from_slice(separator);
            out.extend_from_slice(text);
        }
    }
    Ok(call.one(call.string_from(out)))
}

/// `string.byte(s [, first [, last]])`
fn byte<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let bytes = call.check_string(1)?.as_bytes();
    let first = absolute(call.opt_integer(2, 1)?, bytes.len());
    let last = absolute(call.opt_integer(3, first)?, bytes.len()).min(bytes.len() as i64);
    let first = first.max(1);
    if first > last {
        return Ok(call.none());
    }
    let slice = &bytes[first as usize - 1..last as usize];
    if let [single] = slice {
        return Ok(call.one(call.integer(i64::from(*single))));
    }
    let stack_max = if call.dialect().is_53() { STACK_MAX_53 } else { STACK_MAX_51 };
    if slice.len() + call.len() > stack_max {
        return Err(call.error("stack overflow (string slice too long)"));
    }
    call.consume(slice.len() / 4);
    let dialect = call.dialect();
    Ok(call.many(slice.iter().map(|&byte| dialect.integer(i64::from(byte)))))
}

/// `string.char(...)`
fn char<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let mut out = Vec::with_capacity(call.len());
    for argument in 1..=call.len() {
        let code = call.check_integer(argument)?;
        let Ok(byte) = u8::try_from(code) else {
            let text = if call.dialect().is_53() { "value out of range" } else { "invalid value" };
            return Err(call.argument_error(argument, text));
        };
        out.push(byte);
    }
    Ok(call.one(call.string_from(out)))
}

// Patterns.

/// A search with the strings it works on.
#[derive(Collect)]
#[collect(no_drop)]
struct Matching<'gc> {
    subject: String<'gc>,
    pattern: String<'gc>,
    #[collect(require_static)]
    search: Search,
}

impl<'gc> Matching<'gc> {
    /// Searches on, at most for a slice.
    fn advance(&mut self, call: &mut Call<'gc, '_>) -> Result<Progress, Error<'gc>> {
        let (subject, pattern) = (self.subject.as_bytes(), self.pattern.as_bytes());
        advance(&mut self.search, subject, pattern, call)
    }

    fn captured(&self, call: &Call<'gc, '_>, found: Match, index: usize) -> Result<Value<'gc>, Error<'gc>> {
        captured(&self.search, self.subject.as_bytes(), call, found, index)
    }
}

fn advance<'gc>(
    search: &mut Search,
    subject: &[u8],
    pattern: &[u8],
    call: &mut Call<'gc, '_>,
) -> Result<Progress, Error<'gc>> {
    let mut steps = SLICE;
    let progress = search.advance(subject, pattern, &mut steps);
    call.consume(((SLICE - steps) / STEPS_PER_INSTRUCTION) as usize);
    progress.map_err(|error| pattern_error(call, error))
}

fn captured<'gc>(
    search: &Search,
    subject: &[u8],
    call: &Call<'gc, '_>,
    found: Match,
    index: usize,
) -> Result<Value<'gc>, Error<'gc>> {
    match search.captured(found, index) {
        Ok(Captured::Slice { start, end }) => Ok(call.string(&subject[start..end])),
        Ok(Captured::Position(offset)) => Ok(call.integer(offset as i64 + 1)),
        Err(error) => Err(pattern_error(call, error)),
    }
}

fn pattern_error<'gc>(call: &Call<'gc, '_>, error: PatternError) -> Error<'gc> {
    call.error(error.message(rules(call.dialect())))
}

/// `string.find(s, pattern [, init [, plain]])`
fn find<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let subject = call.check_string(1)?;
    let pattern = call.check_string(2)?;
    let Some(start) = start_of_search(&call, subject)? else { return Ok(call.one(Value::Nil)) };
    if call.arg(4).to_bool() || has_no_specials(pattern.as_bytes(), rules(call.dialect())) {
        let (bytes, needle) = (subject.as_bytes(), pattern.as_bytes());
        call.consume(bytes.len() / 64);
        return Ok(match find_plain(bytes, needle, start) {
            Some(at) => call.two(call.integer(at as i64 + 1), call.integer((at + needle.len()) as i64)),
            None => call.one(Value::Nil),
        });
    }
    first_match(&mut call, subject, pattern, start, true)
}

/// `string.match(s, pattern [, init])`
fn match_<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let subject = call.check_string(1)?;
    let pattern = call.check_string(2)?;
    let Some(start) = start_of_search(&call, subject)? else { return Ok(call.one(Value::Nil)) };
    first_match(&mut call, subject, pattern, start, false)
}

/// Where the search begins, from argument 3; `None` if 5.3 finds it beyond the end.
fn start_of_search<'gc>(call: &Call<'gc, '_>, subject: String<'gc>) -> Result<Option<usize>, Error<'gc>> {
    let length = subject.as_bytes().len();
    let start = absolute(call.opt_integer(3, 1)?, length).max(1) as usize - 1;
    Ok(match call.dialect() {
        Dialect::Lua51 => Some(start.min(length)),
        Dialect::Lua53 => (start <= length).then_some(start),
    })
}

fn first_match<'gc>(
    call: &mut Call<'gc, '_>,
    subject: String<'gc>,
    pattern: String<'gc>,
    start: usize,
    positions: bool,
) -> Answer<'gc> {
    let search = Search::new(pattern.as_bytes(), start, true, rules(call.dialect()));
    continue_first_match(call, Matching { subject, pattern, search }, positions)
}

fn continue_first_match<'gc>(call: &mut Call<'gc, '_>, mut matching: Matching<'gc>, positions: bool) -> Answer<'gc> {
    let found = match matching.advance(call)? {
        Progress::Found(found) => found,
        Progress::NotFound => return Ok(call.one(Value::Nil)),
        Progress::Suspended => {
            let go_on = then(matching, move |matching, mut call| continue_first_match(&mut call, matching, positions));
            return Ok(call.again(go_on));
        }
    };
    if positions {
        let (first, last) = (call.integer(found.start as i64 + 1), call.integer(found.end as i64));
        if matching.search.capture_count() == 0 {
            return Ok(call.two(first, last));
        }
        let mut values = vec![first, last];
        for index in 0..matching.search.capture_count() {
            values.push(matching.captured(call, found, index)?);
        }
        return Ok(call.many(values));
    }
    captures(call, &matching.search, subject_of(&matching), found)
}

fn subject_of<'gc>(matching: &Matching<'gc>) -> &'gc [u8] {
    matching.subject.as_bytes()
}

/// The captures of a match as results, or the whole match if there are none.
fn captures<'gc>(call: &mut Call<'gc, '_>, search: &Search, subject: &[u8], found: Match) -> Answer<'gc> {
    if search.value_count() == 1 {
        return Ok(call.one(captured(search, subject, call, found, 0)?));
    }
    let mut values = Vec::with_capacity(search.value_count());
    for index in 0..search.value_count() {
        values.push(captured(search, subject, call, found, index)?);
    }
    Ok(call.many(values))
}

/// `string.gmatch(s, pattern)`: an iterator over all matches.
fn gmatch<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let subject = call.check_string(1)?;
    let pattern = call.check_string(2)?;
    let search = Search::new(pattern.as_bytes(), 0, false, rules(call.dialect()));
    let search = Rc::new(RefCell::new(search));
    let values = vec![subject.into(), pattern.into()];
    let step = native::function_with(call.ctx(), "gmatch_aux", values, move |mut call| {
        match (call.upvalue(0), call.upvalue(1)) {
            (Value::String(subject), Value::String(pattern)) => next_match(&mut call, subject, pattern, &search),
            _ => Ok(call.none()),
        }
    });
    Ok(call.one(step))
}

fn next_match<'gc>(
    call: &mut Call<'gc, '_>,
    subject: String<'gc>,
    pattern: String<'gc>,
    search: &Rc<RefCell<Search>>,
) -> Answer<'gc> {
    let progress = advance(&mut search.borrow_mut(), subject.as_bytes(), pattern.as_bytes(), call)?;
    match progress {
        Progress::Found(found) => captures(call, &search.borrow(), subject.as_bytes(), found),
        Progress::NotFound => Ok(call.none()),
        Progress::Suspended => {
            let search = Rc::clone(search);
            let go_on = then((subject, pattern), move |(subject, pattern), mut call| {
                next_match(&mut call, subject, pattern, &search)
            });
            Ok(call.again(go_on))
        }
    }
}

/// `string.gsub(s, pattern, replacement [, max])`
fn gsub<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let subject = call.check_string(1)?;
    let pattern = call.check_string(2)?;
    let max = call.opt_integer(4, subject.as_bytes().len() as i64 + 1)?;
    let replacement = match call.kind(3) {
        Kind::String(text) => Replacement::Text(text),
        Kind::Integer(_) | Kind::Number(_) => Replacement::Text(call.check_string(3)?),
        Kind::Table(_) => Replacement::Table(call.arg(3)),
        Kind::Function(_) => Replacement::Function(call.arg(3)),
        _ => return Err(call.argument_error(3, "string/function/table expected")),
    };
    let search = Search::new(pattern.as_bytes(), 0, true, rules(call.dialect()));
    let substitution = Substitution {
        matching: Matching { subject, pattern, search },
        replacement,
        out: Vec::new(),
        copied: 0,
        count: 0,
        max,
        pending: None,
        announced: 0,
    };
    Box::new(substitution).run(&mut call)
}

#[derive(Clone, Copy, Collect)]
#[collect(no_drop)]
enum Replacement<'gc> {
    Text(String<'gc>),
    Table(Value<'gc>),
    Function(Value<'gc>),
}

/// A `gsub` under way.
#[derive(Collect)]
#[collect(no_drop)]
struct Substitution<'gc> {
    matching: Matching<'gc>,
    replacement: Replacement<'gc>,
    out: Vec<u8>,
    /// How much of the subject stands in `out`, replaced or not.
    copied: usize,
    count: i64,
    max: i64,
    /// The match whose replacement Lua is asked for.
    #[collect(require_static)]
    pending: Option<Match>,
    /// How long `out` may become before the memory limit is asked again.
    announced: usize,
}

impl<'gc> Substitution<'gc> {
    fn run(mut self: Box<Self>, call: &mut Call<'gc, '_>) -> Answer<'gc> {
        while self.count < self.max {
            let found = match self.matching.advance(call)? {
                Progress::Found(found) => found,
                Progress::NotFound => break,
                Progress::Suspended => return Ok(call.again(self)),
            };
            self.count += 1;
            let subject = subject_of(&self.matching);
            self.append(call, &subject[self.copied..found.start])?;
            self.copied = found.end;
            match self.replacement {
                Replacement::Text(text) => self.expand(call, text.as_bytes(), found)?,
                Replacement::Table(table) => {
                    let key = self.matching.captured(call, found, 0)?;
                    match call.index(table, key)? {
                        Lookup::Known(value) => self.put(call, value, found)?,
                        Lookup::Call(handler, object) => {
                            self.pending = Some(found);
                            return Ok(call.call(handler, [object, key], self));
                        }
                    }
                }
                Replacement::Function(function) => {
                    let mut arguments = Vec::with_capacity(self.matching.search.value_count());
                    for index in 0..self.matching.search.value_count() {
                        arguments.push(self.matching.captured(call, found, index)?);
                    }
                    self.pending = Some(found);
                    return Ok(call.call(function, arguments, self));
                }
            }
        }
        let subject = self.matching.subject.as_bytes();
        if self.count == 0 {
            return Ok(call.two(self.matching.subject, call.integer(0)));
        }
        self.append(call, &subject[self.copied..])?;
        let out = std::mem::take(&mut self.out);
        Ok(call.two(call.string_from(out), call.integer(self.count)))
    }

    /// Appends a replacement text, in which `%0` to `%9` stand for the match and its captures.
    fn expand(&mut self, call: &mut Call<'gc, '_>, text: &[u8], found: Match) -> Result<(), Error<'gc>> {
        let subject = subject_of(&self.matching);
        let mut rest = text;
        while let Some(escape) = rest.iter().position(|&byte| byte == b'%') {
            self.append(call, &rest[..escape])?;
            // 5.1 reads the zero byte behind a text that ends with the escape.
            let letter = rest.get(escape + 1).copied().unwrap_or(0);
            rest = rest.get(escape + 2..).unwrap_or(&[]);
            match letter {
                b'0' => self.append(call, &subject[found.start..found.end])?,
                b'1'..=b'9' => match self.matching.search.captured(found, usize::from(letter - b'1')) {
                    Ok(Captured::Slice { start, end }) => self.append(call, &subject[start..end])?,
                    Ok(Captured::Position(offset)) => {
                        super::number::write_integer(&mut self.out, offset as i64 + 1);
                    }
                    Err(error) => return Err(pattern_error(call, error)),
                },
                _ if call.dialect().is_53() && letter != b'%' => {
                    return Err(call.error("invalid use of '%' in replacement string"));
                }
                _ => self.out.push(letter),
            }
        }
        self.append(call, rest)?;
        // The result may grow much faster than the pattern is matched.
        call.consume(text.len() / 16);
        Ok(())
    }

    /// Appends what a table or function gave for a match; false and nil keep the match.
    fn put(&mut self, call: &mut Call<'gc, '_>, value: Value<'gc>, found: Match) -> Result<(), Error<'gc>> {
        match value {
            Value::Nil | Value::Boolean(false) => {
                let subject = subject_of(&self.matching);
                self.append(call, &subject[found.start..found.end])?;
            }
            Value::String(text) => self.append(call, text.as_bytes())?,
            Value::Integer(_) | Value::Number(_) => number::write(&mut self.out, value, call.options()),
            other => return Err(call.error(format!("invalid replacement value (a {})", type_name(other)))),
        }
        Ok(())
    }

    /// Appends to the result, which may grow far beyond subject and replacement: the memory limit is asked as it doubles.
    fn append(&mut self, call: &mut Call<'gc, '_>, bytes: &[u8]) -> Result<(), Error<'gc>> {
        const FIRST: usize = 4096;
        let length = self.out.len() + bytes.len();
        if length > self.announced {
            call.reserve(length)?;
            self.announced = (length * 2).max(FIRST);
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }
}

impl<'gc> Continuation<'gc> for Substitution<'gc> {
    fn resume(mut self: Box<Self>, mut call: Call<'gc, '_>) -> Answer<'gc> {
        if let Some(found) = self.pending.take() {
            let value = call.arg(1);
            self.put(&mut call, value, found)?;
        }
        self.run(&mut call)
    }
}

// Format.

/// `string.format(format, ...)`
pub(super) fn format<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let format = call.check_string(1)?;
    let formatting = Formatting { format, at: 0, argument: 1, out: Vec::with_capacity(format.as_bytes().len() + 16) };
    formatting.run(&mut call)
}

/// `"format" % {...}`, NodeMCU's operator.
fn format_operator<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let (Value::String(format), Kind::Table(values)) = (call.arg(1), call.kind(2)) else {
        let culprit = if number::to_number(call.arg(1), call.options()).is_some() { call.arg(2) } else { call.arg(1) };
        return Err(call.error(format!("attempt to perform arithmetic on a {} value", type_name(culprit))));
    };
    let ctx = call.ctx();
    let count = values.length().min(STACK_MAX_51 as i64);
    let values = (1..=count).map(|index| values.get_value(&ctx, Value::Integer(index)));
    let arguments: Vec<_> = std::iter::once(Value::String(format)).chain(values).collect();
    let function = native::function(ctx, "format", self::format);
    Ok(call.tail_call(function, arguments))
}

/// A `format` under way.
#[derive(Collect)]
#[collect(no_drop)]
struct Formatting<'gc> {
    format: String<'gc>,
    /// Where the rest of the format begins.
    at: usize,
    /// The argument used last.
    argument: usize,
    out: Vec<u8>,
}

/// A `%s` that waits for `__tostring`, with all arguments of `format`.
#[derive(Collect)]
#[collect(no_drop)]
struct PendingText<'gc> {
    formatting: Formatting<'gc>,
    #[collect(require_static)]
    directive: Directive,
    arguments: Vec<Value<'gc>>,
}

impl<'gc> Formatting<'gc> {
    fn run(mut self, call: &mut Call<'gc, '_>) -> Answer<'gc> {
        let format = self.format.as_bytes();
        while let Some(escape) = format[self.at..].iter().position(|&byte| byte == b'%') {
            self.out.extend_from_slice(&format[self.at..self.at + escape]);
            self.at += escape + 1;
            if format.get(self.at) == Some(&b'%') {
                self.out.push(b'%');
                self.at += 1;
                continue;
            }
            self.argument += 1;
            if call.is_none(self.argument) {
                return Err(call.argument_error(self.argument, "no value"));
            }
            let directive = Directive::read(format, &mut self.at).map_err(|error| call.error(error.message()))?;
            self.at = self.at.min(format.len());
            let value = call.arg(self.argument);
            if directive.conversion == b's'
                && call.dialect().is_53()
                && let handler = call.metamethod(value, "__tostring")
                && !handler.is_nil()
            {
                // The rest of the arguments must survive the call; they move into the continuation.
                let arguments = call.args().to_vec();
                let pending = PendingText { formatting: self, directive, arguments };
                return Ok(call.call(handler, [value], Box::new(pending)));
            }
            self.write(call, &directive)?;
        }
        let length = self.out.len() + format.len() - self.at;
        call.reserve(length)?;
        self.out.extend_from_slice(&format[self.at..]);
        call.consume(length / 16);
        Ok(call.one(call.string_from(self.out)))
    }

    /// Prints the current argument.
    fn write(&mut self, call: &mut Call<'gc, '_>, directive: &Directive) -> Result<(), Error<'gc>> {
        let argument = self.argument;
        let is_53 = call.dialect().is_53();
        match directive.conversion {
            b'c' => {
                let byte = call.check_integer(argument)? as u8;
                let start = self.out.len();
                directive.write_bytes(&mut self.out, &[byte]);
                if !is_53 {
                    self.cut_at_zero(start);
                }
            }
            b'd' | b'i' => directive.write_signed(&mut self.out, integer_argument(call, argument)?),
            b'o' | b'u' | b'x' | b'X' => {
                directive.write_unsigned(&mut self.out, unsigned_argument(call, argument)?);
            }
            b'e' | b'E' | b'f' | b'g' | b'G' => directive.write_float(&mut self.out, call.check_number(argument)?),
            b'a' | b'A' if is_53 => directive.write_float(&mut self.out, call.check_number(argument)?),
            b'q' => self.write_quoted(call, argument)?,
            b's' => {
                let text = match is_53 {
                    true => Cow::Owned(call.display(call.arg(argument))),
                    false => Cow::Borrowed(call.check_string(argument)?.as_bytes()),
                };
                self.write_text(call, directive, &text)?;
            }
            letter => return Err(invalid_option(call, letter)),
        }
        Ok(())
    }

    /// `%s` with the text of its argument.
    fn write_text(&mut self, call: &mut Call<'gc, '_>, directive: &Directive, text: &[u8]) -> Result<(), Error<'gc>> {
        /// A text this long is kept whole when there is no precision.
        const LONG: usize = 100;
        let is_53 = call.dialect().is_53();
        call.reserve(self.out.len() + text.len())?;
        if is_53 && !directive.plain && text.contains(&0) {
            return Err(call.argument_error(self.argument, "string contains zeros"));
        }
        if (is_53 && directive.plain) || (directive.precision.is_none() && text.len() >= LONG) {
            self.out.extend_from_slice(text);
            return Ok(());
        }
        // 5.1 hands a C string to sprintf.
        let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
        directive.write_bytes(&mut self.out, &text[..end]);
        Ok(())
    }

    fn write_quoted(&mut self, call: &mut Call<'gc, '_>, argument: usize) -> Result<(), Error<'gc>> {
        if let Value::String(text) = call.arg(argument) {
            call.reserve(self.out.len() + text.as_bytes().len())?;
        }
        let rules = rules(call.dialect());
        if rules == PatternRules::Lua51 {
            write_quoted(&mut self.out, call.check_string(argument)?.as_bytes(), rules);
            return Ok(());
        }
        match call.kind(argument) {
            Kind::String(text) => write_quoted(&mut self.out, text.as_bytes(), rules),
            Kind::Integer(i64::MIN) => self.out.extend_from_slice(b"0x8000000000000000"),
            Kind::Number(value) => write_quoted_float(&mut self.out, value),
            Kind::Integer(_) | Kind::Nil | Kind::Boolean(_) => {
                self.out.extend_from_slice(&call.display(call.arg(argument)));
            }
            _ => return Err(call.argument_error(argument, "value has no literal form")),
        }
        Ok(())
    }

    /// 5.1 appends what `sprintf` wrote up to the first zero byte.
    fn cut_at_zero(&mut self, start: usize) {
        if let Some(zero) = self.out[start..].iter().position(|&byte| byte == 0) {
            self.out.truncate(start + zero);
        }
    }
}

impl<'gc> Continuation<'gc> for PendingText<'gc> {
    fn resume(self: Box<Self>, mut call: Call<'gc, '_>) -> Answer<'gc> {
        let PendingText { mut formatting, directive, arguments } = *self;
        let Some(text) = call.to_string(call.arg(1)) else {
            return Err(call.error("'__tostring' must return a string"));
        };
        formatting.write_text(&mut call, &directive, text.as_bytes())?;
        // Go on inside a call with the arguments of `format`, so that they are checked and named as such.
        let Formatting { format, at, argument, out } = formatting;
        let rest = Cell::new(Some((at, argument, out)));
        let rest = native::function_with(call.ctx(), "format", vec![format.into()], move |mut call| {
            // What is taken here is gone when the call begins again.
            call.machine.is_repeatable = false;
            let (Value::String(format), Some((at, argument, out))) = (call.upvalue(0), rest.take()) else {
                return Ok(call.none());
            };
            Formatting { format, at, argument, out }.run(&mut call)
        });
        Ok(call.tail_call(rest, arguments))
    }
}

fn integer_argument<'gc>(call: &Call<'gc, '_>, argument: usize) -> Result<i64, Error<'gc>> {
    if call.dialect().is_53() { call.check_integer(argument) } else { Ok(to_long_long(call.check_number(argument)?)) }
}

fn unsigned_argument<'gc>(call: &Call<'gc, '_>, argument: usize) -> Result<u64, Error<'gc>> {
    if call.dialect().is_53() {
        return Ok(call.check_integer(argument)? as u64);
    }
    Ok(to_unsigned_long_long(call.check_number(argument)?))
}

fn invalid_option<'gc>(call: &Call<'gc, '_>, letter: u8) -> Error<'gc> {
    let mut message = b"invalid option '%".to_vec();
    if call.dialect().is_53() && !(letter.is_ascii_graphic() || letter == b' ') {
        message.extend_from_slice(format!("<\\{letter}>").as_bytes());
    } else if letter != 0 {
        message.push(letter);
    }
    message.extend_from_slice(b"' to 'format'");
    call.error_bytes(&message)
}
