//! The table library.
//!
//! 5.1 works on the bare table; 5.3 honours `__index`, `__newindex` and `__len`. What must call Lua in between (a comparison,
//! `foreach`, a metamethod) or may take long (`move` over a huge range) is a continuation, never a loop in Rust.

use gc_arena::Collect;
use piccolo::{Context, Value};

use super::{
    Member, base, functions, library,
    sort::{SortRules, Sorter, Step},
};
use crate::{
    Dialect, Error, Kind, Options, Table, chunk,
    native::{self, Answer, Call, Comparison, Continuation},
    prototype::INTERNAL_CHUNK,
    raw_equal,
    shared::Shared,
    type_name,
};

/// `LUAI_MAXCSTACK` of 5.1's `luaconf.h`: most values one native function may have on its stack.
const STACK_MAX_51: i64 = 8000;
/// `LUAI_MAXSTACK` of 5.3's `luaconf.h`, less what the reference keeps in reserve.
const STACK_MAX_53: i64 = 999_980;
/// Elements moved or compared before the fuel is looked at.
const SLICE: usize = 4096;

const COMMON: &[Member] = &[("concat", concat), ("insert", insert), ("remove", remove), ("sort", sort)];
const ONLY_51: &[Member] =
    &[("foreach", foreach), ("foreachi", foreachi), ("getn", getn), ("maxn", maxn), ("setn", setn)];
const ONLY_53: &[Member] = &[("move", move_elements), ("pack", pack), ("unpack", unpack)];

/// Declares the library.
pub(crate) fn load(ctx: Context<'_>, options: &Options) {
    let mut members = functions(ctx, COMMON);
    members.extend(functions(ctx, if options.dialect.is_53() { ONLY_53 } else { ONLY_51 }));
    library(ctx, options, "table", members);
}

/// The loops for values with metamethods.
const WITH_METAMETHODS: &[u8] = include_bytes!("table_53.lua");
/// Where the functions of [`WITH_METAMETHODS`] are kept once they are loaded.
const WITH_METAMETHODS_KEY: &str = "table with metamethods";

/// Whether 5.3 asks one of the metamethods `events` when it works on `value`; anything but a table is never plain.
fn asks<'gc>(call: &Call<'gc, '_>, value: Value<'gc>, events: &[&'static str]) -> bool {
    let has = |event: &&'static str| !call.metamethod(value, event).is_nil();
    call.dialect().is_53() && (Table::from_value(value).is_none() || events.iter().any(has))
}

/// Refuses an argument that is neither a table nor has all the metamethods that can stand in for one (`checktab`).
fn check_access<'gc>(call: &Call<'gc, '_>, argument: usize, events: &[&'static str]) -> Result<(), Error<'gc>> {
    let value = call.arg(argument);
    let lacks = |event: &&'static str| call.metamethod(value, event).is_nil();
    let is_accessible = call.dialect().is_53() && call.metatable(value).is_some() && !events.iter().any(lacks);
    if is_accessible { Ok(()) } else { call.check_table(argument).map(drop) }
}

/// Calls the function `name` of [`WITH_METAMETHODS`], loading it when it is needed first, then goes on with `go_on`.
fn call_with_metamethods<'gc>(
    call: &mut Call<'gc, '_>,
    name: &'static str,
    arguments: Vec<Value<'gc>>,
    go_on: Box<dyn Continuation<'gc> + 'gc>,
) -> Answer<'gc> {
    let (ctx, shared) = (call.ctx(), Shared::of(call.ctx()));
    if let Some(library) = Table::from_value(shared.registry.get(ctx, WITH_METAMETHODS_KEY)) {
        return Ok(call.call(library.get(ctx, name), arguments, go_on));
    }
    let chunk = chunk::load(ctx, shared, INTERNAL_CHUNK, WITH_METAMETHODS, shared.globals);
    let chunk = chunk.map_err(|error| call.error(error.message))?;
    let needs = [native::function(ctx, "type", base::type_of), native::function(ctx, "rawequal", base::rawequal)];
    let then = native::then((arguments, go_on), move |(arguments, go_on), mut call| {
        let library = call.check_table(1)?;
        Shared::of(call.ctx()).registry.set_field(call.ctx(), WITH_METAMETHODS_KEY, library);
        call_with_metamethods(&mut call, name, arguments, go_on)
    });
    Ok(call.call(chunk, needs, then))
}

/// [`call_with_metamethods`], and its results are the results.
fn return_with_metamethods<'gc>(
    call: &mut Call<'gc, '_>,
    name: &'static str,
    arguments: Vec<Value<'gc>>,
) -> Answer<'gc> {
    let pass = native::then((), |(), mut call| {
        let results = call.args().to_vec();
        Ok(call.many(results))
    });
    call_with_metamethods(call, name, arguments, pass)
}

/// Goes on with the length of argument 1, for which 5.3 may ask `__len` (`luaL_len`).
fn with_length<'gc>(mut call: Call<'gc, '_>, go_on: for<'a, 'b> fn(Call<'a, 'b>, i64) -> Answer<'a>) -> Answer<'gc> {
    let value = call.arg(1);
    if let Kind::String(text) = call.kind(1) {
        let length = text.as_bytes().len() as i64;
        return go_on(call, length);
    }
    if !asks(&call, value, &["__len"]) {
        let length = call.check_table(1)?.length();
        return go_on(call, length);
    }
    let handler = call.metamethod(value, "__len");
    if handler.is_nil() {
        return Err(call.plain_error(format!("attempt to get length of a {} value", type_name(value))));
    }
    let arguments = call.args().to_vec();
    let then = native::then(arguments, move |arguments, call| {
        let length = call.check_integer(1).map_err(|_| call.error("object length is not an integer"))?;
        go_on(call.with_arguments(&arguments)?, length)
    });
    Ok(call.call(handler, [value], then))
}

/// What is done with the elements from one index to another of a plain table.
type WithElements = for<'a, 'b> fn(Call<'a, 'b>, Table<'a>, i64, i64) -> Answer<'a>;

/// Goes on with argument 1 as a plain table, of which the elements from `first` to `last` count.
fn with_elements<'gc>(
    mut call: Call<'gc, '_>,
    first: i64,
    last: i64,
    are_texts: bool,
    go_on: WithElements,
) -> Answer<'gc> {
    if !asks(&call, call.arg(1), &["__index"]) {
        let table = call.check_table(1)?;
        return go_on(call, table, first, last);
    }
    let arguments = call.args().to_vec();
    let given = vec![arguments[0], call.integer(first), call.integer(last), are_texts.into()];
    let then = native::then(arguments, move |arguments, call| {
        let copy = call.check_table(1)?;
        go_on(call.with_arguments(&arguments)?, copy, first, last)
    });
    call_with_metamethods(&mut call, "read", given, then)
}

/// `table.concat(list [, separator [, first [, last]]])`
fn concat<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    if !call.dialect().is_53() {
        call.opt_string(2)?;
    }
    check_access(&call, 1, &["__index", "__len"])?;
    with_length(call, |call, length| {
        call.opt_string(2)?;
        let first = optional_index(&call, 3, 1)?;
        let last = optional_index(&call, 4, length)?;
        with_elements(call, first, last, true, join)
    })
}

/// Puts texts together with argument 2 between them.
fn join<'gc>(mut call: Call<'gc, '_>, table: Table<'gc>, first: i64, last: i64) -> Answer<'gc> {
    let separator = call.opt_string(2)?.map(|text| text.as_bytes()).unwrap_or_default();

    // The length first, so that one allocation of the right size is announced and made.
    const NUMBER_LENGTH: usize = 24;
    let mut length = 0;
    for index in first..=last {
        length += separator.len();
        length += match element(&call, table, index) {
            Value::String(text) => text.as_bytes().len(),
            Value::Integer(_) | Value::Number(_) => NUMBER_LENGTH,
            other => {
                return Err(
                    call.error(format!("invalid value ({}) at index {index} in table for 'concat'", type_name(other)))
                );
            }
        };
    }
    call.reserve(length)?;
    call.consume(length / 16);
    let mut out = Vec::with_capacity(length);
    for index in first..=last {
        match element(&call, table, index) {
            Value::String(text) => out.extend_from_slice(text.as_bytes()),
            number => crate::number::write(&mut out, number, call.options()),
        }
        if index != last {
            out.extend_from_slice(separator);
        }
    }
    Ok(call.one(call.string_from(out)))
}

/// `table.insert(list, [position,] value)`
fn insert<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    check_access(&call, 1, &["__index", "__newindex", "__len"])?;
    with_length(call, |call, length| insert_at_end(call, length.wrapping_add(1)))
}

/// [`insert`] into a list that ends before index `end`.
fn insert_at_end<'gc>(mut call: Call<'gc, '_>, end: i64) -> Answer<'gc> {
    let (position, value) = match call.len() {
        2 => (end, call.arg(2)),
        3 => {
            let position = index_argument(&call, 2)?;
            if call.dialect().is_53() && !(1..=end).contains(&position) {
                return Err(call.argument_error(2, "position out of bounds"));
            }
            (position, call.arg(3))
        }
        _ => return Err(call.error("wrong number of arguments to 'insert'")),
    };
    if asks(&call, call.arg(1), &["__index", "__newindex"]) {
        let arguments = vec![call.arg(1), call.integer(position), call.integer(end), value];
        return return_with_metamethods(&mut call, "insert", arguments);
    }
    let table = writable_table(&call)?;
    if position < end && table.insert_shift(&call.ctx(), position, value) {
        call.consume((end - position) as usize / 16);
        return Ok(call.none());
    }
    // 5.1 puts a value beyond the end where it is told and moves nothing.
    Box::new(Insertion { table, hole: end.max(position), position, value }).run(&mut call)
}

/// Moves elements up until the hole is at the position of the new one. In 5.1 the position may be anywhere below.
#[derive(Collect)]
#[collect(no_drop)]
struct Insertion<'gc> {
    table: Table<'gc>,
    hole: i64,
    position: i64,
    value: Value<'gc>,
}

impl<'gc> Insertion<'gc> {
    fn run(mut self: Box<Self>, call: &mut Call<'gc, '_>) -> Answer<'gc> {
        for _ in 0..SLICE {
            if self.hole <= self.position {
                store(call, self.table, self.position, self.value);
                return Ok(call.none());
            }
            let moved = element(call, self.table, self.hole - 1);
            store(call, self.table, self.hole, moved);
            self.hole -= 1;
        }
        call.consume(SLICE);
        Ok(call.again(self))
    }
}

impl<'gc> Continuation<'gc> for Insertion<'gc> {
    fn resume(self: Box<Self>, mut call: Call<'gc, '_>) -> Answer<'gc> {
        self.run(&mut call)
    }
}

/// `table.remove(list [, position])`
fn remove<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    check_access(&call, 1, &["__index", "__newindex", "__len"])?;
    with_length(call, remove_from)
}

/// [`remove`] from a list of `size` elements.
fn remove_from<'gc>(mut call: Call<'gc, '_>, size: i64) -> Answer<'gc> {
    let position = optional_index(&call, 2, size)?;
    if call.dialect().is_53() {
        if position != size && !(1..=size.saturating_add(1)).contains(&position) {
            return Err(call.argument_error(1, "position out of bounds"));
        }
    } else if !(1..=size).contains(&position) {
        return Ok(call.none());
    }
    if asks(&call, call.arg(1), &["__index", "__newindex"]) {
        let arguments = vec![call.arg(1), call.integer(position), call.integer(size)];
        return return_with_metamethods(&mut call, "remove", arguments);
    }
    let table = writable_table(&call)?;
    if let Some(removed) = table.remove_shift(&call.ctx(), position) {
        call.consume((size - position) as usize / 16);
        return Ok(call.one(removed));
    }
    let removed = element(&call, table, position);
    for index in position..size {
        let moved = element(&call, table, index + 1);
        store(&call, table, index, moved);
    }
    store(&call, table, size.max(position), Value::Nil);
    call.consume((size - position).max(0) as usize);
    Ok(call.one(removed))
}

/// `table.sort(list [, less])`
fn sort<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    check_access(&call, 1, &["__index", "__newindex", "__len"])?;
    with_length(call, sort_list)
}

/// [`sort`] of a list of `count` elements.
fn sort_list<'gc>(call: Call<'gc, '_>, count: i64) -> Answer<'gc> {
    if call.dialect().is_53() && count >= i64::from(i32::MAX) {
        return Err(call.argument_error(1, "array too big"));
    }
    // 5.3 looks at the order function only when there is something to order.
    let unused = call.dialect().is_53() && count <= 1;
    if !unused && !call.is_none_or_nil(2) {
        call.check_function(2)?;
    }
    with_elements(call, 1, count, false, sort_elements)
}

/// [`sort`] of the elements in `table`, which is argument 1 or a copy.
fn sort_elements<'gc>(mut call: Call<'gc, '_>, table: Table<'gc>, _first: i64, count: i64) -> Answer<'gc> {
    let is_written_back = asks(&call, call.arg(1), &["__index", "__newindex"]);
    if !is_written_back {
        writable_table(&call)?;
    }
    let count = count.max(0);
    let less = if count <= 1 { Value::Nil } else { call.arg(2) };
    call.reserve((count as usize + 2) * size_of::<Value<'_>>())?;
    let elements = (0..=count + 1).map(|index| element(&call, table, index)).collect();
    let rules = match call.dialect() {
        Dialect::Lua51 => SortRules::Lua51,
        Dialect::Lua53 => SortRules::Lua53,
    };
    let sorter = Sorter::new(elements, rules);
    if !is_written_back {
        return Box::new(Sort { table, before: table, copy_of: Value::Nil, less, sorter, answer: None })
            .run(&mut call, false);
    }
    // Sorting works on a copy even if only writing asks a metamethod.
    let copy = Table::new(&call.ctx());
    Box::new(Sort { table: copy, before: table, copy_of: call.arg(1), less, sorter, answer: None })
        .run(&mut call, false)
}

/// A sort under way. It works on a copy, which is put back when the sort ends or fails.
#[derive(Collect)]
#[collect(no_drop)]
struct Sort<'gc> {
    table: Table<'gc>,
    /// What the sorted elements are written to with its metamethods when all is done; nil if `table` itself was meant.
    copy_of: Value<'gc>,
    /// The elements as they were, where those that keep their places are not written again.
    before: Table<'gc>,
    /// The order function, or nil for `<`.
    less: Value<'gc>,
    sorter: Sorter<Value<'gc>>,
    /// The answer known when the fuel ran out.
    answer: Option<bool>,
}

impl<'gc> Sort<'gc> {
    fn run(mut self: Box<Self>, call: &mut Call<'gc, '_>, mut answer: bool) -> Answer<'gc> {
        for _ in 0..SLICE {
            let (first, second) = match self.sorter.advance(answer) {
                Ok(Step::Compare(first, second)) => (first, second),
                Ok(Step::Done) => {
                    self.put_back(call);
                    if self.copy_of.is_nil() {
                        return Ok(call.none());
                    }
                    let count = call.integer(self.sorter.elements().len() as i64);
                    let arguments = vec![self.copy_of, self.table.into(), self.before.into(), count];
                    return return_with_metamethods(call, "write", arguments);
                }
                Err(_) => {
                    self.put_back(call);
                    return Err(call.error("invalid order function for sorting"));
                }
            };
            if !self.less.is_nil() {
                return Ok(call.call(self.less, [first, second], self));
            }
            match call.less_than(first, second) {
                Ok(Comparison::Known(known)) => answer = known,
                Ok(Comparison::Call(handler)) => return Ok(call.call(handler, [first, second], self)),
                Err(error) => {
                    self.put_back(call);
                    return Err(error);
                }
            }
        }
        call.consume(SLICE);
        self.answer = Some(answer);
        Ok(call.again(self))
    }

    fn put_back(&self, call: &Call<'gc, '_>) {
        let sorted = self.sorter.elements();
        let done = self.table.with_array(&call.ctx(), |array| match array.get_mut(..sorted.len()) {
            Some(array) => {
                array.copy_from_slice(sorted);
                true
            }
            None => false,
        });
        if done != Some(true) {
            for (index, &value) in sorted.iter().enumerate() {
                store(call, self.table, index as i64 + 1, value);
            }
        }
    }
}

impl<'gc> Continuation<'gc> for Sort<'gc> {
    fn resume(mut self: Box<Self>, mut call: Call<'gc, '_>) -> Answer<'gc> {
        let answer = self.answer.take().unwrap_or_else(|| call.arg(1).to_bool());
        self.run(&mut call, answer)
    }

    fn failed(self: Box<Self>, call: Call<'gc, '_>, error: Error<'gc>) -> Answer<'gc> {
        self.put_back(&call);
        Err(error)
    }
}

/// `table.foreach(table, f)` of 5.1
fn foreach<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let table = call.check_table(1)?;
    let function = call.check_function(2)?.into();
    Box::new(Foreach { table, function, key: Value::Nil }).next(&mut call)
}

#[derive(Collect)]
#[collect(no_drop)]
struct Foreach<'gc> {
    table: Table<'gc>,
    function: Value<'gc>,
    key: Value<'gc>,
}

impl<'gc> Foreach<'gc> {
    fn next(mut self: Box<Self>, call: &mut Call<'gc, '_>) -> Answer<'gc> {
        match self.table.next(&call.ctx(), self.key) {
            Ok(Some((key, value))) => {
                self.key = key;
                Ok(call.call(self.function, [call.dialect().present(key), value], self))
            }
            Ok(None) => Ok(call.none()),
            Err(_) => Err(call.error("invalid key to 'next'")),
        }
    }
}

impl<'gc> Continuation<'gc> for Foreach<'gc> {
    fn resume(self: Box<Self>, mut call: Call<'gc, '_>) -> Answer<'gc> {
        match call.arg(1) {
            Value::Nil => self.next(&mut call),
            result => Ok(call.one(result)),
        }
    }
}

/// `table.foreachi(table, f)` of 5.1
fn foreachi<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let table = call.check_table(1)?;
    let count = table.length();
    let function = call.check_function(2)?.into();
    Box::new(Foreachi { table, function, index: 0, count }).next(&mut call)
}

#[derive(Collect)]
#[collect(no_drop)]
struct Foreachi<'gc> {
    table: Table<'gc>,
    function: Value<'gc>,
    index: i64,
    count: i64,
}

impl<'gc> Foreachi<'gc> {
    fn next(mut self: Box<Self>, call: &mut Call<'gc, '_>) -> Answer<'gc> {
        if self.index >= self.count {
            return Ok(call.none());
        }
        self.index += 1;
        let (index, value) = (call.integer(self.index), element(call, self.table, self.index));
        Ok(call.call(self.function, [index, value], self))
    }
}

impl<'gc> Continuation<'gc> for Foreachi<'gc> {
    fn resume(self: Box<Self>, mut call: Call<'gc, '_>) -> Answer<'gc> {
        match call.arg(1) {
            Value::Nil => self.next(&mut call),
            result => Ok(call.one(result)),
        }
    }
}

/// `table.getn(table)` of 5.1
fn getn<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(call.integer(call.check_table(1)?.length())))
}

/// `table.setn` of 5.1, which only says that it is gone.
fn setn<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    call.check_table(1)?;
    Err(call.error("'setn' is obsolete"))
}

/// `table.maxn(table)` of 5.1: the largest positive numeric key.
fn maxn<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let table = call.check_table(1)?;
    let pairs = table.pairs(&call.ctx());
    call.consume(pairs.len());
    let keys = pairs.iter().map(|&(key, _)| match key {
        Value::Integer(key) => key as f64,
        Value::Number(key) => key,
        _ => 0.0,
    });
    Ok(call.one(Value::Number(keys.fold(0.0, f64::max))))
}

/// `table.pack(...)` of 5.3
fn pack<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let table = Table::with_capacity(&call.ctx(), call.len(), 1);
    for (index, &value) in call.args().iter().enumerate() {
        store(&call, table, index as i64 + 1, value);
    }
    table.set_field(call.ctx(), "n", call.integer(call.len() as i64));
    Ok(call.one(table))
}

/// `table.unpack(list [, first [, last]])` of 5.3, `unpack` of 5.1
pub(crate) fn unpack<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    if !call.dialect().is_53() {
        call.check_table(1)?;
    }
    optional_index(&call, 2, 1)?;
    if !call.is_none_or_nil(3) {
        let last = index_argument(&call, 3)?;
        return unpack_to(call, last);
    }
    with_length(call, unpack_to)
}

/// [`unpack`] with the index of the last element.
fn unpack_to<'gc>(call: Call<'gc, '_>, last: i64) -> Answer<'gc> {
    let first = optional_index(&call, 2, 1)?;
    if first > last {
        return Ok(call.none());
    }
    let stack_max = if call.dialect().is_53() { STACK_MAX_53 } else { STACK_MAX_51 };
    let count = last.checked_sub(first).and_then(|distance| distance.checked_add(1));
    if count.is_none_or(|count| count > stack_max - call.len() as i64) {
        return Err(call.error("too many results to unpack"));
    }
    with_elements(call, first, last, false, |mut call, table, first, last| {
        call.consume((last - first) as usize / 4);
        let ctx = call.ctx();
        Ok(call.many((first..=last).map(|index| table.get_value(&ctx, Value::Integer(index)))))
    })
}

/// `table.move(from, first, last, target [, to])` of 5.3
fn move_elements<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let first = call.check_integer(2)?;
    let last = call.check_integer(3)?;
    let target = call.check_integer(4)?;
    let into = if call.is_none_or_nil(5) { 1 } else { 5 };
    check_access(&call, 1, &["__index"])?;
    check_access(&call, into, &["__newindex"])?;
    let (from, to) = (call.arg(1), call.arg(into));
    if last >= first {
        if first <= 0 && last >= i64::MAX + first {
            return Err(call.argument_error(3, "too many elements to move"));
        }
        let count = last - first + 1;
        if target > i64::MAX - count + 1 {
            return Err(call.argument_error(4, "destination wrap around"));
        }
        let disjoint = target > last || target <= first || !raw_equal(from, to);
        let ends = [first, last, target].map(|index| call.integer(index));
        let (Some(from), Some(to), false, false) = (
            Table::from_value(from),
            Table::from_value(to),
            asks(&call, from, &["__index"]),
            asks(&call, to, &["__newindex"]),
        ) else {
            let arguments = vec![from, ends[0], ends[1], ends[2], to, disjoint.into()];
            return return_with_metamethods(&mut call, "move", arguments);
        };
        return Box::new(Move { from, to, first, target, count, done: 0, upward: disjoint }).run(&mut call);
    }
    Ok(call.one(to))
}

#[derive(Collect)]
#[collect(no_drop)]
struct Move<'gc> {
    from: Table<'gc>,
    to: Table<'gc>,
    first: i64,
    target: i64,
    count: i64,
    done: i64,
    upward: bool,
}

impl<'gc> Move<'gc> {
    fn run(mut self: Box<Self>, call: &mut Call<'gc, '_>) -> Answer<'gc> {
        for _ in 0..SLICE {
            if self.done == self.count {
                return Ok(call.one(self.to));
            }
            let offset = if self.upward { self.done } else { self.count - 1 - self.done };
            let value = element(call, self.from, self.first + offset);
            store(call, self.to, self.target + offset, value);
            self.done += 1;
        }
        call.consume(SLICE);
        Ok(call.again(self))
    }
}

impl<'gc> Continuation<'gc> for Move<'gc> {
    fn resume(self: Box<Self>, mut call: Call<'gc, '_>) -> Answer<'gc> {
        self.run(&mut call)
    }
}

fn element<'gc>(call: &Call<'gc, '_>, table: Table<'gc>, index: i64) -> Value<'gc> {
    table.get_value(&call.ctx(), Value::Integer(index))
}

fn store<'gc>(call: &Call<'gc, '_>, table: Table<'gc>, index: i64, value: Value<'gc>) {
    // An integer is always a valid key.
    let _ = table.set_value(&call.ctx(), Value::Integer(index), value);
}

/// Argument 1 as a table that may be changed.
fn writable_table<'gc>(call: &Call<'gc, '_>) -> Result<Table<'gc>, Error<'gc>> {
    let table = call.check_table(1)?;
    if table.is_read_only() {
        return Err(call.error("invalid write to ROM variable"));
    }
    Ok(table)
}

/// Argument `argument` as an index; in 5.1 it is a C `int`.
fn index_argument<'gc>(call: &Call<'gc, '_>, argument: usize) -> Result<i64, Error<'gc>> {
    let index = call.check_integer(argument)?;
    Ok(if call.dialect().is_53() { index } else { i64::from(index as i32) })
}

/// [`index_argument`], or `default` when it is nil or absent.
fn optional_index<'gc>(call: &Call<'gc, '_>, argument: usize, default: i64) -> Result<i64, Error<'gc>> {
    if call.is_none_or_nil(argument) { Ok(default) } else { index_argument(call, argument) }
}
