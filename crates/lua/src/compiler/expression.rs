//! Expressions: descriptors and how they become instructions (`lcode.c`).

#![allow(clippy::wrong_self_convention)] // `to_register` and its kin are about their argument.

use super::{
    Constant, Place, REGISTERS_MAX, Result,
    function::{FunctionState, Variable},
    plain_error,
};
use crate::{
    ast::{BinaryOperator, Expression, ExpressionKind, Item, Link, Suffix, SuffixKind, UnaryOperator},
    lexer::{Span, Symbol},
    opcode::{Instruction, OFFSET_MAX, Op},
};

/// Positional items that are gathered in registers before they go to the table: `LFIELDS_PER_FLUSH`.
const ITEMS_PER_FLUSH: usize = 50;

/// A jump to be patched, by its position.
type JumpList = Vec<usize>;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Nil,
    True,
    False,
    Number(f64),
    Integer(i64),
    /// A constant of the prototype.
    Constant(u16),
    /// A plain local.
    Local(u8),
    BoxedLocal(u8),
    Upvalue(u8),
    BoxedUpvalue(u8),
    OwnSelf,
    Environment,
    Global(u16),
    Field {
        table: u8,
        key: u8,
    },
    Index {
        table: u8,
        key: u8,
    },
    Element {
        table: u8,
        index: u8,
    },
    /// A comparison: the jump after it is taken when it holds.
    Jump(usize),
    /// The instruction there still needs its target register.
    Relocatable(usize),
    /// The value is in this register.
    Register(u8),
    Call(usize),
    Vararg(usize),
}

/// An expression on its way to instructions.
#[derive(Debug)]
pub(super) struct Exp {
    pub(super) kind: Kind,
    /// Jumps taken when the value is true, and when it is false.
    on_true: JumpList,
    on_false: JumpList,
    place: Place,
}

impl Exp {
    pub(super) fn new(kind: Kind, place: Place) -> Exp {
        Exp { kind, on_true: Vec::new(), on_false: Vec::new(), place }
    }

    fn has_jumps(&self) -> bool {
        !self.on_true.is_empty() || !self.on_false.is_empty()
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.kind, Kind::Call(_) | Kind::Vararg(_))
    }

    fn as_number(&self) -> Option<Constant> {
        match self.kind {
            _ if self.has_jumps() => None,
            Kind::Number(number) => Some(Constant::Number(number)),
            Kind::Integer(integer) => Some(Constant::Integer(integer)),
            _ => None,
        }
    }
}

impl FunctionState<'_, '_> {
    // Instructions.

    pub(super) fn emit(&mut self, instruction: Instruction, place: Place) -> usize {
        self.code.push(instruction);
        self.places.push(place);
        self.code.len() - 1
    }

    pub(super) fn emit_abc(&mut self, op: Op, a: u8, b: u8, c: u8, place: Place) -> usize {
        self.emit(Instruction::new(op, a, b, c), place)
    }

    /// Emits a jump to be patched.
    pub(super) fn jump(&mut self, place: Place) -> usize {
        self.emit(Instruction::with_offset(Op::Jump, 0), place)
    }

    pub(super) fn patch_jump(&mut self, jump: usize, target: usize) -> Result<()> {
        let offset = target as i64 - (jump as i64 + 1);
        if offset.abs() > i64::from(OFFSET_MAX) {
            return Err(plain_error("control structure too long", self.span_of(jump)));
        }
        let op = self.code[jump].op;
        self.code[jump] = Instruction::with_offset(op, offset as i32);
        Ok(())
    }

    pub(super) fn patch_to_here(&mut self, jumps: &[usize]) -> Result<()> {
        self.patch_list(jumps, self.code.len())
    }

    pub(super) fn patch_list(&mut self, jumps: &[usize], target: usize) -> Result<()> {
        if target == self.code.len() {
            self.last_target = target;
        }
        for &jump in jumps {
            self.patch_test_register(jump, None);
            self.patch_jump(jump, target)?;
        }
        Ok(())
    }

    pub(super) fn span_of(&self, pc: usize) -> Span {
        let place = self.places.get(pc).copied().unwrap_or_default();
        Span { line: place.line, column: u32::from(place.column).max(1), length: u32::from(place.length).max(1) }
    }

    // Registers.

    pub(super) fn reserve(&mut self, count: usize, place: Place) -> Result<u8> {
        let first = self.free;
        if usize::from(first) + count > REGISTERS_MAX {
            let text = if self.chunk.dialect.is_53() {
                "function or expression needs too many registers"
            } else {
                "function or expression too complex"
            };
            let span = Span {
                line: place.line,
                column: u32::from(place.column).max(1),
                length: u32::from(place.length).max(1),
            };
            return Err(plain_error(text, span));
        }
        self.free += count as u8;
        self.registers = self.registers.max(self.free);
        Ok(first)
    }

    fn free_register(&mut self, register: u8) {
        if register >= self.active_registers() && register + 1 == self.free {
            self.free = register;
        }
    }

    pub(super) fn free_expression(&mut self, exp: &Exp) {
        if let Kind::Register(register) = exp.kind {
            self.free_register(register);
        }
    }

    // Constants.

    pub(super) fn constant(&mut self, constant: Constant, place: Place) -> Result<u32> {
        let key = match constant {
            Constant::Nil => (0, 0),
            Constant::Boolean(boolean) => (1, u64::from(boolean)),
            Constant::Integer(integer) => (2, integer as u64),
            Constant::Number(number) => (3, number.to_bits()),
            Constant::String(symbol) => (4, u64::from(symbol.0)),
        };
        if let Some(&index) = self.known_constants.get(&key) {
            return Ok(index);
        }
        let index = self.constants.len();
        if index > OFFSET_MAX as usize {
            let span = Span { line: place.line, column: 1, length: 1 };
            return Err(super::limit_error(self.chunk.dialect, self.line_defined, "constants", index, span));
        }
        self.constants.push(constant);
        self.known_constants.insert(key, index as u32);
        Ok(index as u32)
    }

    fn load_constant(&mut self, register: u8, constant: Constant, place: Place) -> Result<()> {
        let index = self.constant(constant, place)?;
        match u16::try_from(index) {
            Ok(index) => {
                self.emit(Instruction::wide(Op::LoadK, register, index), place);
            }
            Err(_) => {
                self.emit_abc(Op::LoadKWide, register, 0, 0, place);
                self.emit(Instruction::with_offset(Op::Jump, index as i32), place);
            }
        }
        Ok(())
    }

    /// A string as an expression.
    pub(super) fn string(&mut self, symbol: Symbol, place: Place) -> Result<Exp> {
        let index = self.constant(Constant::String(symbol), place)?;
        match u16::try_from(index) {
            Ok(index) => Ok(Exp::new(Kind::Constant(index), place)),
            Err(_) => {
                let register = self.reserve(1, place)?;
                self.load_constant(register, Constant::String(symbol), place)?;
                Ok(Exp::new(Kind::Register(register), place))
            }
        }
    }

    // Descriptors to registers.

    /// Fixes an open call or vararg to one value.
    pub(super) fn set_one_result(&mut self, exp: &mut Exp) {
        match exp.kind {
            Kind::Call(pc) => {
                self.code[pc].c = 2;
                exp.kind = Kind::Register(self.code[pc].a);
            }
            Kind::Vararg(pc) => {
                self.code[pc].b = 2;
                exp.kind = Kind::Relocatable(pc);
            }
            _ => {}
        }
    }

    /// Lets an open call or vararg give `wanted` values, or all.
    pub(super) fn set_results(&mut self, exp: &Exp, wanted: Option<u8>) -> Result<()> {
        let field = wanted.map_or(0, |wanted| wanted + 1);
        match exp.kind {
            Kind::Call(pc) => self.code[pc].c = field,
            Kind::Vararg(pc) => {
                self.code[pc].b = field;
                self.code[pc].a = self.free;
                self.reserve(1, exp.place)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn discharge_variables(&mut self, exp: &mut Exp) {
        let place = exp.place;
        let emit = |state: &mut Self, op, b, c| Kind::Relocatable(state.emit_abc(op, 0, b, c, place));
        exp.kind = match exp.kind {
            Kind::Local(register) => Kind::Register(register),
            Kind::BoxedLocal(register) => emit(self, Op::GetBox, register, 0),
            Kind::Upvalue(upvalue) => emit(self, Op::GetUpvalue, upvalue, 0),
            Kind::BoxedUpvalue(upvalue) => emit(self, Op::GetBoxUpvalue, upvalue, 0),
            Kind::OwnSelf => emit(self, Op::GetSelf, 0, 0),
            Kind::Environment => emit(self, Op::GetEnvironment, 0, 0),
            Kind::Global(name) => Kind::Relocatable(self.emit(Instruction::wide(Op::GetGlobal, 0, name), place)),
            Kind::Field { table, key } => {
                self.free_register(table);
                emit(self, Op::GetField, table, key)
            }
            Kind::Index { table, key } => {
                self.free_pair(table, key);
                emit(self, Op::GetIndex, table, key)
            }
            Kind::Element { table, index } => {
                self.free_register(table);
                emit(self, Op::GetInteger, table, index)
            }
            Kind::Call(_) | Kind::Vararg(_) => {
                self.set_one_result(exp);
                return;
            }
            other => other,
        };
    }

    fn free_pair(&mut self, a: u8, b: u8) {
        self.free_register(a.max(b));
        self.free_register(a.min(b));
    }

    fn discharge_to(&mut self, exp: &mut Exp, register: u8) -> Result<()> {
        self.discharge_variables(exp);
        let place = exp.place;
        match exp.kind {
            Kind::Nil => self.load_nil(register, 1, place),
            Kind::True => drop(self.emit_abc(Op::LoadBool, register, 1, 0, place)),
            Kind::False => drop(self.emit_abc(Op::LoadBool, register, 0, 0, place)),
            Kind::Number(number) => self.load_constant(register, Constant::Number(number), place)?,
            Kind::Integer(integer) => self.load_constant(register, Constant::Integer(integer), place)?,
            Kind::Constant(index) => drop(self.emit(Instruction::wide(Op::LoadK, register, index), place)),
            Kind::Relocatable(pc) => self.code[pc].a = register,
            Kind::Register(from) if from != register => drop(self.emit_abc(Op::Move, register, from, 0, place)),
            Kind::Register(_) => {}
            _ => return Ok(()),
        }
        exp.kind = Kind::Register(register);
        Ok(())
    }

    pub(super) fn load_nil(&mut self, register: u8, count: u8, place: Place) {
        if self.code.len() > self.last_target
            && let Some(previous) = self.code.last_mut()
            && previous.op == Op::LoadNil
            && u16::from(previous.a) + u16::from(previous.b) + 1 == u16::from(register)
            && !self.places.is_empty()
        {
            previous.b += count;
            return;
        }
        self.emit_abc(Op::LoadNil, register, count - 1, 0, place);
    }

    /// Puts the value of `exp` into `register`, both ends of its jumps included.
    pub(super) fn to_register(&mut self, exp: &mut Exp, register: u8) -> Result<()> {
        self.discharge_to(exp, register)?;
        if let Kind::Jump(pc) = exp.kind {
            exp.on_true.push(pc);
        }
        if exp.has_jumps() {
            let (mut load_false, mut load_true) = (usize::MAX, usize::MAX);
            if self.needs_value(&exp.on_true) || self.needs_value(&exp.on_false) {
                let over = if matches!(exp.kind, Kind::Jump(_)) { None } else { Some(self.jump(exp.place)) };
                self.last_target = self.code.len();
                load_false = self.emit_abc(Op::LoadBool, register, 0, 1, exp.place);
                self.last_target = self.code.len();
                load_true = self.emit_abc(Op::LoadBool, register, 1, 0, exp.place);
                if let Some(over) = over {
                    self.patch_to_here(&[over])?;
                }
            }
            let end = self.code.len();
            self.last_target = end;
            let (on_false, on_true) = (std::mem::take(&mut exp.on_false), std::mem::take(&mut exp.on_true));
            self.patch_values(&on_false, end, register, load_false)?;
            self.patch_values(&on_true, end, register, load_true)?;
        }
        exp.kind = Kind::Register(register);
        Ok(())
    }

    /// Whether some jump of the list does not bring a value along.
    fn needs_value(&self, jumps: &[usize]) -> bool {
        jumps.iter().any(|&jump| self.test_of(jump).is_none_or(|test| self.code[test].op != Op::TestSet))
    }

    fn patch_values(&mut self, jumps: &[usize], with_value: usize, register: u8, without: usize) -> Result<()> {
        for &jump in jumps {
            let target = if self.patch_test_register(jump, Some(register)) { with_value } else { without };
            self.patch_jump(jump, target)?;
        }
        Ok(())
    }

    /// The test that controls a jump.
    fn test_of(&self, jump: usize) -> Option<usize> {
        let before = jump.checked_sub(1)?;
        matches!(
            self.code[before].op,
            Op::Test
                | Op::TestSet
                | Op::Equal
                | Op::Less
                | Op::LessEqual
                | Op::EqualK
                | Op::LessK
                | Op::LessEqualK
                | Op::GreaterK
                | Op::GreaterEqualK
        )
        .then_some(before)
    }

    /// Gives the `TestSet` before a jump its register, or makes it a `Test`; false if there is none.
    fn patch_test_register(&mut self, jump: usize, register: Option<u8>) -> bool {
        let Some(test) = self.test_of(jump).filter(|&test| self.code[test].op == Op::TestSet) else { return false };
        let instruction = self.code[test];
        match register {
            Some(register) if register != instruction.b => self.code[test].a = register,
            _ => self.code[test] = Instruction::new(Op::Test, instruction.b, 0, instruction.c),
        }
        true
    }

    pub(super) fn to_next_register(&mut self, exp: &mut Exp) -> Result<u8> {
        self.discharge_variables(exp);
        self.free_expression(exp);
        let register = self.reserve(1, exp.place)?;
        self.to_register(exp, register)?;
        Ok(register)
    }

    pub(super) fn to_any_register(&mut self, exp: &mut Exp) -> Result<u8> {
        self.discharge_variables(exp);
        if let Kind::Register(register) = exp.kind {
            if !exp.has_jumps() {
                return Ok(register);
            }
            if register >= self.active_registers() {
                self.to_register(exp, register)?;
                return Ok(register);
            }
        }
        self.to_next_register(exp)
    }

    fn to_value(&mut self, exp: &mut Exp) -> Result<()> {
        if exp.has_jumps() {
            self.to_any_register(exp)?;
        } else {
            self.discharge_variables(exp);
        }
        Ok(())
    }

    // Conditions.

    fn negate_condition(&mut self, jump: usize) {
        if let Some(test) = self.test_of(jump) {
            self.code[test].a ^= 1;
        }
    }

    fn jump_on(&mut self, exp: &mut Exp, condition: bool) -> Result<usize> {
        let place = exp.place;
        if let Kind::Relocatable(pc) = exp.kind
            && self.code[pc].op == Op::Not
            && pc + 1 == self.code.len()
        {
            let operand = self.code[pc].b;
            self.code.pop();
            self.places.pop();
            self.emit_abc(Op::Test, operand, 0, u8::from(!condition), place);
            return Ok(self.jump(place));
        }
        let register = match exp.kind {
            Kind::Register(register) => register,
            _ => {
                let register = self.reserve(1, place)?;
                self.discharge_to(exp, register)?;
                register
            }
        };
        self.free_expression(exp);
        self.emit_abc(Op::TestSet, 0, register, u8::from(condition), place);
        Ok(self.jump(place))
    }

    /// Falls through when `exp` is true; the jumps for false are left in its list.
    pub(super) fn go_if_true(&mut self, exp: &mut Exp) -> Result<()> {
        self.discharge_variables(exp);
        let jump = match exp.kind {
            Kind::Constant(_) | Kind::Number(_) | Kind::Integer(_) | Kind::True => None,
            Kind::Jump(pc) => {
                self.negate_condition(pc);
                Some(pc)
            }
            _ => Some(self.jump_on(exp, false)?),
        };
        exp.on_false.extend(jump);
        let on_true = std::mem::take(&mut exp.on_true);
        self.patch_to_here(&on_true)
    }

    fn go_if_false(&mut self, exp: &mut Exp) -> Result<()> {
        self.discharge_variables(exp);
        let jump = match exp.kind {
            Kind::Nil | Kind::False => None,
            Kind::Jump(pc) => Some(pc),
            _ => Some(self.jump_on(exp, true)?),
        };
        exp.on_true.extend(jump);
        let on_false = std::mem::take(&mut exp.on_false);
        self.patch_to_here(&on_false)
    }

    /// Compiles a condition; returns the jumps taken when it is false.
    pub(super) fn condition(&mut self, expression: &Expression) -> Result<JumpList> {
        let mut exp = self.expression(expression)?;
        if exp.kind == Kind::Nil {
            exp.kind = Kind::False;
        }
        self.go_if_true(&mut exp)?;
        Ok(exp.on_false)
    }

    fn not(&mut self, exp: &mut Exp) -> Result<()> {
        self.discharge_variables(exp);
        match exp.kind {
            Kind::Nil | Kind::False => exp.kind = Kind::True,
            Kind::Constant(_) | Kind::Number(_) | Kind::Integer(_) | Kind::True => exp.kind = Kind::False,
            Kind::Jump(pc) => self.negate_condition(pc),
            _ => {
                if !matches!(exp.kind, Kind::Register(_)) {
                    let register = self.reserve(1, exp.place)?;
                    self.discharge_to(exp, register)?;
                }
                let Kind::Register(register) = exp.kind else { return Ok(()) };
                self.free_expression(exp);
                exp.kind = Kind::Relocatable(self.emit_abc(Op::Not, 0, register, 0, exp.place));
            }
        }
        std::mem::swap(&mut exp.on_true, &mut exp.on_false);
        for jump in exp.on_true.iter().chain(&exp.on_false).copied().collect::<Vec<_>>() {
            self.patch_test_register(jump, None);
        }
        Ok(())
    }

    // Expressions.

    pub(super) fn expression(&mut self, expression: &Expression) -> Result<Exp> {
        let place = Place::new(expression.span, expression.span.line);
        Ok(match &expression.kind {
            ExpressionKind::Nil => Exp::new(Kind::Nil, place),
            ExpressionKind::True => Exp::new(Kind::True, place),
            ExpressionKind::False => Exp::new(Kind::False, place),
            ExpressionKind::Integer(integer) => Exp::new(Kind::Integer(*integer), place),
            ExpressionKind::Number(number) => Exp::new(Kind::Number(*number), place),
            ExpressionKind::String(symbol) => self.string(*symbol, place)?,
            ExpressionKind::Dots => {
                let pc = self.emit_abc(Op::Vararg, 0, 1, 0, place);
                Exp::new(Kind::Vararg(pc), place)
            }
            ExpressionKind::Function(body) => self.closure(body, place)?,
            ExpressionKind::Table(items) => self.table(items, place)?,
            ExpressionKind::Local(local) => match self.local(*local) {
                Variable { register, is_boxed: true } => Exp::new(Kind::BoxedLocal(register), place),
                Variable { register, .. } => Exp::new(Kind::Local(register), place),
            },
            ExpressionKind::Upvalue(upvalue) => Exp::new(self.upvalue_kind(*upvalue), place),
            ExpressionKind::Environment => Exp::new(Kind::Environment, place),
            ExpressionKind::Global(name) => self.global(*name, place)?,
            ExpressionKind::Suffixed { first, suffixes } => self.suffixed(first, suffixes)?,
            ExpressionKind::Chain { first, rest } => self.chain(first, rest)?,
            ExpressionKind::Unary { operator, operand } => {
                let line = if self.chunk.dialect.is_53() { expression.span.line } else { expression.end_line };
                self.unary(*operator, operand, Place::new(expression.span, line))?
            }
            ExpressionKind::Parenthesized(inner) => {
                let mut exp = self.expression(inner)?;
                self.discharge_variables(&mut exp);
                exp
            }
        })
    }

    /// Evaluates `expression` into the next register.
    pub(super) fn expression_to_next(&mut self, expression: &Expression) -> Result<u8> {
        let mut exp = self.expression(expression)?;
        self.to_next_register(&mut exp)
    }

    fn global(&mut self, name: Symbol, place: Place) -> Result<Exp> {
        let index = self.constant(Constant::String(name), place)?;
        if let Ok(index) = u16::try_from(index) {
            return Ok(Exp::new(Kind::Global(index), place));
        }
        let mut environment = Exp::new(Kind::Environment, place);
        let table = self.to_next_register(&mut environment)?;
        let mut key = self.string(name, place)?;
        let key = self.to_any_register(&mut key)?;
        Ok(Exp::new(Kind::Index { table, key }, place))
    }

    /// Evaluates a list of expressions into consecutive registers, the last one left open; returns how many and the last.
    pub(super) fn expression_list(&mut self, list: &[Expression]) -> Result<Option<Exp>> {
        let Some((last, others)) = list.split_last() else { return Ok(None) };
        for expression in others {
            self.expression_to_next(expression)?;
        }
        self.expression(last).map(Some)
    }

    fn suffixed(&mut self, first: &Expression, suffixes: &[Suffix]) -> Result<Exp> {
        let mut exp = self.expression(first)?;
        for suffix in suffixes {
            exp = self.suffix(exp, suffix)?;
        }
        Ok(exp)
    }

    fn suffix(&mut self, mut exp: Exp, suffix: &Suffix) -> Result<Exp> {
        let place = Place::new(suffix.span, suffix.end_line);
        match &suffix.kind {
            SuffixKind::Field(name) => {
                let table = self.to_any_register(&mut exp)?;
                let key = self.string(*name, place)?;
                self.indexed(table, key, place)
            }
            SuffixKind::Index(key) => {
                let table = self.to_any_register(&mut exp)?;
                let mut key = self.expression(key)?;
                self.to_value(&mut key)?;
                self.indexed(table, key, place)
            }
            SuffixKind::Call(arguments) => {
                let function = self.to_next_register(&mut exp)?;
                self.call(function, arguments, 0, place)
            }
            SuffixKind::Method(name, arguments) => {
                let function = self.method(exp, *name, place)?;
                self.call(function, arguments, 1, place)
            }
        }
    }

    /// `table[key]` with `key` a value.
    fn indexed(&mut self, table: u8, mut key: Exp, place: Place) -> Result<Exp> {
        let small = match key.as_number() {
            Some(Constant::Integer(integer)) => u8::try_from(integer).ok(),
            Some(Constant::Number(number)) => (0..=255).find(|small: &u8| f64::from(*small) == number && number != 0.0),
            _ => None,
        };
        if let Some(index) = small {
            return Ok(Exp::new(Kind::Element { table, index }, place));
        }
        if let Kind::Constant(constant) = key.kind
            && !key.has_jumps()
            && let Ok(key) = u8::try_from(constant)
        {
            return Ok(Exp::new(Kind::Field { table, key }, place));
        }
        let key = self.to_any_register(&mut key)?;
        Ok(Exp::new(Kind::Index { table, key }, place))
    }

    fn method(&mut self, mut exp: Exp, name: Symbol, place: Place) -> Result<u8> {
        let object = self.to_any_register(&mut exp)?;
        self.free_expression(&exp);
        let function = self.reserve(2, place)?;
        match u8::try_from(self.constant(Constant::String(name), place)?) {
            Ok(key) => {
                self.emit_abc(Op::Method, function, object, key, place);
            }
            Err(_) => {
                // The name does not fit into the instruction: the same in three steps.
                self.emit_abc(Op::Move, function + 1, object, 0, place);
                let key = self.reserve(1, place)?;
                self.load_constant(key, Constant::String(name), place)?;
                self.emit_abc(Op::GetIndex, function, function + 1, key, place);
                self.free = key;
            }
        }
        Ok(function)
    }

    fn call(&mut self, function: u8, arguments: &[Expression], given: u8, place: Place) -> Result<Exp> {
        let count = match self.expression_list(arguments)? {
            None => given + 1,
            Some(last) if last.is_open() => {
                self.set_results(&last, None)?;
                0
            }
            Some(mut last) => {
                self.to_next_register(&mut last)?;
                self.free - function
            }
        };
        let pc = self.emit_abc(Op::Call, function, count, 2, place);
        // The call takes function and arguments away and leaves one result unless told otherwise.
        self.free = function + 1;
        Ok(Exp::new(Kind::Call(pc), place))
    }

    fn table(&mut self, items: &[Item], place: Place) -> Result<Exp> {
        let table = self.reserve(1, place)?;
        let pc = self.emit_abc(Op::NewTable, table, 0, 0, place);
        let (mut positional, mut named, mut pending) = (0usize, 0usize, 0usize);
        let mut open = None;
        for (index, item) in items.iter().enumerate() {
            match item {
                Item::Positional(value) => {
                    let mut exp = self.expression(value)?;
                    if index + 1 == items.len() && exp.is_open() {
                        open = Some(exp);
                        break;
                    }
                    self.to_next_register(&mut exp)?;
                    positional += 1;
                    pending += 1;
                    if pending == ITEMS_PER_FLUSH {
                        self.set_list(table, pending as u8, positional - pending, place);
                        pending = 0;
                    }
                }
                Item::Named(name, value) => {
                    named += 1;
                    let place = Place::new(value.span, value.span.line);
                    let key = self.string(*name, place)?;
                    self.table_field(table, key, value, place)?;
                }
                Item::Keyed(key, value) => {
                    named += 1;
                    let place = Place::new(key.span, key.span.line);
                    let mut key = self.expression(key)?;
                    self.to_value(&mut key)?;
                    self.table_field(table, key, value, place)?;
                }
            }
        }
        if let Some(open) = open {
            self.set_results(&open, None)?;
            self.set_list(table, 0, positional - pending, place);
        } else if pending > 0 {
            self.set_list(table, pending as u8, positional - pending, place);
        }
        self.code[pc].b = u8::try_from(positional).unwrap_or(u8::MAX);
        self.code[pc].c = u8::try_from(named).unwrap_or(u8::MAX);
        self.free = table + 1;
        Ok(Exp::new(Kind::Register(table), place))
    }

    fn set_list(&mut self, table: u8, count: u8, offset: usize, place: Place) {
        self.emit_abc(Op::SetList, table, count, 0, place);
        self.emit(Instruction::with_offset(Op::Jump, offset as i32), place);
        self.free = table + 1;
    }

    fn table_field(&mut self, table: u8, key: Exp, value: &Expression, place: Place) -> Result<()> {
        let free = self.free;
        let target = self.indexed(table, key, place)?;
        let mut value = self.expression(value)?;
        self.store(&target, &mut value)?;
        self.free = free;
        Ok(())
    }

    /// Assigns `value` to the variable that `target` describes.
    pub(super) fn store(&mut self, target: &Exp, value: &mut Exp) -> Result<()> {
        let place = target.place;
        if let Kind::Local(register) = target.kind {
            self.free_expression(value);
            return self.to_register(value, register);
        }
        let from = self.to_any_register(value)?;
        match target.kind {
            Kind::BoxedLocal(register) => drop(self.emit_abc(Op::SetBox, register, from, 0, place)),
            Kind::BoxedUpvalue(upvalue) => drop(self.emit_abc(Op::SetBoxUpvalue, from, upvalue, 0, place)),
            Kind::Global(name) => drop(self.emit(Instruction::wide(Op::SetGlobal, from, name), place)),
            Kind::Field { table, key } => drop(self.emit_abc(Op::SetField, table, key, from, place)),
            Kind::Index { table, key } => drop(self.emit_abc(Op::SetIndex, table, key, from, place)),
            Kind::Element { table, index } => drop(self.emit_abc(Op::SetInteger, table, index, from, place)),
            _ => {}
        }
        self.free_expression(value);
        Ok(())
    }

    // Operators.

    fn unary(&mut self, operator: UnaryOperator, operand: &Expression, place: Place) -> Result<Exp> {
        let mut exp = self.expression(operand)?;
        match operator {
            UnaryOperator::Not => {
                self.not(&mut exp)?;
                return Ok(exp);
            }
            UnaryOperator::Negate => match exp.as_number() {
                Some(Constant::Number(number)) => {
                    let is_foldable = !self.chunk.dialect.is_53() || number != 0.0;
                    if is_foldable {
                        return Ok(Exp::new(Kind::Number(-number), place));
                    }
                }
                Some(Constant::Integer(integer)) => {
                    return Ok(Exp::new(Kind::Integer(integer.wrapping_neg()), place));
                }
                _ => {}
            },
            UnaryOperator::Length | UnaryOperator::BitNot => {}
        }
        let register = self.to_any_register(&mut exp)?;
        self.free_expression(&exp);
        let op = match operator {
            UnaryOperator::Negate => Op::Negate,
            UnaryOperator::Length => Op::Length,
            UnaryOperator::BitNot => Op::BitNot,
            UnaryOperator::Not => Op::Not,
        };
        let pc = self.emit_abc(op, 0, register, 0, place);
        Ok(Exp::new(Kind::Relocatable(pc), place))
    }

    fn chain(&mut self, first: &Expression, rest: &[Link]) -> Result<Exp> {
        let mut left = self.expression(first)?;
        for link in rest {
            self.before_operand(&mut left, link.operator)?;
            let right = self.expression(&link.operand)?;
            let line = if self.chunk.dialect.is_53() { link.span.line } else { link.operand.end_line };
            left = self.binary(link.operator, left, right, Place::new(link.span, line))?;
        }
        Ok(left)
    }

    /// Brings the left operand into a state that survives the evaluation of the right one.
    fn before_operand(&mut self, left: &mut Exp, operator: BinaryOperator) -> Result<()> {
        match operator {
            BinaryOperator::And => self.go_if_true(left),
            BinaryOperator::Or => self.go_if_false(left),
            BinaryOperator::Concat => self.to_next_register(left).map(drop),
            _ if left.as_number().is_some() => Ok(()),
            BinaryOperator::Equal | BinaryOperator::NotEqual => {
                self.to_value(left)?;
                if !self.is_constant(left) {
                    self.to_any_register(left)?;
                }
                Ok(())
            }
            _ => self.to_any_register(left).map(drop),
        }
    }

    fn is_constant(&self, exp: &Exp) -> bool {
        !exp.has_jumps()
            && matches!(
                exp.kind,
                Kind::Nil | Kind::True | Kind::False | Kind::Number(_) | Kind::Integer(_) | Kind::Constant(_)
            )
    }

    /// The index of a constant operand if it fits into an instruction.
    fn small_constant(&mut self, exp: &Exp) -> Result<Option<u8>> {
        if !self.is_constant(exp) {
            return Ok(None);
        }
        let constant = match exp.kind {
            Kind::Constant(index) => return Ok(u8::try_from(index).ok()),
            Kind::True => Constant::Boolean(true),
            Kind::False => Constant::Boolean(false),
            Kind::Number(number) => Constant::Number(number),
            Kind::Integer(integer) => Constant::Integer(integer),
            _ => Constant::Nil,
        };
        Ok(u8::try_from(self.constant(constant, exp.place)?).ok())
    }

    fn binary(&mut self, operator: BinaryOperator, mut left: Exp, mut right: Exp, place: Place) -> Result<Exp> {
        use BinaryOperator as Binary;
        match operator {
            Binary::And => {
                self.discharge_variables(&mut right);
                right.on_false.append(&mut left.on_false);
                Ok(right)
            }
            Binary::Or => {
                self.discharge_variables(&mut right);
                right.on_true.append(&mut left.on_true);
                Ok(right)
            }
            Binary::Concat => self.concat(left, right, place),
            Binary::Equal => self.equality(true, left, right, place),
            Binary::NotEqual => self.equality(false, left, right, place),
            Binary::Less => self.comparison(Op::Less, Op::LessK, Op::GreaterK, left, right, place),
            Binary::LessEqual => self.comparison(Op::LessEqual, Op::LessEqualK, Op::GreaterEqualK, left, right, place),
            Binary::Greater => self.comparison(Op::Less, Op::LessK, Op::GreaterK, right, left, place),
            Binary::GreaterEqual => {
                self.comparison(Op::LessEqual, Op::LessEqualK, Op::GreaterEqualK, right, left, place)
            }
            Binary::Add => self.arithmetic(operator, Op::Add, Some(Op::AddK), left, right, place),
            Binary::Subtract => self.arithmetic(operator, Op::Sub, Some(Op::SubK), left, right, place),
            Binary::Multiply => self.arithmetic(operator, Op::Mul, Some(Op::MulK), left, right, place),
            Binary::Divide => self.arithmetic(operator, Op::Div, Some(Op::DivK), left, right, place),
            Binary::Modulo => self.arithmetic(operator, Op::Mod, Some(Op::ModK), left, right, place),
            Binary::Power => self.arithmetic(operator, Op::Pow, Some(Op::PowK), left, right, place),
            Binary::FloorDivide => self.arithmetic(operator, Op::FloorDiv, Some(Op::FloorDivK), left, right, place),
            Binary::BitAnd => self.arithmetic(operator, Op::BitAnd, None, left, right, place),
            Binary::BitOr => self.arithmetic(operator, Op::BitOr, None, left, right, place),
            Binary::BitXor => self.arithmetic(operator, Op::BitXor, None, left, right, place),
            Binary::ShiftLeft => self.arithmetic(operator, Op::ShiftLeft, None, left, right, place),
            Binary::ShiftRight => self.arithmetic(operator, Op::ShiftRight, None, left, right, place),
        }
    }

    fn concat(&mut self, left: Exp, mut right: Exp, place: Place) -> Result<Exp> {
        self.to_value(&mut right)?;
        let Kind::Register(first) = left.kind else { return Ok(right) };
        if let Kind::Relocatable(pc) = right.kind
            && self.code[pc].op == Op::Concat
        {
            self.free_expression(&left);
            self.code[pc].b = first;
            self.places[pc] = place;
            return Ok(Exp::new(Kind::Relocatable(pc), place));
        }
        let last = self.to_next_register(&mut right)?;
        self.free_pair(first, last);
        let pc = self.emit_abc(Op::Concat, 0, first, last, place);
        Ok(Exp::new(Kind::Relocatable(pc), place))
    }

    fn equality(&mut self, wanted: bool, mut left: Exp, mut right: Exp, place: Place) -> Result<Exp> {
        if self.is_constant(&left) && !self.is_constant(&right) {
            // Registers were given out from left to right, and a constant has none: the sides may change places.
            std::mem::swap(&mut left, &mut right);
        }
        self.to_value(&mut right)?;
        let constant = self.small_constant(&right)?;
        if let Some(constant) = constant {
            let register = self.to_any_register(&mut left)?;
            self.free_expression(&left);
            self.emit_abc(Op::EqualK, u8::from(wanted), register, constant, place);
        } else {
            let b = self.to_any_register(&mut left)?;
            let c = self.to_any_register(&mut right)?;
            self.free_operands(&left, &right);
            self.emit_abc(Op::Equal, u8::from(wanted), b, c, place);
        }
        let jump = self.jump(place);
        Ok(Exp::new(Kind::Jump(jump), place))
    }

    fn comparison(
        &mut self,
        op: Op,
        right_constant: Op,
        left_constant: Op,
        mut left: Exp,
        mut right: Exp,
        place: Place,
    ) -> Result<Exp> {
        let (left_number, right_number) = (left.as_number().is_some(), right.as_number().is_some());
        let small_right = if right_number && !left_number { self.small_constant(&right)? } else { None };
        let small_left = if left_number && !right_number { self.small_constant(&left)? } else { None };
        if let Some(constant) = small_right {
            let register = self.to_any_register(&mut left)?;
            self.free_expression(&left);
            self.emit_abc(right_constant, 1, register, constant, place);
        } else if let Some(constant) = small_left {
            let register = self.to_any_register(&mut right)?;
            self.free_expression(&right);
            self.emit_abc(left_constant, 1, register, constant, place);
        } else {
            // Of `a > b` the sides stand exchanged here, but `a` is in its register already.
            let b = self.to_any_register(&mut left)?;
            let c = self.to_any_register(&mut right)?;
            self.free_operands(&left, &right);
            self.emit_abc(op, 1, b, c, place);
        }
        let jump = self.jump(place);
        Ok(Exp::new(Kind::Jump(jump), place))
    }

    fn free_operands(&mut self, left: &Exp, right: &Exp) {
        match (left.kind, right.kind) {
            (Kind::Register(a), Kind::Register(b)) => self.free_pair(a, b),
            _ => {
                self.free_expression(left);
                self.free_expression(right);
            }
        }
    }

    fn arithmetic(
        &mut self,
        operator: BinaryOperator,
        op: Op,
        with_constant: Option<Op>,
        mut left: Exp,
        mut right: Exp,
        place: Place,
    ) -> Result<Exp> {
        if let (Some(a), Some(b)) = (left.as_number(), right.as_number())
            && let Some(folded) = super::function::fold(operator, a, b, self.chunk)
        {
            let kind = match folded {
                Constant::Integer(integer) => Kind::Integer(integer),
                Constant::Number(number) => Kind::Number(number),
                _ => Kind::Nil,
            };
            return Ok(Exp::new(kind, place));
        }
        let constant = if right.as_number().is_some() { self.small_constant(&right)? } else { None };
        let pc = match (with_constant, constant) {
            (Some(op), Some(constant)) => {
                let register = self.to_any_register(&mut left)?;
                self.free_expression(&left);
                self.emit_abc(op, 0, register, constant, place)
            }
            _ => {
                // A numeral on the left gets its register only now, above that of the right operand.
                let c = self.to_any_register(&mut right)?;
                let b = self.to_any_register(&mut left)?;
                self.free_operands(&left, &right);
                self.emit_abc(op, 0, b, c, place)
            }
        };
        Ok(Exp::new(Kind::Relocatable(pc), place))
    }
}
