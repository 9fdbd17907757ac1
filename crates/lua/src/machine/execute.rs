//! The instruction loop.
//!
//! Short ways stand here: numbers, tables without metatables, calls of Lua functions. Whatever else an instruction may mean is
//! in `operations`. The loop works on a window of 256 registers, so that an operand of one byte needs no check; it takes the
//! window anew after anything that may have moved the stack.

use std::cell::Cell;

use allocator_api2::vec;
use gc_arena::{Gc, Rootable, allocator_api::MetricsAlloc};
use piccolo::{Context, String, Value};

use super::{Exit, Flow, Machine, Return, WINDOW};
use crate::{
    Error, Table,
    closure::{self, ClosureCell},
    compiler::UpvalueSource,
    number,
    opcode::Op,
    prototype::Prototype,
    shared::Shared,
    table::{TableCell, TableState, float_to_integer},
};

/// What made the loop leave the window.
enum Leave {
    /// A call or return changed the top frame.
    Frame,
    /// The stack may have moved; the frame is the same.
    Window,
}

type Window<'w, 'gc> = &'w mut [Value<'gc>; WINDOW];

#[inline(always)]
fn table_of<'gc>(value: Value<'gc>) -> Option<&'gc TableCell<'gc>> {
    match value {
        Value::UserData(userdata) => userdata.downcast::<Rootable![TableCell<'_>]>().ok(),
        _ => None,
    }
}

#[inline(always)]
fn is_false(value: Value<'_>) -> bool {
    matches!(value, Value::Nil | Value::Boolean(false))
}

impl<'gc> Machine<'gc> {
    /// Runs the top frame, and those it calls, until something else must happen.
    pub(super) fn execute(&mut self, ctx: Context<'gc>, shared: &'gc Shared<'gc>) -> Result<Flow, Error<'gc>> {
        let dialect = shared.options.dialect;
        let is_32_bit = shared.options.integer_bits == crate::IntegerBits::Bits32;
        let mut fuel = self.fuel;

        /// Leaves through an error-returning helper, with pc and fuel in their places.
        macro_rules! slow {
            ($pc:expr, $call:expr) => {{
                self.fuel = fuel;
                if let Some(frame) = self.frames.last_mut() {
                    frame.pc = $pc as u32;
                }
                match $call? {
                    Flow::Go => {}
                    exit => return Ok(exit),
                }
                fuel = self.fuel;
                if self.wants_collection {
                    return Ok(Flow::Go);
                }
            }};
        }

        macro_rules! out_of_fuel {
            ($pc:expr) => {{
                self.fuel = fuel;
                if let Some(frame) = self.frames.last_mut() {
                    frame.pc = $pc as u32;
                }
                return Ok(Flow::Exit(Exit::OutOfFuel));
            }};
        }

        'frame: loop {
            let depth = self.frames.len();
            let Some(frame) = self.frames.last() else { return Ok(Flow::Go) };
            let Some(running) = frame.closure() else {
                self.fuel = fuel;
                return self.resume_native(ctx, shared);
            };
            if fuel <= 0 && !std::mem::take(&mut self.is_interrupted) {
                self.fuel = fuel;
                return Ok(Flow::Exit(Exit::OutOfFuel));
            }
            let function = frame.function;
            let running: &'gc ClosureCell<'gc> = running;
            let prototype = Gc::as_ref(running.prototype);
            let code = if self.is_watched { prototype.watched_code() } else { &*prototype.code };
            let constants = &*prototype.constants;
            let base = frame.base as usize;
            let mut pc = frame.pc as usize;

            'window: loop {
                let window: Option<Window<'_, 'gc>> =
                    self.stack.get_mut(base..base + WINDOW).and_then(|window| window.try_into().ok());
                let Some(r) = window else {
                    self.grow(base)?;
                    continue 'window;
                };

                /// Takes the jump that follows a test.
                macro_rules! take_jump {
                    () => {{
                        let offset = code[pc].offset();
                        pc = (pc as i64 + 1 + i64::from(offset)) as usize;
                        if offset < 0 && fuel <= 0 {
                            out_of_fuel!(pc);
                        }
                    }};
                }

                macro_rules! arithmetic {
                    ($i:expr, $left:expr, $right:expr, $float:expr, $integer:expr) => {{
                        let (left, right) = ($left, $right);
                        match (left, right) {
                            (Value::Number(a), Value::Number(b)) => r[$i.a as usize] = Value::Number($float(a, b)),
                            (Value::Integer(a), Value::Integer(b)) if !is_32_bit => {
                                r[$i.a as usize] = Value::Integer($integer(a, b))
                            }
                            (Value::Number(a), Value::Integer(b)) => {
                                r[$i.a as usize] = Value::Number($float(a, b as f64))
                            }
                            (Value::Integer(a), Value::Number(b)) => {
                                r[$i.a as usize] = Value::Number($float(a as f64, b))
                            }
                            _ => {
                                let to = (base + $i.a as usize) as u32;
                                slow!(pc, self.arithmetic(ctx, shared, $i.op, left, right, to));
                                if self.frames.len() != depth {
                                    continue 'frame;
                                }
                                continue 'window;
                            }
                        }
                    }};
                }

                macro_rules! float_arithmetic {
                    ($i:expr, $left:expr, $right:expr, $float:expr) => {{
                        let (left, right) = ($left, $right);
                        match (left, right) {
                            (Value::Number(a), Value::Number(b)) => r[$i.a as usize] = Value::Number($float(a, b)),
                            _ => {
                                let to = (base + $i.a as usize) as u32;
                                slow!(pc, self.arithmetic(ctx, shared, $i.op, left, right, to));
                                if self.frames.len() != depth {
                                    continue 'frame;
                                }
                                continue 'window;
                            }
                        }
                    }};
                }

                macro_rules! compare {
                    ($i:expr, $left:expr, $right:expr, $op:tt, $method:ident, $expected:expr) => {{
                        let (left, right) = ($left, $right);
                        let holds = match (left, right) {
                            (Value::Number(a), Value::Number(b)) => a $op b,
                            (Value::Integer(a), Value::Integer(b)) => a $op b,
                            _ => {
                                slow!(pc, self.$method(ctx, shared, left, right, $expected));
                                if self.frames.len() != depth {
                                    continue 'frame;
                                }
                                if let Some(frame) = self.frames.last() {
                                    pc = frame.pc as usize;
                                }
                                continue 'window;
                            }
                        };
                        if holds == $expected {
                            take_jump!();
                        } else {
                            pc += 1;
                        }
                    }};
                }

                let mut i = code[pc];
                let leave = loop {
                    pc += 1;
                    fuel -= 1;
                    match i.op {
                        Op::Move => r[i.a as usize] = r[i.b as usize],
                        Op::LoadK => r[i.a as usize] = constants[i.bx() as usize],
                        Op::LoadKWide => {
                            r[i.a as usize] = constants[code[pc].offset() as usize];
                            pc += 1;
                        }
                        Op::LoadNil => r[i.a as usize..=i.a as usize + i.b as usize].fill(Value::Nil),
                        Op::LoadBool => {
                            r[i.a as usize] = Value::Boolean(i.b != 0);
                            pc += usize::from(i.c != 0);
                        }
                        Op::GetUpvalue => r[i.a as usize] = running.upvalues[i.b as usize],
                        Op::GetBoxUpvalue => r[i.a as usize] = closure::get_box(running.upvalues[i.b as usize]),
                        Op::SetBoxUpvalue => closure::set_box(&ctx, running.upvalues[i.b as usize], r[i.a as usize]),
                        Op::GetSelf => r[i.a as usize] = Value::UserData(function),
                        Op::GetEnvironment => r[i.a as usize] = running.environment.get(),
                        Op::NewBox => r[i.a as usize] = closure::new_box(&ctx, r[i.a as usize]),
                        Op::GetBox => r[i.a as usize] = closure::get_box(r[i.b as usize]),
                        Op::SetBox => closure::set_box(&ctx, r[i.a as usize], r[i.b as usize]),
                        Op::GetGlobal => {
                            let key = constants[i.bx() as usize];
                            if let Some(value) = read_field(running.environment.get(), key, prototype, pc) {
                                r[i.a as usize] = value;
                            } else {
                                let to = (base + i.a as usize) as u32;
                                let table = running.environment.get();
                                slow!(pc, self.index(ctx, shared, table, key, to));
                                break if self.frames.len() == depth { Leave::Window } else { Leave::Frame };
                            }
                        }
                        Op::SetGlobal => {
                            let key = constants[i.bx() as usize];
                            let table = running.environment.get();
                            let value = r[i.a as usize];
                            if !write_field(ctx, table, key, value, prototype, pc) {
                                slow!(pc, self.set_index(ctx, shared, table, key, value));
                                break if self.frames.len() == depth { Leave::Window } else { Leave::Frame };
                            }
                        }
                        Op::GetField => {
                            let key = constants[i.c as usize];
                            let table = r[i.b as usize];
                            if let Some(value) = read_field(table, key, prototype, pc) {
                                r[i.a as usize] = value;
                            } else {
                                let to = (base + i.a as usize) as u32;
                                slow!(pc, self.index(ctx, shared, table, key, to));
                                break if self.frames.len() == depth { Leave::Window } else { Leave::Frame };
                            }
                        }
                        Op::SetField => {
                            let key = constants[i.b as usize];
                            let (table, value) = (r[i.a as usize], r[i.c as usize]);
                            if !write_field(ctx, table, key, value, prototype, pc) {
                                slow!(pc, self.set_index(ctx, shared, table, key, value));
                                break if self.frames.len() == depth { Leave::Window } else { Leave::Frame };
                            }
                        }
                        Op::GetIndex => {
                            let (table, key) = (r[i.b as usize], r[i.c as usize]);
                            if let Some(value) = read_element(table, key) {
                                r[i.a as usize] = value;
                            } else {
                                let to = (base + i.a as usize) as u32;
                                slow!(pc, self.index(ctx, shared, table, key, to));
                                break if self.frames.len() == depth { Leave::Window } else { Leave::Frame };
                            }
                        }
                        Op::GetInteger => {
                            let table = r[i.b as usize];
                            if let Some(value) = read_integer(table, i64::from(i.c)) {
                                r[i.a as usize] = value;
                            } else {
                                let key = dialect.integer(i64::from(i.c));
                                let to = (base + i.a as usize) as u32;
                                slow!(pc, self.index(ctx, shared, table, key, to));
                                break if self.frames.len() == depth { Leave::Window } else { Leave::Frame };
                            }
                        }
                        Op::SetIndex => {
                            let (table, key, value) = (r[i.a as usize], r[i.b as usize], r[i.c as usize]);
                            if !write_element(ctx, table, key, value) {
                                slow!(pc, self.set_index(ctx, shared, table, key, value));
                                break if self.frames.len() == depth { Leave::Window } else { Leave::Frame };
                            }
                        }
                        Op::SetInteger => {
                            let (table, key, value) =
                                (r[i.a as usize], Value::Integer(i64::from(i.b)), r[i.c as usize]);
                            if !write_element(ctx, table, key, value) {
                                let key = dialect.present(key);
                                slow!(pc, self.set_index(ctx, shared, table, key, value));
                                break if self.frames.len() == depth { Leave::Window } else { Leave::Frame };
                            }
                        }
                        Op::Method => {
                            let object = r[i.b as usize];
                            let key = constants[i.c as usize];
                            r[i.a as usize + 1] = object;
                            if let Some(value) = read_method(shared, object, key, prototype, pc) {
                                r[i.a as usize] = value;
                            } else {
                                let to = (base + i.a as usize) as u32;
                                slow!(pc, self.index(ctx, shared, object, key, to));
                                break if self.frames.len() == depth { Leave::Window } else { Leave::Frame };
                            }
                        }
                        Op::NewTable => {
                            r[i.a as usize] = Table::with_capacity(&ctx, i.b as usize, i.c as usize).into();
                        }
                        Op::SetList => {
                            let offset = code[pc].offset() as i64;
                            pc += 1;
                            let count = match i.b {
                                0 => {
                                    let top = self.frames[depth - 1].top as usize;
                                    top - base - i.a as usize - 1
                                }
                                count => usize::from(count),
                            };
                            self.set_list(ctx, base + i.a as usize, count, offset);
                            break Leave::Window;
                        }
                        Op::Add => {
                            arithmetic!(i, r[i.b as usize], r[i.c as usize], |a: f64, b: f64| a + b, i64::wrapping_add)
                        }
                        Op::Sub => {
                            arithmetic!(i, r[i.b as usize], r[i.c as usize], |a: f64, b: f64| a - b, i64::wrapping_sub)
                        }
                        Op::Mul => {
                            arithmetic!(i, r[i.b as usize], r[i.c as usize], |a: f64, b: f64| a * b, i64::wrapping_mul)
                        }
                        Op::AddK => arithmetic!(
                            i,
                            r[i.b as usize],
                            constants[i.c as usize],
                            |a: f64, b: f64| a + b,
                            i64::wrapping_add
                        ),
                        Op::SubK => arithmetic!(
                            i,
                            r[i.b as usize],
                            constants[i.c as usize],
                            |a: f64, b: f64| a - b,
                            i64::wrapping_sub
                        ),
                        Op::MulK => arithmetic!(
                            i,
                            r[i.b as usize],
                            constants[i.c as usize],
                            |a: f64, b: f64| a * b,
                            i64::wrapping_mul
                        ),
                        Op::Div => float_arithmetic!(i, r[i.b as usize], r[i.c as usize], |a: f64, b: f64| a / b),
                        Op::DivK => {
                            float_arithmetic!(i, r[i.b as usize], constants[i.c as usize], |a: f64, b: f64| a / b)
                        }
                        Op::Mod => {
                            float_arithmetic!(i, r[i.b as usize], r[i.c as usize], |a, b| number::modulo(a, b, dialect))
                        }
                        Op::ModK => match (r[i.b as usize], constants[i.c as usize]) {
                            (Value::Integer(a), Value::Integer(b)) if b > 0 => {
                                r[i.a as usize] = Value::Integer(a.rem_euclid(b));
                            }
                            (left, right) => {
                                float_arithmetic!(i, left, right, |a, b| number::modulo(a, b, dialect))
                            }
                        },
                        Op::Pow => float_arithmetic!(i, r[i.b as usize], r[i.c as usize], number::power),
                        Op::PowK => float_arithmetic!(i, r[i.b as usize], constants[i.c as usize], number::power),
                        Op::FloorDiv => {
                            float_arithmetic!(i, r[i.b as usize], r[i.c as usize], |a: f64, b: f64| (a / b).floor())
                        }
                        Op::FloorDivK => {
                            float_arithmetic!(i, r[i.b as usize], constants[i.c as usize], |a: f64, b: f64| (a / b)
                                .floor())
                        }
                        Op::BitAnd | Op::BitOr | Op::BitXor | Op::ShiftLeft | Op::ShiftRight => {
                            let (left, right) = (r[i.b as usize], r[i.c as usize]);
                            match (left, right, i.op) {
                                (Value::Integer(a), Value::Integer(b), Op::BitAnd) => {
                                    r[i.a as usize] = Value::Integer(a & b);
                                }
                                (Value::Integer(a), Value::Integer(b), Op::BitOr) => {
                                    r[i.a as usize] = Value::Integer(a | b);
                                }
                                (Value::Integer(a), Value::Integer(b), Op::BitXor) => {
                                    r[i.a as usize] = Value::Integer(a ^ b);
                                }
                                _ => {
                                    let to = (base + i.a as usize) as u32;
                                    slow!(pc, self.arithmetic(ctx, shared, i.op, left, right, to));
                                    break if self.frames.len() == depth { Leave::Window } else { Leave::Frame };
                                }
                            }
                        }
                        Op::Negate => match r[i.b as usize] {
                            Value::Number(number) => r[i.a as usize] = Value::Number(-number),
                            Value::Integer(integer) if !is_32_bit => {
                                r[i.a as usize] = Value::Integer(integer.wrapping_neg());
                            }
                            value => {
                                let to = (base + i.a as usize) as u32;
                                slow!(pc, self.arithmetic(ctx, shared, i.op, value, value, to));
                                break if self.frames.len() == depth { Leave::Window } else { Leave::Frame };
                            }
                        },
                        Op::BitNot => {
                            let value = r[i.b as usize];
                            let to = (base + i.a as usize) as u32;
                            slow!(pc, self.arithmetic(ctx, shared, i.op, value, value, to));
                            break if self.frames.len() == depth { Leave::Window } else { Leave::Frame };
                        }
                        Op::Not => r[i.a as usize] = Value::Boolean(is_false(r[i.b as usize])),
                        Op::Length => {
                            let value = r[i.b as usize];
                            let plain = table_of(value).and_then(|cell| {
                                let state = cell.borrow();
                                state.metatable().is_none().then(|| state.length())
                            });
                            match (plain, value) {
                                (Some(length), _) => r[i.a as usize] = dialect.integer(length),
                                (None, Value::String(string)) => {
                                    r[i.a as usize] = dialect.integer(string.as_bytes().len() as i64);
                                }
                                _ => {
                                    let to = (base + i.a as usize) as u32;
                                    slow!(pc, self.length(ctx, shared, value, to));
                                    break if self.frames.len() == depth { Leave::Window } else { Leave::Frame };
                                }
                            }
                        }
                        Op::Concat => {
                            let (first, last) = (base + i.b as usize, base + i.c as usize);
                            let target = base + i.a as usize;
                            // A collection for want of memory repeats the instruction.
                            slow!(pc - 1, self.reserve_concat(ctx, shared, first, last));
                            slow!(pc, self.concat(ctx, shared, first, last, target));
                            break if self.frames.len() == depth { Leave::Window } else { Leave::Frame };
                        }
                        Op::Jump => {
                            let offset = i.offset();
                            pc = (pc as i64 + i64::from(offset)) as usize;
                            if offset < 0 && fuel <= 0 {
                                out_of_fuel!(pc);
                            }
                        }
                        Op::Test => {
                            if is_false(r[i.a as usize]) == (i.c != 0) {
                                pc += 1;
                            } else {
                                take_jump!();
                            }
                        }
                        Op::TestSet => {
                            let value = r[i.b as usize];
                            if is_false(value) == (i.c != 0) {
                                pc += 1;
                            } else {
                                r[i.a as usize] = value;
                                take_jump!();
                            }
                        }
                        Op::Equal | Op::EqualK => {
                            let left = r[i.b as usize];
                            let right = if i.op == Op::Equal { r[i.c as usize] } else { constants[i.c as usize] };
                            let equal = crate::value::raw_equal(left, right);
                            let wanted = i.a != 0;
                            if !equal && matches!((left, right), (Value::UserData(_), Value::UserData(_))) {
                                slow!(pc, self.equal(ctx, shared, left, right, wanted));
                                if self.frames.len() != depth {
                                    break Leave::Frame;
                                }
                                if let Some(frame) = self.frames.last() {
                                    pc = frame.pc as usize;
                                }
                                break Leave::Window;
                            }
                            if equal == wanted {
                                take_jump!();
                            } else {
                                pc += 1;
                            }
                        }
                        Op::Less => compare!(i, r[i.b as usize], r[i.c as usize], <, less, i.a != 0),
                        Op::LessEqual => compare!(i, r[i.b as usize], r[i.c as usize], <=, less_equal, i.a != 0),
                        Op::LessK => compare!(i, r[i.b as usize], constants[i.c as usize], <, less, i.a != 0),
                        Op::LessEqualK => {
                            compare!(i, r[i.b as usize], constants[i.c as usize], <=, less_equal, i.a != 0)
                        }
                        Op::GreaterK => compare!(i, constants[i.c as usize], r[i.b as usize], <, less, i.a != 0),
                        Op::GreaterEqualK => {
                            compare!(i, constants[i.c as usize], r[i.b as usize], <=, less_equal, i.a != 0)
                        }
                        Op::Call => {
                            let at = base + i.a as usize;
                            let callee = r[i.a as usize];
                            let frame = &mut self.frames[depth - 1];
                            frame.pc = pc as u32;
                            let count = match i.b {
                                0 => frame.top as usize - at - 1,
                                b => usize::from(b) - 1,
                            };
                            let results = Return::Registers { to: at as u32, wanted: i.c.checked_sub(1) };
                            self.fuel = fuel;
                            if let Value::UserData(userdata) = callee
                                && let Ok(closure) = userdata.downcast::<Rootable![ClosureCell<'_>]>()
                            {
                                self.enter_lua(ctx, shared, userdata, closure, at, count, results)?;
                                break Leave::Frame;
                            }
                            match self.call(ctx, shared, at, count, results)? {
                                Flow::Go if self.wants_collection => return Ok(Flow::Go),
                                Flow::Go => {}
                                exit => return Ok(exit),
                            }
                            fuel = self.fuel;
                            if self.frames.len() != depth {
                                break Leave::Frame;
                            }
                            break Leave::Window;
                        }
                        Op::TailCall => {
                            let at = base + i.a as usize;
                            let frame = &mut self.frames[depth - 1];
                            frame.pc = pc as u32;
                            let count = match i.b {
                                0 => frame.top as usize - at - 1,
                                b => usize::from(b) - 1,
                            };
                            self.fuel = fuel;
                            if let Value::UserData(userdata) = r[i.a as usize]
                                && let Ok(closure) = userdata.downcast::<Rootable![ClosureCell<'_>]>()
                            {
                                self.tail_call(ctx, shared, userdata, closure, at, count)?;
                                break Leave::Frame;
                            }
                            // Anything else is an ordinary call; the return that follows passes its results on.
                            let results = Return::Registers { to: at as u32, wanted: None };
                            match self.call(ctx, shared, at, count, results)? {
                                Flow::Go if self.wants_collection => return Ok(Flow::Go),
                                Flow::Go => {}
                                exit => return Ok(exit),
                            }
                            fuel = self.fuel;
                            break Leave::Frame;
                        }
                        Op::Return => {
                            let first = base + i.a as usize;
                            let frame = &self.frames[depth - 1];
                            let count = match i.b {
                                0 => frame.top as usize - first,
                                b => usize::from(b) - 1,
                            };
                            let results = frame.results;
                            if let Return::Registers { to, wanted } = results {
                                self.frames.pop();
                                match wanted {
                                    Some(1) => {
                                        let value = if count > 0 { r[i.a as usize] } else { Value::Nil };
                                        self.stack[to as usize] = value;
                                    }
                                    Some(0) => {}
                                    Some(wanted) => {
                                        self.move_values(first, count, to as usize, usize::from(wanted));
                                    }
                                    None => {
                                        self.move_values(first, count, to as usize, count);
                                        if let Some(frame) = self.frames.last_mut() {
                                            frame.top = to + count as u32;
                                        }
                                    }
                                }
                                break Leave::Frame;
                            }
                            self.fuel = fuel;
                            self.pop_frame();
                            match self.deliver(ctx, shared, first, count, results)? {
                                Flow::Go => {}
                                exit => return Ok(exit),
                            }
                            fuel = self.fuel;
                            if self.wants_collection {
                                return Ok(Flow::Go);
                            }
                            break Leave::Frame;
                        }
                        Op::ForPrepare => {
                            let a = i.a as usize;
                            let end = (pc as i64 + 1 + i64::from(code[pc].offset())) as usize;
                            if let (Value::Number(start), Value::Number(_), Value::Number(step)) =
                                (r[a], r[a + 1], r[a + 2])
                            {
                                r[a] = Value::Number(start - step);
                                pc = end;
                            } else {
                                slow!(pc, self.prepare_for(ctx, shared, base + a));
                                pc = end;
                                break Leave::Window;
                            }
                        }
                        Op::ForLoop => {
                            let a = i.a as usize;
                            let goes_on = match (r[a], r[a + 1], r[a + 2]) {
                                (Value::Number(index), Value::Number(limit), Value::Number(step)) => {
                                    let index = index + step;
                                    let goes_on = if step > 0.0 { index <= limit } else { limit <= index };
                                    if goes_on {
                                        r[a] = Value::Number(index);
                                        r[a + 3] = Value::Number(index);
                                    }
                                    goes_on
                                }
                                // Of integers the second one counts the rounds that are left.
                                (Value::Integer(index), Value::Integer(rounds), Value::Integer(step)) => {
                                    let goes_on = rounds != 0;
                                    if goes_on {
                                        let index = index.wrapping_add(step);
                                        r[a] = Value::Integer(index);
                                        r[a + 1] = Value::Integer(rounds.wrapping_sub(1));
                                        r[a + 3] = Value::Integer(index);
                                    }
                                    goes_on
                                }
                                _ => false,
                            };
                            if goes_on {
                                pc = (pc as i64 + 1 + i64::from(code[pc].offset())) as usize;
                                if fuel <= 0 {
                                    out_of_fuel!(pc);
                                }
                            } else {
                                pc += 1;
                            }
                        }
                        Op::ForCall => {
                            let a = i.a as usize;
                            if let Some((key, value)) = next_pair(ctx, shared, r[a], r[a + 1], r[a + 2]) {
                                r[a + 3] = dialect.present(key);
                                if i.c > 1 {
                                    r[a + 4] = value;
                                    r[a + 5..a + 3 + i.c as usize].fill(Value::Nil);
                                }
                            } else {
                                let at = base + a + 3 + usize::from(i.c).max(3);
                                let (f, s, c) = (r[a], r[a + 1], r[a + 2]);
                                self.grow(at)?;
                                self.stack[at] = f;
                                self.stack[at + 1] = s;
                                self.stack[at + 2] = c;
                                let results = Return::Iterator { to: (base + a + 3) as u32, wanted: i.c };
                                slow!(pc, self.call(ctx, shared, at, 2, results));
                                break if self.frames.len() == depth { Leave::Window } else { Leave::Frame };
                            }
                        }
                        Op::ForNext => {
                            let a = i.a as usize;
                            if r[a + 3].is_nil() {
                                pc += 1;
                            } else {
                                r[a + 2] = r[a + 3];
                                pc = (pc as i64 + 1 + i64::from(code[pc].offset())) as usize;
                                if fuel <= 0 {
                                    out_of_fuel!(pc);
                                }
                            }
                        }
                        Op::Closure => {
                            let child = prototype.children[i.bx() as usize];
                            let mut upvalues =
                                vec::Vec::with_capacity_in(child.upvalues.len(), MetricsAlloc::new(&ctx));
                            for upvalue in &child.upvalues {
                                upvalues.push(match upvalue.source {
                                    UpvalueSource::Register(register) => r[register as usize],
                                    UpvalueSource::Upvalue(upvalue) => running.upvalues[upvalue as usize],
                                    UpvalueSource::Creator => Value::UserData(function),
                                    UpvalueSource::Own => Value::Nil,
                                });
                            }
                            let environment = running.environment.get();
                            r[i.a as usize] = closure::new_closure(&ctx, child, environment, upvalues).into();
                        }
                        Op::Vararg => {
                            let varargs = self.frames[depth - 1].varargs as usize;
                            let to = base + i.a as usize;
                            let wanted = match i.b {
                                0 => {
                                    self.frames[depth - 1].top = (to + varargs) as u32;
                                    varargs
                                }
                                b => usize::from(b) - 1,
                            };
                            self.grow(to + wanted)?;
                            let moved = varargs.min(wanted);
                            self.stack.copy_within(base - varargs..base - varargs + moved, to);
                            self.stack[to + moved..to + wanted].fill(Value::Nil);
                            break Leave::Window;
                        }
                        Op::Watched => {
                            pc -= 1;
                            fuel += 1;
                            if shared.watch.borrow_mut().stops_at(prototype, pc, depth) {
                                self.fuel = fuel;
                                if let Some(frame) = self.frames.last_mut() {
                                    frame.pc = pc as u32;
                                }
                                return Ok(Flow::Exit(Exit::Paused));
                            }
                            i = prototype.code[pc];
                            continue;
                        }
                    }
                    i = code[pc];
                };
                match leave {
                    Leave::Window => {}
                    Leave::Frame => continue 'frame,
                }
            }
        }
    }
}

/// Reads a field the short way: the value is there, or there is no metatable that could provide it.
#[inline(always)]
fn read_field<'gc>(table: Value<'gc>, key: Value<'gc>, prototype: &Prototype<'gc>, pc: usize) -> Option<Value<'gc>> {
    let (Some(cell), Value::String(name)) = (table_of(table), key) else { return None };
    let state = cell.borrow();
    let cache = &prototype.caches[pc - 1];
    if let Some(value) = state.get_at(cache.get(), name)
        && !value.is_nil()
        && !state.is_weak()
    {
        return Some(value);
    }
    read_field_anew(&state, name, cache)
}

fn read_field_anew<'gc>(state: &TableState<'gc>, name: String<'gc>, cache: &Cell<u32>) -> Option<Value<'gc>> {
    if state.is_weak() {
        return None;
    }
    if let Some(position) = state.position_of(name) {
        cache.set(position);
        let value = state.value_at(position);
        if !value.is_nil() {
            return Some(value);
        }
    }
    state.metatable().is_none().then_some(Value::Nil)
}

/// Writes a field the short way: the table has it already, or has no metatable that could care.
#[inline(always)]
fn write_field<'gc>(
    ctx: Context<'gc>,
    table: Value<'gc>,
    key: Value<'gc>,
    value: Value<'gc>,
    prototype: &Prototype<'gc>,
    pc: usize,
) -> bool {
    let (Value::UserData(userdata), Value::String(name)) = (table, key) else { return false };
    let Ok(cell) = userdata.downcast_write::<Rootable![TableCell<'_>]>(&ctx) else { return false };
    let state = &mut *cell.unlock().borrow_mut();
    if !state.is_plain() {
        return false;
    }
    let cache = &prototype.caches[pc - 1];
    if state.replace_at(cache.get(), name, value) {
        return true;
    }
    if let Some(position) = state.position_of(name) {
        cache.set(position);
        if state.replace_at(position, name, value) {
            return true;
        }
    }
    state.metatable().is_none() && state.set(key, value).is_ok()
}

#[inline(always)]
fn read_integer<'gc>(table: Value<'gc>, index: i64) -> Option<Value<'gc>> {
    let state = table_of(table)?.borrow();
    if state.is_weak() {
        return None;
    }
    let value = state.get_integer(index);
    (!value.is_nil() || state.metatable().is_none()).then_some(value)
}

#[inline(always)]
fn read_element<'gc>(table: Value<'gc>, key: Value<'gc>) -> Option<Value<'gc>> {
    let state = table_of(table)?.borrow();
    if state.is_weak() {
        return None;
    }
    let value = state.get(key);
    (!value.is_nil() || state.metatable().is_none()).then_some(value)
}

#[inline(always)]
fn write_element<'gc>(ctx: Context<'gc>, table: Value<'gc>, key: Value<'gc>, value: Value<'gc>) -> bool {
    let Value::UserData(userdata) = table else { return false };
    let Ok(cell) = userdata.downcast_write::<Rootable![TableCell<'_>]>(&ctx) else { return false };
    let state = &mut *cell.unlock().borrow_mut();
    if !state.is_plain() {
        return false;
    }
    let index = match key {
        Value::Integer(index) => Some(index),
        Value::Number(number) => float_to_integer(number),
        _ => None,
    };
    match index {
        Some(index) if state.replace_element(index, value) => true,
        _ => state.metatable().is_none() && state.set(key, value).is_ok(),
    }
}

/// Reads a method the short way: from the object's table, or from a table in its metatable's `__index`.
#[inline(always)]
fn read_method<'gc>(
    shared: &Shared<'gc>,
    object: Value<'gc>,
    key: Value<'gc>,
    prototype: &Prototype<'gc>,
    pc: usize,
) -> Option<Value<'gc>> {
    let Value::String(name) = key else { return None };
    let metatable = match table_of(object) {
        Some(cell) => {
            let state = cell.borrow();
            if state.is_weak() {
                return None;
            }
            match state.metatable() {
                None => return read_field_anew(&state, name, &prototype.caches[pc - 1]),
                Some(metatable) => {
                    let own = state.get_string(name);
                    if !own.is_nil() {
                        return Some(own);
                    }
                    metatable
                }
            }
        }
        None => shared.metatable(object)?,
    };
    let class = metatable.cell().borrow().get_string(shared.names.index);
    let state = table_of(class)?.borrow();
    let cache = &prototype.caches[pc - 1];
    if let Some(value) = state.get_at(cache.get(), name)
        && !value.is_nil()
    {
        return Some(value);
    }
    let position = state.position_of(name)?;
    cache.set(position);
    let value = state.value_at(position);
    (!value.is_nil() && !state.is_weak()).then_some(value)
}

/// The next pair of a loop over `pairs` or `ipairs`, without calling their functions; a nil key ends the loop.
#[inline(always)]
fn next_pair<'gc>(
    ctx: Context<'gc>,
    shared: &Shared<'gc>,
    function: Value<'gc>,
    state: Value<'gc>,
    control: Value<'gc>,
) -> Option<(Value<'gc>, Value<'gc>)> {
    let Value::UserData(function) = function else { return None };
    let iterators = shared.iterators.get();
    if Some(function) == iterators.next {
        let table = Table::from_value(state)?;
        return match table.next(&ctx, control) {
            Ok(pair) => Some(pair.unwrap_or_default()),
            Err(_) => None,
        };
    }
    if Some(function) == iterators.indexed {
        let index = match control {
            Value::Integer(index) => index,
            Value::Number(number) => number as i64,
            _ => return None,
        };
        let index = index.wrapping_add(1);
        let value = read_integer(state, index)?;
        return Some(if value.is_nil() { (Value::Nil, Value::Nil) } else { (Value::Integer(index), value) });
    }
    None
}
