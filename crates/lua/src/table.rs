//! Tables: an array part for 1..n and a hash part that keeps the order of insertion.
//!
//! piccolo's own table iterates in the order of a randomly keyed hash, so that two runs of one program could differ, and
//! a read of a field costs a hash each time. Both are promises of this crate, so it brings its own table, carried through
//! piccolo as a userdata. Hash entries stand in one vector in insertion order; chains through it replace probing. The
//! position of an entry is stable until the part grows, which lets the interpreter remember at each instruction where it
//! found a field last ([`TableState::get_at`]): tables that are built alike keep a field at the same position.
//!
//! The array part never ends in nil, so its length is a border and `#` costs nothing. Removing a key leaves its entry with a
//! nil value until the part grows, as traversal with [`Table::next`] requires.

use allocator_api2::vec;
use gc_arena::{Collect, Gc, Mutation, Rootable, allocator_api::MetricsAlloc, lock::RefLock};
use piccolo::{Context, IntoValue, String, UserData, Value};

use crate::{shared::Shared, value::WeakCell};

/// A key that no table can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidKey {
    /// The key is nil.
    Nil,
    /// The key is not a number.
    NaN,
}

/// The key given to [`Table::next`] is not in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownKey;

pub(crate) type TableCell<'gc> = RefLock<TableState<'gc>>;
type Buckets<'gc> = vec::Vec<u32, MetricsAlloc<'gc>>;

/// A Lua table.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Collect)]
#[collect(no_drop)]
pub struct Table<'gc>(UserData<'gc>);

#[derive(Copy, Clone, Collect)]
#[collect(no_drop)]
struct Entry<'gc> {
    key: Value<'gc>,
    value: Value<'gc>,
    hash: u32,
    /// The next entry of this bucket plus one; 0 ends the chain.
    next: u32,
}

/// The contents of a table.
#[derive(Collect)]
#[collect(no_drop)]
pub(crate) struct TableState<'gc> {
    array: vec::Vec<Value<'gc>, MetricsAlloc<'gc>>,
    entries: vec::Vec<Entry<'gc>, MetricsAlloc<'gc>>,
    /// First entry of each bucket plus one; its length is a power of two, or zero while there are no entries.
    buckets: Buckets<'gc>,
    metatable: Option<Table<'gc>>,
    flags: Flags,
    /// Metamethods known to be absent from this table when it serves as a metatable, one bit each.
    absent: u32,
    /// Position of the last key that `next` returned: loops continue there without a search.
    cursor: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Collect)]
#[collect(require_static)]
struct Flags(u8);

const WEAK_KEYS: u8 = 1;
const WEAK_VALUES: u8 = 2;
const READ_ONLY: u8 = 4;
/// The table waits for its finalizer.
const WATCHED: u8 = 8;

impl<'gc> From<Table<'gc>> for Value<'gc> {
    fn from(table: Table<'gc>) -> Self {
        Value::UserData(table.0)
    }
}

impl<'gc> IntoValue<'gc> for Table<'gc> {
    fn into_value(self, _: Context<'gc>) -> Value<'gc> {
        self.into()
    }
}

impl<'gc> Table<'gc> {
    /// Makes an empty table.
    pub fn new(mc: &Mutation<'gc>) -> Self {
        Self::with_capacity(mc, 0, 0)
    }

    /// Makes an empty table with room for `array` elements and `fields` other keys.
    pub fn with_capacity(mc: &Mutation<'gc>, array: usize, fields: usize) -> Self {
        let alloc = MetricsAlloc::new(mc);
        let mut state = TableState {
            array: vec::Vec::new_in(alloc.clone()),
            entries: vec::Vec::new_in(alloc.clone()),
            buckets: vec::Vec::new_in(alloc),
            metatable: None,
            flags: Flags::default(),
            absent: 0,
            cursor: 0,
        };
        if array > 0 {
            state.array.reserve_exact(array);
        }
        if fields > 0 {
            state.rebuild(fields);
        }
        Table(UserData::new::<Rootable![TableCell<'_>]>(mc, RefLock::new(state)))
    }

    /// The table that `value` is, if it is one.
    #[inline]
    pub fn from_value(value: Value<'gc>) -> Option<Self> {
        match value {
            Value::UserData(userdata) if userdata.is::<Rootable![TableCell<'_>]>() => Some(Table(userdata)),
            _ => None,
        }
    }

    /// The value at `key`, without metamethods; nil when absent.
    pub fn get<K: IntoValue<'gc>>(self, ctx: Context<'gc>, key: K) -> Value<'gc> {
        self.get_value(&ctx, key.into_value(ctx))
    }

    /// Sets `key` to `value` without metamethods; a nil value removes the key.
    ///
    /// # Errors
    /// If the key is nil or not a number.
    pub fn set<K: IntoValue<'gc>, V: IntoValue<'gc>>(
        self,
        ctx: Context<'gc>,
        key: K,
        value: V,
    ) -> Result<(), InvalidKey> {
        self.set_value(&ctx, key.into_value(ctx), value.into_value(ctx))
    }

    /// Sets a field of a table that is being built; `key` is a name, so that this cannot fail.
    pub fn set_field(self, ctx: Context<'gc>, key: &'static str, value: impl IntoValue<'gc>) {
        let _ = self.set(ctx, key, value);
    }

    /// [`Table::get`] with a plain value as key.
    #[inline]
    pub fn get_value(self, mc: &Mutation<'gc>, key: Value<'gc>) -> Value<'gc> {
        let state = self.cell().borrow();
        let value = state.get(key);
        if state.is_weak() { live(mc, value) } else { value }
    }

    /// [`Table::set`] with plain values.
    ///
    /// # Errors
    /// If the key is nil or not a number.
    #[inline]
    pub fn set_value(self, mc: &Mutation<'gc>, key: Value<'gc>, value: Value<'gc>) -> Result<(), InvalidKey> {
        self.write(mc, |state| if state.is_weak() { state.set_weak(mc, key, value) } else { state.set(key, value) })
    }

    /// A border of the table: `#t` without metamethods.
    pub fn length(self) -> i64 {
        self.cell().borrow().length()
    }

    /// The pair after `key` in the table's order, or the first one after nil; `None` after the last.
    ///
    /// Whole keys are [`Value::Integer`] here; [`crate::Dialect::present`] makes them what a program sees.
    ///
    /// # Errors
    /// If `key` is not in the table.
    pub fn next(self, mc: &Mutation<'gc>, key: Value<'gc>) -> Result<Option<(Value<'gc>, Value<'gc>)>, UnknownKey> {
        let (result, cursor) = self.cell().borrow().next(mc, key)?;
        if cursor != 0 {
            self.write(mc, |state| state.cursor = cursor);
        }
        Ok(result)
    }

    /// All pairs in order, as they are now.
    pub fn pairs(self, mc: &Mutation<'gc>) -> Vec<(Value<'gc>, Value<'gc>)> {
        let mut pairs = Vec::new();
        let mut key = Value::Nil;
        while let Ok(Some(pair)) = self.next(mc, key) {
            pairs.push(pair);
            key = pair.0;
        }
        pairs
    }

    /// The metatable.
    #[inline]
    pub fn metatable(self) -> Option<Table<'gc>> {
        self.cell().borrow().metatable
    }

    /// Sets the metatable. Whether the table is weak is read from its `__mode` at this moment.
    pub fn set_metatable(self, ctx: Context<'gc>, metatable: Option<Table<'gc>>) {
        let mode = match metatable.map(|metatable| metatable.get(ctx, "__mode")) {
            Some(Value::String(mode)) => {
                let bytes = mode.as_bytes();
                u8::from(bytes.contains(&b'k')) * WEAK_KEYS + u8::from(bytes.contains(&b'v')) * WEAK_VALUES
            }
            _ => 0,
        };
        if mode & WEAK_KEYS != 0 {
            Shared::of(ctx).has_weak_keys.set(true);
        }
        self.write(&ctx, |state| {
            state.metatable = metatable;
            state.set_mode(&ctx, mode);
        });
    }

    /// Notes that the table waits for its finalizer; false if it did already.
    pub(crate) fn begin_watching(self, ctx: Context<'gc>) -> bool {
        self.write(&ctx, |state| {
            let is_new = state.flags.0 & WATCHED == 0;
            state.flags.0 |= WATCHED;
            is_new
        })
    }

    /// The finalizer's time has come.
    pub(crate) fn end_watching(self, ctx: Context<'gc>) {
        self.write(&ctx, |state| state.flags.0 &= !WATCHED);
    }

    /// Makes every later assignment by Lua code fail, as for a table in ROM. Native code may still write.
    pub fn set_read_only(self, mc: &Mutation<'gc>) {
        self.write(mc, |state| state.flags.0 |= READ_ONLY);
    }

    /// Whether Lua code may not write to this table.
    pub fn is_read_only(self) -> bool {
        self.cell().borrow().is_read_only()
    }

    /// Sorts or otherwise rearranges the elements `1..=count`; `None` if they do not all stand in the array part.
    pub fn with_array<R>(self, mc: &Mutation<'gc>, f: impl FnOnce(&mut [Value<'gc>]) -> R) -> Option<R> {
        self.write(mc, |state| {
            if state.is_weak() {
                return None;
            }
            let result = f(&mut state.array);
            state.trim();
            Some(result)
        })
    }

    /// Inserts `value` at `position` (from 1) and moves the rest up, when elements stand in the array part; false if not done.
    pub fn insert_shift(self, mc: &Mutation<'gc>, position: i64, value: Value<'gc>) -> bool {
        self.write(mc, |state| {
            let length = state.array.len() as i64;
            if state.is_weak() || position < 1 || position > length || value.is_nil() || !state.entries.is_empty() {
                return false;
            }
            state.array.insert((position - 1) as usize, value);
            true
        })
    }

    /// Removes the element at `position` and moves the rest down, when elements stand in the array part.
    pub fn remove_shift(self, mc: &Mutation<'gc>, position: i64) -> Option<Value<'gc>> {
        self.write(mc, |state| {
            let length = state.array.len() as i64;
            if state.is_weak() || position < 1 || position > length || !state.entries.is_empty() {
                return None;
            }
            let value = state.array.remove((position - 1) as usize);
            state.trim();
            Some(value)
        })
    }

    #[inline]
    pub(crate) fn cell(self) -> &'gc TableCell<'gc> {
        self.0.downcast::<Rootable![TableCell<'_>]>().expect("a Table wraps nothing but a table")
    }

    #[inline]
    pub(crate) fn write<R>(self, mc: &Mutation<'gc>, f: impl FnOnce(&mut TableState<'gc>) -> R) -> R {
        let cell = self.0.downcast_write::<Rootable![TableCell<'_>]>(mc).expect("a Table wraps nothing but a table");
        f(&mut cell.unlock().borrow_mut())
    }
}

impl<'gc> TableState<'gc> {
    #[inline]
    pub(crate) fn metatable(&self) -> Option<Table<'gc>> {
        self.metatable
    }

    /// How many elements the array part has, and how many entries the other.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.array.len(), self.entries.len())
    }

    #[inline]
    pub(crate) fn is_weak(&self) -> bool {
        self.flags.0 & (WEAK_KEYS | WEAK_VALUES) != 0
    }

    /// Whether entries live as long as their keys.
    pub(crate) fn is_ephemeron(&self) -> bool {
        self.flags.0 & (WEAK_KEYS | WEAK_VALUES) == WEAK_KEYS
    }

    /// Shows what the table keeps alive; of an ephemeron table what it does by itself.
    pub(crate) fn visit(&self, visit: &mut dyn FnMut(Value<'gc>)) {
        if let Some(metatable) = self.metatable {
            visit(metatable.into());
        }
        self.array.iter().for_each(|value| visit(*value));
        for entry in &self.entries {
            visit(entry.key);
            if !self.is_ephemeron() || weak_address(entry.key).is_none() {
                visit(entry.value);
            }
        }
    }

    /// Shows the entries of an ephemeron table: the address of the key with the value.
    pub(crate) fn visit_pairs(&self, visit: &mut dyn FnMut(usize, Value<'gc>)) {
        for entry in &self.entries {
            if let Some(key) = weak_address(entry.key) {
                visit(key, entry.value);
            }
        }
    }

    /// Removes entries whose weak value is gone.
    pub(crate) fn clear_values(&mut self, is_gone: impl Fn(usize) -> bool) {
        for value in self.array.iter_mut().chain(self.entries.iter_mut().map(|entry| &mut entry.value)) {
            if weak_address(*value).is_some_and(&is_gone) {
                *value = Value::Nil;
            }
        }
        self.trim();
    }

    /// Removes entries whose weak key is gone.
    pub(crate) fn clear_keys(&mut self, is_gone: impl Fn(usize) -> bool) {
        for entry in &mut self.entries {
            if weak_address(entry.key).is_some_and(&is_gone) {
                entry.value = Value::Nil;
            }
        }
    }

    /// Whether reads and writes need none of the special cases: no weak references, not read-only.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.flags.0 & !WATCHED == 0
    }

    #[inline]
    pub(crate) fn is_read_only(&self) -> bool {
        self.flags.0 & READ_ONLY != 0
    }

    #[inline]
    pub(crate) fn get(&self, key: Value<'gc>) -> Value<'gc> {
        match key {
            Value::Integer(index) => self.get_integer(index),
            Value::String(name) => self.get_string(name),
            Value::Number(number) => match float_to_integer(number) {
                Some(index) => self.get_integer(index),
                None if number.is_nan() => Value::Nil,
                None => self.get_hashed(key),
            },
            Value::Nil => Value::Nil,
            _ => self.get_hashed(key),
        }
    }

    #[inline]
    pub(crate) fn get_integer(&self, index: i64) -> Value<'gc> {
        match self.array.get((index as u64).wrapping_sub(1) as usize) {
            Some(&value) => value,
            None if self.entries.is_empty() => Value::Nil,
            None => self.get_hashed(Value::Integer(index)),
        }
    }

    #[inline]
    pub(crate) fn get_string(&self, name: String<'gc>) -> Value<'gc> {
        match self.find_string(name) {
            Some(position) => self.entries[position].value,
            None => Value::Nil,
        }
    }

    /// The value at `name` if its entry stands at `position`, as an earlier [`TableState::position_of`] said.
    #[inline]
    pub(crate) fn get_at(&self, position: u32, name: String<'gc>) -> Option<Value<'gc>> {
        match self.entries.get(position as usize) {
            Some(Entry { key: Value::String(key), value, .. }) if same_string(*key, name) => Some(*value),
            _ => None,
        }
    }

    /// Where the entry of `name` stands now.
    #[inline]
    pub(crate) fn position_of(&self, name: String<'gc>) -> Option<u32> {
        self.find_string(name).map(|position| position as u32)
    }

    /// The value in the entry at `position`, which came from [`TableState::position_of`] just now.
    #[inline]
    pub(crate) fn value_at(&self, position: u32) -> Value<'gc> {
        self.entries[position as usize].value
    }

    /// Replaces the value of `name` if its entry stands at `position` and is not nil.
    #[inline]
    pub(crate) fn replace_at(&mut self, position: u32, name: String<'gc>, value: Value<'gc>) -> bool {
        match self.entries.get_mut(position as usize) {
            Some(Entry { key: Value::String(key), value: slot, .. }) if same_string(*key, name) && !slot.is_nil() => {
                *slot = value;
                true
            }
            _ => false,
        }
    }

    /// Replaces or appends an array element; false if the general way is needed.
    #[inline]
    pub(crate) fn replace_element(&mut self, index: i64, value: Value<'gc>) -> bool {
        match self.array.get_mut((index as u64).wrapping_sub(1) as usize) {
            Some(slot) if !slot.is_nil() && !value.is_nil() => {
                *slot = value;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn set(&mut self, key: Value<'gc>, value: Value<'gc>) -> Result<(), InvalidKey> {
        match key {
            Value::Integer(index) => self.set_integer(index, value),
            Value::Number(number) => match float_to_integer(number) {
                Some(index) => self.set_integer(index, value),
                None if number.is_nan() => return Err(InvalidKey::NaN),
                None => self.set_hashed(key, value),
            },
            Value::Nil => return Err(InvalidKey::Nil),
            _ => self.set_hashed(key, value),
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn set_integer(&mut self, index: i64, value: Value<'gc>) {
        let slot = (index as u64).wrapping_sub(1);
        let length = self.array.len() as u64;
        if slot < length {
            self.array[slot as usize] = value;
            if value.is_nil() && slot + 1 == length {
                self.trim();
            }
        } else if slot == length && !value.is_nil() {
            self.append(value);
        } else {
            self.set_hashed(Value::Integer(index), value);
        }
    }

    /// Sets the elements from `offset + 1` on, as a table constructor does.
    pub(crate) fn set_list(&mut self, offset: i64, values: &[Value<'gc>]) {
        if offset as usize == self.array.len() && self.entries.is_empty() {
            self.array.extend_from_slice(values);
            self.trim();
            return;
        }
        for (index, &value) in values.iter().enumerate() {
            self.set_integer(offset + index as i64 + 1, value);
        }
    }

    pub(crate) fn length(&self) -> i64 {
        let length = self.array.len() as i64;
        if length > 0 || self.entries.is_empty() {
            return length;
        }
        // Without an array part a border can only be 0: key 1 would have opened the array.
        0
    }

    fn append(&mut self, value: Value<'gc>) {
        if !self.entries.is_empty() {
            // The key may stand among the entries as one that was removed; then it must not be found there again.
            let key = Value::Integer(self.array.len() as i64 + 1);
            if let Some(position) = self.find(key) {
                self.entries[position].value = Value::Nil;
            }
        }
        self.array.push(value);
        while !self.entries.is_empty() {
            let key = Value::Integer(self.array.len() as i64 + 1);
            let Some(position) = self.find(key) else { break };
            let value = std::mem::take(&mut self.entries[position].value);
            if value.is_nil() {
                break;
            }
            self.array.push(value);
        }
    }

    fn trim(&mut self) {
        while matches!(self.array.last(), Some(Value::Nil)) {
            self.array.pop();
        }
    }

    fn get_hashed(&self, key: Value<'gc>) -> Value<'gc> {
        match self.find(key) {
            Some(position) => self.entries[position].value,
            None => Value::Nil,
        }
    }

    fn set_hashed(&mut self, key: Value<'gc>, value: Value<'gc>) {
        if let Some(position) = self.find(key) {
            self.entries[position].value = value;
        } else if !value.is_nil() {
            self.insert(key, value);
        }
        self.absent = 0;
    }

    fn insert(&mut self, key: Value<'gc>, value: Value<'gc>) {
        if self.entries.len() == self.entries.capacity() || self.entries.len() >= self.buckets.len() {
            let live = self.entries.iter().filter(|entry| !entry.value.is_nil()).count();
            self.rebuild((live + 1 + live / 2).max(4));
        }
        let hash = hash_of(key);
        let bucket = hash as usize & (self.buckets.len() - 1);
        self.entries.push(Entry { key, value, hash, next: self.buckets[bucket] });
        self.buckets[bucket] = self.entries.len() as u32;
    }

    /// Drops removed entries and makes room for `capacity` entries in all.
    fn rebuild(&mut self, capacity: usize) {
        self.entries.retain(|entry| !entry.value.is_nil());
        let buckets = capacity.max(self.entries.len()).next_power_of_two();
        self.entries.reserve_exact(buckets.min(capacity.max(self.entries.len()) + buckets / 4) - self.entries.len());
        self.buckets.clear();
        self.buckets.reserve_exact(buckets);
        self.buckets.resize(buckets, 0);
        for (position, entry) in self.entries.iter_mut().enumerate() {
            let bucket = entry.hash as usize & (buckets - 1);
            entry.next = std::mem::replace(&mut self.buckets[bucket], position as u32 + 1);
        }
    }

    #[inline]
    fn find_string(&self, name: String<'gc>) -> Option<usize> {
        if self.buckets.is_empty() {
            return None;
        }
        let hash = name.stored_hash() as u32;
        let mut position = self.buckets[hash as usize & (self.buckets.len() - 1)];
        while position != 0 {
            let entry = &self.entries[position as usize - 1];
            if let Value::String(key) = entry.key
                && (same_string(key, name) || (entry.hash == hash && key == name))
            {
                return Some(position as usize - 1);
            }
            position = entry.next;
        }
        None
    }

    fn find(&self, key: Value<'gc>) -> Option<usize> {
        if let Value::String(name) = key {
            return self.find_string(name);
        }
        if self.buckets.is_empty() {
            return None;
        }
        let hash = hash_of(key);
        let mut position = self.buckets[hash as usize & (self.buckets.len() - 1)];
        while position != 0 {
            let entry = &self.entries[position as usize - 1];
            if entry.hash == hash && same_key(entry.key, key) {
                return Some(position as usize - 1);
            }
            position = entry.next;
        }
        None
    }

    #[allow(clippy::type_complexity)]
    fn next(&self, mc: &Mutation<'gc>, key: Value<'gc>) -> Result<(Option<(Value<'gc>, Value<'gc>)>, u32), UnknownKey> {
        let key = match key {
            Value::Number(number) => float_to_integer(number).map_or(key, Value::Integer),
            _ => key,
        };
        let (mut index, mut position) = match key {
            Value::Nil => (0, 0),
            Value::Integer(index) if index >= 1 && index as u64 <= self.array.len() as u64 => (index as usize, 0),
            _ => (self.array.len(), self.position_after(key)?),
        };
        while let Some(&value) = self.array.get(index) {
            index += 1;
            let value = if self.is_weak() { live(mc, value) } else { value };
            if !value.is_nil() {
                return Ok((Some((Value::Integer(index as i64), value)), 0));
            }
        }
        while let Some(entry) = self.entries.get(position) {
            position += 1;
            let (key, value) =
                if self.is_weak() { (live(mc, entry.key), live(mc, entry.value)) } else { (entry.key, entry.value) };
            if !value.is_nil() && !key.is_nil() {
                return Ok((Some((key, value)), position as u32));
            }
        }
        Ok((None, 0))
    }

    fn position_after(&self, key: Value<'gc>) -> Result<usize, UnknownKey> {
        let cursor = self.cursor as usize;
        if cursor > 0 && self.entries.get(cursor - 1).is_some_and(|entry| same_key(entry.key, key)) {
            return Ok(cursor);
        }
        match self.find(key) {
            Some(position) => Ok(position + 1),
            // A program may clear elements during a traversal, and then the array part shrinks below the key.
            None if matches!(key, Value::Integer(index) if index > 0 && index as usize <= self.array.capacity()) => {
                Ok(0)
            }
            None => Err(UnknownKey),
        }
    }

    fn set_weak(&mut self, mc: &Mutation<'gc>, key: Value<'gc>, value: Value<'gc>) -> Result<(), InvalidKey> {
        let value = if self.flags.0 & WEAK_VALUES != 0 { weak(mc, value) } else { value };
        let is_new = !key.is_nil() && self.find(key).is_none();
        let key = if self.flags.0 & WEAK_KEYS != 0 && is_new { weak(mc, key) } else { key };
        if is_new && self.entries.len() == self.entries.capacity() {
            for entry in &mut self.entries {
                if live(mc, entry.key).is_nil() || live(mc, entry.value).is_nil() {
                    entry.value = Value::Nil;
                }
            }
        }
        self.set(key, value)
    }

    fn set_mode(&mut self, mc: &Mutation<'gc>, mode: u8) {
        if self.flags.0 & (WEAK_KEYS | WEAK_VALUES) == mode {
            return;
        }
        self.flags.0 = (self.flags.0 & !(WEAK_KEYS | WEAK_VALUES)) | mode;
        let convert = |value, is_weak| if is_weak { weak(mc, live(mc, value)) } else { live(mc, value) };
        for value in &mut self.array {
            *value = convert(*value, mode & WEAK_VALUES != 0);
        }
        for entry in &mut self.entries {
            entry.value = convert(entry.value, mode & WEAK_VALUES != 0);
            entry.key = convert(entry.key, mode & WEAK_KEYS != 0);
            if entry.key.is_nil() {
                entry.value = Value::Nil;
            }
        }
        self.trim();
    }
}

/// The integer that equals `number`, if there is one.
#[inline]
pub(crate) fn float_to_integer(number: f64) -> Option<i64> {
    let integer = number as i64;
    (integer as f64 == number && integer != i64::MAX).then_some(integer)
}

#[inline]
pub(crate) fn same_string<'gc>(a: String<'gc>, b: String<'gc>) -> bool {
    Gc::ptr_eq(a.into_inner(), b.into_inner())
}

fn weak<'gc>(mc: &Mutation<'gc>, value: Value<'gc>) -> Value<'gc> {
    match value {
        Value::UserData(userdata) => WeakCell::value(mc, userdata),
        _ => value,
    }
}

fn live<'gc>(mc: &Mutation<'gc>, value: Value<'gc>) -> Value<'gc> {
    match value {
        Value::UserData(userdata) => WeakCell::resolve(mc, userdata),
        _ => value,
    }
}

/// Where the object behind a weak reference stands.
fn weak_address(value: Value<'_>) -> Option<usize> {
    match value {
        Value::UserData(userdata) => WeakCell::address(userdata),
        _ => None,
    }
}

fn address(value: Value<'_>) -> usize {
    match value {
        Value::UserData(userdata) => match WeakCell::address(userdata) {
            Some(address) => address,
            None => Gc::as_ptr(userdata.into_inner()) as usize,
        },
        _ => 0,
    }
}

fn same_key<'gc>(a: Value<'gc>, b: Value<'gc>) -> bool {
    match (a, b) {
        (Value::Integer(a), Value::Integer(b)) => a == b,
        (Value::Number(a), Value::Number(b)) => a == b,
        (Value::Boolean(a), Value::Boolean(b)) => a == b,
        (Value::String(a), Value::String(b)) => same_string(a, b) || a == b,
        (Value::UserData(_), Value::UserData(_)) => address(a) == address(b),
        _ => false,
    }
}

fn hash_of(key: Value<'_>) -> u32 {
    let word = match key {
        Value::String(name) => return name.stored_hash() as u32,
        Value::Integer(integer) => integer as u64,
        Value::Number(number) => number.to_bits(),
        Value::Boolean(boolean) => u64::from(boolean) + 1,
        _ => address(key) as u64,
    };
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}
