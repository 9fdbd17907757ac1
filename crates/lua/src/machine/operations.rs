//! What instructions do when the short way does not apply: metamethods, conversions, errors.

use piccolo::{Context, String, UserData, Value};

use super::{Exit, Flow, FrameKind, Machine, Return};
use crate::{
    Error, Function, Table,
    closure::ClosureCell,
    native::Lookup,
    number,
    opcode::Op,
    shared::Shared,
    value::{self, type_name},
};

/// Longest string that piccolo keeps in one piece with its header.
const INLINE_MAX: usize = 256;

impl<'gc> Machine<'gc> {
    /// Goes on with a native function that asked to be called again, or with what stands on top otherwise.
    pub(super) fn resume_native(&mut self, ctx: Context<'gc>, shared: &'gc Shared<'gc>) -> Result<Flow, Error<'gc>> {
        if self.fuel <= 0 {
            return Ok(Flow::Exit(Exit::OutOfFuel));
        }
        let Some(frame) = self.pop_frame() else { return Ok(Flow::Go) };
        let at = frame.base as usize;
        let FrameKind::Native(continuation) = frame.kind else { return Ok(Flow::Go) };
        self.fuel -= 1;
        let answer = continuation.resume(self.continued_call(ctx, shared, frame.function, at, 0)?);
        self.answer(ctx, shared, answer, frame.function, at, frame.results)
    }

    /// Replaces the running frame by a call of a Lua function.
    pub(super) fn tail_call(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        function: UserData<'gc>,
        closure: &'gc ClosureCell<'gc>,
        at: usize,
        count: usize,
    ) -> Result<(), Error<'gc>> {
        let Some(frame) = self.frames.last() else { return Ok(()) };
        let (base, varargs, results, tail_calls) = (frame.base, frame.varargs, frame.results, frame.tail_calls);
        // The function goes where that of this frame stood: below its extra arguments and the fixed ones they followed.
        let bottom = match varargs {
            0 => base as usize - 1,
            varargs => {
                let parameters = frame.closure().map_or(0, |closure| usize::from(closure.prototype.parameters));
                base as usize - varargs as usize - parameters - 1
            }
        };
        self.stack.copy_within(at..=at + count, bottom);
        self.pop_frame();
        self.enter_lua(ctx, shared, function, closure, bottom, count, results)?;
        if let Some(frame) = self.frames.last_mut() {
            frame.tail_calls = tail_calls.saturating_add(1);
        }
        Ok(())
    }

    /// Calls a metamethod with values that do not stand on the stack yet.
    fn call_metamethod(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        handler: Value<'gc>,
        arguments: &[Value<'gc>],
        results: Return,
    ) -> Result<Flow, Error<'gc>> {
        let at = self.live_end();
        self.grow(at + arguments.len())?;
        self.stack[at] = handler;
        self.stack[at + 1..=at + arguments.len()].copy_from_slice(arguments);
        self.call(ctx, shared, at, arguments.len(), results)
    }

    /// `R(to) = table[key]`
    pub(super) fn index(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        table: Value<'gc>,
        key: Value<'gc>,
        to: u32,
    ) -> Result<Flow, Error<'gc>> {
        match shared.index(ctx, table, key) {
            Ok(Lookup::Known(value)) => {
                self.stack[to as usize] = value;
                Ok(Flow::Go)
            }
            Ok(Lookup::Call(handler, object)) => {
                self.call_metamethod(ctx, shared, handler, &[object, key], Return::Store { to })
            }
            Err(text) => Err(self.index_error(ctx, shared, table, "__index", text)),
        }
    }

    /// `table[key] = value`
    pub(super) fn set_index(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        mut object: Value<'gc>,
        key: Value<'gc>,
        value: Value<'gc>,
    ) -> Result<Flow, Error<'gc>> {
        let assigned = object;
        for _ in 0..shared.index_chain_max() {
            let handler = if let Some(table) = Table::from_value(object) {
                if table.is_read_only() {
                    return Err(self.error_here(ctx, b"invalid write to ROM variable"));
                }
                let handler = match table.metatable() {
                    Some(metatable) if table.get_value(&ctx, key).is_nil() => {
                        metatable.get_value(&ctx, shared.names.new_index.into())
                    }
                    _ => Value::Nil,
                };
                if handler.is_nil() {
                    return match table.set_value(&ctx, key, value) {
                        Ok(()) => Ok(Flow::Go),
                        Err(crate::InvalidKey::Nil) => Err(self.error_here(ctx, b"table index is nil")),
                        Err(crate::InvalidKey::NaN) => Err(self.error_here(ctx, b"table index is NaN")),
                    };
                }
                handler
            } else {
                let handler = match shared.metatable(object) {
                    Some(metatable) => metatable.get_value(&ctx, shared.names.new_index.into()),
                    None => Value::Nil,
                };
                if handler.is_nil() {
                    let text = format!("attempt to index a {} value", shared.type_name_for_message(ctx, object));
                    return Err(self.index_error(ctx, shared, assigned, "__newindex", text));
                }
                handler
            };
            if Function::from_value(handler).is_some() {
                return self.call_metamethod(ctx, shared, handler, &[object, key, value], Return::Drop);
            }
            object = handler;
        }
        let text: &[u8] = if shared.options.dialect.is_53() {
            b"'__newindex' chain too long; possible loop"
        } else {
            b"loop in settable"
        };
        Err(self.error_here(ctx, text))
    }

    pub(super) fn set_list(&mut self, ctx: Context<'gc>, at: usize, count: usize, offset: i64) {
        let Some(table) = Table::from_value(self.stack[at]) else { return };
        let values = &self.stack[at + 1..at + 1 + count];
        table.write(&ctx, |state| state.set_list(offset, values));
    }

    /// Arithmetic on anything: coercions, 32-bit integers, metamethods, errors.
    pub(super) fn arithmetic(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        op: Op,
        left: Value<'gc>,
        right: Value<'gc>,
        to: u32,
    ) -> Result<Flow, Error<'gc>> {
        let op = without_constant(op);
        let options = &shared.options;
        if let (Some(a), Some(b)) = (number::to_number(left, options), number::to_number(right, options)) {
            // 5.3 computes with floats as soon as a string takes part, except in bit operations.
            let is_text = |value| matches!(value, Value::String(_));
            let (a, b) = if options.dialect.is_53() && (is_text(left) || is_text(right)) && !is_bitwise(op) {
                let float = |value| number::to_float(value, options).map_or(value, Value::Number);
                (float(a), float(b))
            } else {
                (a, b)
            };
            match number::arithmetic(op, a, b, options) {
                Ok(Some(value)) => {
                    self.stack[to as usize] = value;
                    return Ok(Flow::Go);
                }
                Ok(None) => {}
                Err(text) => return Err(self.error_here(ctx, text.as_bytes())),
            }
        }
        let event = match op {
            Op::Add => shared.names.add,
            Op::Sub => shared.names.subtract,
            Op::Mul => shared.names.multiply,
            Op::Div => shared.names.divide,
            Op::Mod => shared.names.modulo,
            Op::Pow => shared.names.power,
            Op::FloorDiv => shared.names.floor_divide,
            Op::BitAnd => shared.names.bit_and,
            Op::BitOr => shared.names.bit_or,
            Op::BitXor => shared.names.bit_xor,
            Op::ShiftLeft => shared.names.shift_left,
            Op::ShiftRight => shared.names.shift_right,
            Op::BitNot => shared.names.bit_not,
            _ => shared.names.negate,
        };
        // What strings have for `%` is for a string on the left.
        let is_text = |value| matches!(value, Value::String(_));
        let partner = if op == Op::Mod && is_text(right) && !is_text(left) { left } else { right };
        let handler = self.binary_handler(ctx, shared, left, partner, event);
        if handler.is_nil() {
            return Err(self.arithmetic_error(ctx, shared, op, left, right));
        }
        self.call_metamethod(ctx, shared, handler, &[left, right], Return::Store { to })
    }

    fn binary_handler(
        &self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        left: Value<'gc>,
        right: Value<'gc>,
        event: String<'gc>,
    ) -> Value<'gc> {
        for operand in [left, right] {
            if let Some(metatable) = shared.metatable(operand) {
                let handler = metatable.get_value(&ctx, event.into());
                if !handler.is_nil() {
                    return handler;
                }
            }
        }
        Value::Nil
    }

    /// Decides the jump that comes next by a truth that is known.
    fn decide(&mut self, holds: bool, expected: bool) -> Flow {
        if let Some(frame) = self.frames.last_mut()
            && holds != expected
        {
            frame.pc += 1;
        }
        Flow::Go
    }

    pub(super) fn less(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        left: Value<'gc>,
        right: Value<'gc>,
        expected: bool,
    ) -> Result<Flow, Error<'gc>> {
        if let Some(holds) = number::less_than(left, right) {
            return Ok(self.decide(holds, expected));
        }
        match shared.comparison_handler(ctx, left, right, "__lt") {
            Some(handler) => {
                let results = Return::Test { expected, negated: false };
                self.call_metamethod(ctx, shared, handler, &[left, right], results)
            }
            None => Err(self.comparison_error(ctx, shared, left, right)),
        }
    }

    pub(super) fn less_equal(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        left: Value<'gc>,
        right: Value<'gc>,
        expected: bool,
    ) -> Result<Flow, Error<'gc>> {
        if let Some(holds) = number::less_equal(left, right) {
            return Ok(self.decide(holds, expected));
        }
        if let Some(handler) = shared.comparison_handler(ctx, left, right, "__le") {
            let results = Return::Test { expected, negated: false };
            return self.call_metamethod(ctx, shared, handler, &[left, right], results);
        }
        // Without `__le`, `a <= b` is `not (b < a)`.
        match shared.comparison_handler(ctx, right, left, "__lt") {
            Some(handler) => {
                let results = Return::Test { expected, negated: true };
                self.call_metamethod(ctx, shared, handler, &[right, left], results)
            }
            None => Err(self.comparison_error(ctx, shared, left, right)),
        }
    }

    /// Equality of two objects that are not the same one.
    pub(super) fn equal(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        left: Value<'gc>,
        right: Value<'gc>,
        expected: bool,
    ) -> Result<Flow, Error<'gc>> {
        let kinds = (type_name(left), type_name(right));
        if !matches!(kinds, ("table", "table") | ("userdata", "userdata")) {
            return Ok(self.decide(false, expected));
        }
        let of = |value| match shared.metatable(value) {
            Some(metatable) => metatable.get_value(&ctx, shared.names.equal.into()),
            None => Value::Nil,
        };
        let (first, second) = (of(left), of(right));
        let handler = if shared.options.dialect.is_53() {
            if first.is_nil() { second } else { first }
        } else if value::raw_equal(first, second) {
            first
        } else {
            Value::Nil
        };
        if handler.is_nil() {
            return Ok(self.decide(false, expected));
        }
        let results = Return::Test { expected, negated: false };
        self.call_metamethod(ctx, shared, handler, &[left, right], results)
    }

    pub(super) fn length(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        value: Value<'gc>,
        to: u32,
    ) -> Result<Flow, Error<'gc>> {
        let dialect = shared.options.dialect;
        let table = Table::from_value(value);
        // 5.1 asks only userdata for `__len`.
        let handler = match shared.metatable(value) {
            Some(metatable) if table.is_none() || dialect.is_53() => {
                metatable.get_value(&ctx, shared.names.length.into())
            }
            _ => Value::Nil,
        };
        if !handler.is_nil() {
            let results = Return::Store { to };
            let second = if dialect.is_53() { value } else { Value::Nil };
            return self.call_metamethod(ctx, shared, handler, &[value, second], results);
        }
        match table {
            Some(table) => {
                self.stack[to as usize] = dialect.integer(table.length());
                Ok(Flow::Go)
            }
            None => Err(self.operand_error(ctx, shared, "get length of", value, |i| i.b)),
        }
    }

    /// Asks for the memory of a concatenation before it begins.
    pub(super) fn reserve_concat(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        first: usize,
        last: usize,
    ) -> Result<Flow, Error<'gc>> {
        let length = |value: &Value<'gc>| match value {
            Value::String(text) => text.as_bytes().len(),
            _ => 24,
        };
        let bytes = self.stack[first..=last].iter().map(length).sum();
        self.reserve_for_instruction(ctx, shared, bytes)?;
        Ok(Flow::Go)
    }

    /// Concatenates the values from `first` to `last`, from the right, into `target`.
    pub(super) fn concat(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        first: usize,
        mut last: usize,
        target: usize,
    ) -> Result<Flow, Error<'gc>> {
        let is_text = |value: &Value<'gc>| matches!(value, Value::String(_) | Value::Number(_) | Value::Integer(_));
        while last > first {
            let mut start = last;
            while start > first && is_text(&self.stack[start - 1]) && is_text(&self.stack[start]) {
                start -= 1;
            }
            if start == last {
                let (left, right) = (self.stack[last - 1], self.stack[last]);
                let handler = self.binary_handler(ctx, shared, left, right, shared.names.concat);
                if handler.is_nil() {
                    return Err(self.concat_error(ctx, shared, left, right, last));
                }
                let results = Return::Concat { first: first as u32, to: last as u32 - 1, target: target as u32 };
                return self.call_metamethod(ctx, shared, handler, &[left, right], results);
            }
            self.stack[start] = Value::String(self.join(ctx, shared, start, last));
            last = start;
        }
        self.stack[target] = self.stack[first];
        Ok(Flow::Go)
    }

    fn join(&mut self, ctx: Context<'gc>, shared: &'gc Shared<'gc>, first: usize, last: usize) -> String<'gc> {
        let values = &self.stack[first..=last];
        if let [Value::String(left), Value::String(right)] = values {
            if left.as_bytes().is_empty() {
                return *right;
            }
            if right.as_bytes().is_empty() {
                return *left;
            }
        }
        let length: usize =
            values.iter().map(|value| if let Value::String(text) = value { text.as_bytes().len() } else { 24 }).sum();
        let is_short = length <= INLINE_MAX;
        let mut text = if is_short { std::mem::take(&mut self.scratch) } else { Vec::with_capacity(length) };
        for &value in values {
            match value {
                Value::String(part) => text.extend_from_slice(part.as_bytes()),
                number => number::write(&mut text, number, shared.options.dialect),
            }
        }
        if !is_short {
            return String::from_buffer(&ctx, text.into_boxed_slice());
        }
        let joined = String::from_slice(&ctx, &text);
        text.clear();
        self.scratch = text;
        joined
    }

    /// Checks and converts start, limit and step of a numeric loop, whose registers begin at `at`.
    pub(super) fn prepare_for(
        &mut self,
        ctx: Context<'gc>,
        shared: &'gc Shared<'gc>,
        at: usize,
    ) -> Result<Flow, Error<'gc>> {
        let options = &shared.options;
        let is_53 = options.dialect.is_53();
        let [start, limit, step] = [self.stack[at], self.stack[at + 1], self.stack[at + 2]];
        if let (Value::Integer(start), Value::Integer(step), true) = (start, step, is_53)
            && let Some(limit) = number::to_number(limit, options).and_then(|limit| integer_limit(limit, step))
        {
            let rounds = if step == 0 {
                // Such a loop either never begins or never ends.
                if limit <= start { u64::MAX } else { 0 }
            } else if step > 0 {
                if start > limit { 0 } else { (limit as u64).wrapping_sub(start as u64) / step as u64 + 1 }
            } else if start < limit {
                0
            } else {
                (start as u64).wrapping_sub(limit as u64) / step.unsigned_abs() + 1
            };
            self.stack[at] = Value::Integer(start.wrapping_sub(step));
            self.stack[at + 1] = Value::Integer(rounds as i64);
            return Ok(Flow::Go);
        }
        let float = |value| number::to_float(value, options);
        // 5.1 looks at the initial value first, 5.3 at the limit.
        let mut order = [
            (start, "'for' initial value must be a number"),
            (limit, "'for' limit must be a number"),
            (step, "'for' step must be a number"),
        ];
        if is_53 {
            order.rotate_left(1);
        }
        for (value, text) in order {
            if float(value).is_none() {
                return Err(self.error_here(ctx, text.as_bytes()));
            }
        }
        let (Some(start), Some(limit), Some(step)) = (float(start), float(limit), float(step)) else {
            return Ok(Flow::Go);
        };
        self.stack[at] = Value::Number(start - step);
        self.stack[at + 1] = Value::Number(limit);
        self.stack[at + 2] = Value::Number(step);
        Ok(Flow::Go)
    }
}

/// The last integer that a loop from integers may reach (`forlimit`).
fn integer_limit(limit: Value<'_>, step: i64) -> Option<i64> {
    match limit {
        Value::Integer(limit) => Some(limit),
        Value::Number(limit) if limit.is_nan() => Some(if step > 0 { i64::MIN } else { i64::MAX }),
        Value::Number(limit) if step < 0 => Some(limit.ceil() as i64),
        Value::Number(limit) => Some(limit.floor() as i64),
        _ => None,
    }
}

pub(super) fn is_bitwise(op: Op) -> bool {
    matches!(op, Op::BitAnd | Op::BitOr | Op::BitXor | Op::BitNot | Op::ShiftLeft | Op::ShiftRight)
}

fn without_constant(op: Op) -> Op {
    match op {
        Op::AddK => Op::Add,
        Op::SubK => Op::Sub,
        Op::MulK => Op::Mul,
        Op::DivK => Op::Div,
        Op::ModK => Op::Mod,
        Op::PowK => Op::Pow,
        Op::FloorDivK => Op::FloorDiv,
        other => other,
    }
}
