//! Functions, scopes and statements (`lparser.c`, the half that makes code).

use std::collections::HashMap;
use std::rc::Rc;

use super::{
    Chunk, CompiledFunction, CompiledUpvalue, Constant, LocalRange, Outer, Place, Result, UpvalueSource,
    expression::{Exp, Kind},
    plain_error,
};
use crate::{
    ast::{
        BinaryOperator, Block, Capture, Expression, ExpressionKind, FunctionBody, LocalId, Statement, StatementKind,
        SuffixKind,
    },
    lexer::{SourceError, Span, Symbol},
    number,
    opcode::{Instruction, Op},
};

/// A local of the function being compiled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variable {
    pub(super) register: u8,
    pub(super) is_boxed: bool,
}

struct ActiveLocal {
    register: u8,
    range: Option<usize>,
    name: Rc<[u8]>,
}

struct BlockState {
    /// Active locals at its beginning.
    active: usize,
    /// Jumps of `break`, when the block is a loop.
    breaks: Option<Vec<usize>>,
    labels: Vec<Label>,
    /// First pending goto of this block.
    gotos: usize,
}

#[derive(Clone, Copy)]
struct Label {
    name: Symbol,
    position: usize,
    /// Locals that are active behind it.
    active: usize,
    /// The line of what follows it.
    next_line: u32,
}

struct PendingGoto {
    name: Symbol,
    jump: usize,
    line: u32,
    active: usize,
}

pub(super) struct FunctionState<'c, 's> {
    pub(super) chunk: &'c Chunk<'s>,
    body: &'c FunctionBody,
    pub(super) code: Vec<Instruction>,
    pub(super) places: Vec<Place>,
    pub(super) constants: Vec<Constant>,
    pub(super) known_constants: HashMap<(u8, u64), u32>,
    children: Vec<CompiledFunction>,
    ranges: Vec<LocalRange>,
    upvalues: Vec<CompiledUpvalue>,
    variables: Vec<Variable>,
    active: Vec<ActiveLocal>,
    blocks: Vec<BlockState>,
    gotos: Vec<PendingGoto>,
    /// The first register that is free.
    pub(super) free: u8,
    /// Most registers in use at once.
    pub(super) registers: u8,
    /// The last position that is known to be jumped to.
    pub(super) last_target: usize,
    pub(super) line_defined: u32,
}

/// Compiles a function and those inside it.
pub(crate) fn compile_function(body: &FunctionBody, chunk: &Chunk<'_>, outer: Outer<'_>) -> Result<CompiledFunction> {
    let mut state = FunctionState {
        chunk,
        body,
        code: Vec::new(),
        places: Vec::new(),
        constants: Vec::new(),
        known_constants: HashMap::new(),
        children: Vec::new(),
        ranges: Vec::new(),
        upvalues: outer.upvalues.to_vec(),
        variables: body.locals.iter().map(|local| Variable { register: 0, is_boxed: local.is_boxed() }).collect(),
        active: Vec::new(),
        blocks: Vec::new(),
        gotos: Vec::new(),
        free: 0,
        registers: 2,
        last_target: 0,
        line_defined: body.line_defined,
    };
    state.function()?;
    Ok(CompiledFunction {
        code: state.code,
        places: state.places,
        constants: state.constants,
        children: state.children,
        locals: state.ranges,
        upvalues: state.upvalues,
        environment_at: body.environment_at,
        parameters: body.parameters.len() as u8,
        is_vararg: body.is_vararg,
        needs_arg: body.needs_arg,
        registers: state.registers,
        line_defined: body.line_defined,
        last_line: body.last_line,
    })
}

impl FunctionState<'_, '_> {
    fn function(&mut self) -> Result<()> {
        let place = Place { line: self.body.line_defined, column: 0, length: 0 };
        self.open_block(false);
        for &parameter in self.body.parameters.iter().chain(&self.body.arg) {
            self.reserve(1, place)?;
            self.activate(parameter, place);
        }
        let body = self.body;
        self.block_statements(&body.block, false)?;
        let end = Place { line: self.body.last_line, column: 0, length: 0 };
        self.emit_abc(Op::Return, 0, 1, 0, end);
        self.close_block()?;
        if let Some(goto) = self.gotos.first() {
            return Err(self.missing_label(goto));
        }
        Ok(())
    }

    fn missing_label(&self, goto: &PendingGoto) -> Box<SourceError> {
        let name = self.chunk.symbols.text(goto.name);
        let text = [b"no visible label '", name, format!("' for <goto> at line {}", goto.line).as_bytes()].concat();
        let error = plain_error(text, self.span_of(goto.jump));
        Box::new(SourceError { noticed_on: Some(self.body.last_line), ..*error })
    }

    // Locals.

    pub(super) fn local(&self, local: LocalId) -> Variable {
        self.variables[local.0 as usize]
    }

    /// Registers taken by active locals.
    pub(super) fn active_registers(&self) -> u8 {
        self.active.last().map_or(0, |local| local.register + 1)
    }

    /// Lets `local` live in the next register after those of active locals, which holds its value already.
    fn activate(&mut self, local: LocalId, place: Place) {
        let register = self.active_registers();
        self.variables[local.0 as usize].register = register;
        let name: Rc<[u8]> = self.chunk.symbols.text(self.body.locals[local.0 as usize].name).into();
        if self.variables[local.0 as usize].is_boxed {
            self.emit_abc(Op::NewBox, register, 0, 0, place);
        }
        self.activate_register(register, name, true);
    }

    fn activate_register(&mut self, register: u8, name: Rc<[u8]>, is_named: bool) {
        let range = (is_named && !self.chunk.strip_local_names).then(|| {
            let start = self.code.len() as u32;
            self.ranges.push(LocalRange { name: name.clone(), register, start, end: start });
            self.ranges.len() - 1
        });
        self.active.push(ActiveLocal { register, range, name });
    }

    fn activate_hidden(&mut self, name: &str) {
        let register = self.active_registers();
        self.activate_register(register, name.as_bytes().into(), true);
    }

    pub(super) fn upvalue_kind(&self, upvalue: u8) -> Kind {
        match &self.upvalues[upvalue as usize] {
            CompiledUpvalue { source: UpvalueSource::Own, .. } => Kind::OwnSelf,
            CompiledUpvalue { is_boxed: true, .. } => Kind::BoxedUpvalue(upvalue),
            _ => Kind::Upvalue(upvalue),
        }
    }

    pub(super) fn closure(&mut self, body: &FunctionBody, place: Place) -> Result<Exp> {
        let upvalues: Vec<CompiledUpvalue> = body.upvalues.iter().map(|upvalue| self.capture(body, upvalue)).collect();
        let child = compile_function(body, self.chunk, Outer { upvalues: &upvalues })?;
        let index = self.children.len();
        let Ok(index) = u16::try_from(index) else {
            return Err(plain_error("too many functions", Span { line: place.line, column: 1, length: 1 }));
        };
        self.children.push(child);
        let end = Place { line: body.last_line, ..place };
        let end = if end.line == place.line { place } else { Place { column: 0, length: 0, ..end } };
        let pc = self.emit(Instruction::wide(Op::Closure, 0, index), end);
        Ok(Exp::new(Kind::Relocatable(pc), place))
    }

    fn capture(&self, body: &FunctionBody, upvalue: &crate::ast::UpvalueInfo) -> CompiledUpvalue {
        let (source, is_boxed) = match upvalue.capture {
            Capture::Local(local) => {
                let variable = self.local(local);
                if body.own_name == Some(local) && !variable.is_boxed {
                    (UpvalueSource::Own, false)
                } else {
                    (UpvalueSource::Register(variable.register), variable.is_boxed)
                }
            }
            Capture::Upvalue(outer) => match &self.upvalues[outer as usize] {
                CompiledUpvalue { source: UpvalueSource::Own, .. } => (UpvalueSource::Creator, false),
                CompiledUpvalue { is_boxed, .. } => (UpvalueSource::Upvalue(outer), *is_boxed),
            },
        };
        let name = if self.chunk.strip_local_names {
            Rc::from(&b""[..])
        } else {
            self.chunk.symbols.text(upvalue.name).into()
        };
        CompiledUpvalue { name, source, is_boxed }
    }

    // Blocks.

    fn open_block(&mut self, is_loop: bool) {
        self.blocks.push(BlockState {
            active: self.active.len(),
            breaks: is_loop.then(Vec::new),
            labels: Vec::new(),
            gotos: self.gotos.len(),
        });
    }

    fn close_block(&mut self) -> Result<()> {
        let Some(block) = self.blocks.pop() else { return Ok(()) };
        let end = self.code.len() as u32;
        for local in self.active.drain(block.active..) {
            if let Some(range) = local.range {
                self.ranges[range].end = end;
            }
        }
        self.free = self.active_registers();
        // What the block did not find may be a label of the enclosing one.
        for goto in &mut self.gotos[block.gotos..] {
            goto.active = goto.active.min(block.active);
        }
        if let Some(breaks) = block.breaks {
            self.patch_to_here(&breaks)?;
        }
        if let Some(outer) = self.blocks.last() {
            for label in outer.labels.clone() {
                self.settle_gotos(block.gotos, label)?;
            }
        }
        Ok(())
    }

    /// Lets the pending gotos from `first` on that mean this label jump to it.
    fn settle_gotos(&mut self, first: usize, label: Label) -> Result<()> {
        let mut index = first;
        while index < self.gotos.len() {
            if self.gotos[index].name != label.name {
                index += 1;
                continue;
            }
            let goto = self.gotos.remove(index);
            if goto.active < label.active {
                let text = [
                    b"<goto ",
                    self.chunk.symbols.text(label.name),
                    format!("> at line {} jumps into the scope of local '", goto.line).as_bytes(),
                    &self.active[goto.active].name,
                    b"'",
                ]
                .concat();
                let error = plain_error(text, self.span_of(goto.jump));
                return Err(Box::new(SourceError { noticed_on: Some(label.next_line), ..*error }));
            }
            self.patch_list(&[goto.jump], label.position)?;
        }
        Ok(())
    }

    fn block(&mut self, block: &Block, is_loop: bool) -> Result<()> {
        self.open_block(is_loop);
        self.block_statements(block, false)?;
        self.close_block()
    }

    /// The statements of a block; `goes_on` when something follows them in its scope, as the condition of `repeat` does.
    fn block_statements(&mut self, block: &Block, goes_on: bool) -> Result<()> {
        for (index, statement) in block.statements.iter().enumerate() {
            let ends_block = !goes_on
                && block.statements[index..].iter().all(|next| matches!(next.kind, StatementKind::Label { .. }));
            self.statement(statement, ends_block)?;
            self.free = self.active_registers();
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Statement, ends_block: bool) -> Result<()> {
        let place = Place::new(statement.span, statement.span.line);
        match &statement.kind {
            StatementKind::Local { names, values } => self.local_statement(names, values, place),
            StatementKind::LocalFunction { name, body } => self.local_function(*name, body, place),
            StatementKind::Assign { targets, values } => self.assignment(targets, values, place),
            StatementKind::Call(expression) => {
                let exp = self.expression(expression)?;
                if let Kind::Call(pc) = exp.kind {
                    self.code[pc].c = 1;
                }
                Ok(())
            }
            StatementKind::Do(block) => self.block(block, false),
            StatementKind::While { condition, body } => self.while_statement(condition, body, place),
            StatementKind::Repeat { body, condition } => self.repeat_statement(body, condition, place),
            StatementKind::If { arms, otherwise } => self.if_statement(arms, otherwise.as_ref(), place),
            StatementKind::NumericFor { variable, start, limit, step, body } => {
                self.numeric_for(*variable, [start, limit], step.as_ref(), body, place)
            }
            StatementKind::GenericFor { names, values, body } => self.generic_for(names, values, body, place),
            StatementKind::Function { target, body } => {
                let target = self.target(target)?;
                let mut function = self.closure(body, place)?;
                let pc = self.code.len();
                self.store(&target, &mut function)?;
                // The assignment belongs to the line of the name, not to that of the end.
                for stored in &mut self.places[pc..] {
                    *stored = place;
                }
                Ok(())
            }
            StatementKind::Return(values) => self.return_statement(values, statement.end_line, place),
            StatementKind::Break => {
                let jump = self.jump(place);
                let target = self.blocks.iter_mut().rev().find_map(|block| block.breaks.as_mut());
                if let Some(breaks) = target {
                    breaks.push(jump);
                }
                Ok(())
            }
            StatementKind::Goto(name) => self.goto(*name, place),
            StatementKind::Label { name, next_line } => self.label(*name, *next_line, ends_block),
        }
    }

    fn goto(&mut self, name: Symbol, place: Place) -> Result<()> {
        let jump = self.jump(place);
        let known = self.blocks.iter().rev().flat_map(|block| &block.labels).find(|label| label.name == name);
        if let Some(position) = known.map(|label| label.position) {
            return self.patch_list(&[jump], position);
        }
        self.gotos.push(PendingGoto { name, jump, line: place.line, active: self.active.len() });
        Ok(())
    }

    fn label(&mut self, name: Symbol, next_line: u32, ends_block: bool) -> Result<()> {
        let position = self.code.len();
        self.last_target = position;
        let Some(block) = self.blocks.last_mut() else { return Ok(()) };
        let active = if ends_block { block.active } else { self.active.len() };
        let label = Label { name, position, active, next_line };
        block.labels.push(label);
        let first = block.gotos;
        self.settle_gotos(first, label)
    }

    fn local_statement(&mut self, names: &[LocalId], values: &[Expression], place: Place) -> Result<()> {
        self.values_to_registers(names.len(), values, place)?;
        for &name in names {
            self.activate(name, place);
        }
        Ok(())
    }

    /// Evaluates `values` into exactly `wanted` new registers.
    fn values_to_registers(&mut self, wanted: usize, values: &[Expression], place: Place) -> Result<()> {
        let base = self.free;
        let last = self.expression_list(values)?;
        let given = values.len();
        match last {
            Some(last) if last.is_open() => {
                let extra = (wanted + 1).saturating_sub(given);
                let is_call = matches!(last.kind, Kind::Call(_));
                self.set_results(&last, Some(extra as u8))?;
                let first = base as usize + given - 1;
                self.free = if is_call { first as u8 + 1 } else { self.free };
                if extra > 1 {
                    self.reserve(extra - 1, place)?;
                }
            }
            last => {
                if let Some(mut last) = last {
                    self.to_next_register(&mut last)?;
                }
                if wanted > given {
                    let first = self.reserve(wanted - given, place)?;
                    self.load_nil(first, (wanted - given) as u8, place);
                }
            }
        }
        self.free = base + wanted as u8;
        Ok(())
    }

    fn local_function(&mut self, name: LocalId, body: &FunctionBody, place: Place) -> Result<()> {
        let register = self.reserve(1, place)?;
        if !self.local_is_boxed(name) {
            self.variables[name.0 as usize].register = register;
            let mut function = self.closure(body, place)?;
            self.to_register(&mut function, register)?;
            self.activate(name, place);
            return Ok(());
        }
        self.load_nil(register, 1, place);
        self.activate(name, place);
        let mut function = self.closure(body, place)?;
        let from = self.to_any_register(&mut function)?;
        self.emit_abc(Op::SetBox, register, from, 0, place);
        Ok(())
    }

    fn local_is_boxed(&self, local: LocalId) -> bool {
        self.variables[local.0 as usize].is_boxed
    }

    /// An expression on the left of `=`.
    fn target(&mut self, expression: &Expression) -> Result<Exp> {
        self.expression(expression)
    }

    fn assignment(&mut self, targets: &[Expression], values: &[Expression], place: Place) -> Result<()> {
        let mut places = Vec::new();
        for (index, target) in targets.iter().enumerate() {
            if let ExpressionKind::Local(local) = target.kind {
                self.protect_from(local, &mut places[..index], place)?;
            }
            places.push(self.target(target)?);
        }
        if let ([target], [value]) = (&places[..], values) {
            let mut exp = self.expression(value)?;
            self.set_one_result(&mut exp);
            return self.store(target, &mut exp);
        }
        let base = self.free;
        self.values_to_registers(targets.len().max(values.len()), values, place)?;
        // The reference assigns from right to left.
        for (index, target) in places.iter().enumerate().rev() {
            let mut value = Exp::new(Kind::Register(base + index as u8), place);
            self.store(target, &mut value)?;
        }
        Ok(())
    }

    /// In `t[i], i = ...` the old `i` counts: earlier targets that use the local as table or key get a copy.
    fn protect_from(&mut self, local: LocalId, targets: &mut [Exp], place: Place) -> Result<()> {
        let variable = self.local(local);
        if variable.is_boxed {
            return Ok(());
        }
        let register = variable.register;
        let uses = |kind: &Kind| match *kind {
            Kind::Index { table, key } => table == register || key == register,
            Kind::Field { table, .. } | Kind::Element { table, .. } => table == register,
            _ => false,
        };
        if !targets.iter().any(|target| uses(&target.kind)) {
            return Ok(());
        }
        let copy = self.reserve(1, place)?;
        self.emit_abc(Op::Move, copy, register, 0, place);
        for target in targets {
            match &mut target.kind {
                Kind::Index { table, key } => {
                    for used in [table, key] {
                        if *used == register {
                            *used = copy;
                        }
                    }
                }
                Kind::Field { table, .. } | Kind::Element { table, .. } if *table == register => *table = copy,
                _ => {}
            }
        }
        Ok(())
    }

    fn while_statement(&mut self, condition: &Expression, body: &Block, place: Place) -> Result<()> {
        let start = self.code.len();
        self.last_target = start;
        let exits = self.condition(condition)?;
        self.open_block(true);
        self.block(body, false)?;
        let back = self.jump(place);
        self.patch_list(&[back], start)?;
        self.patch_to_here(&exits)?;
        self.close_block()
    }

    fn repeat_statement(&mut self, body: &Block, condition: &Expression, _place: Place) -> Result<()> {
        let start = self.code.len();
        self.last_target = start;
        self.open_block(true);
        self.open_block(false);
        self.block_statements(body, true)?;
        let again = self.condition(condition)?;
        self.close_block()?;
        self.patch_list(&again, start)?;
        self.close_block()
    }

    fn if_statement(&mut self, arms: &[(Expression, Block)], otherwise: Option<&Block>, place: Place) -> Result<()> {
        let mut exits = Vec::new();
        for (index, (condition, block)) in arms.iter().enumerate() {
            let next = self.condition(condition)?;
            self.block(block, false)?;
            if index + 1 < arms.len() || otherwise.is_some() {
                exits.push(self.jump(place));
            }
            self.patch_to_here(&next)?;
        }
        if let Some(block) = otherwise {
            self.block(block, false)?;
        }
        self.patch_to_here(&exits)
    }

    fn numeric_for(
        &mut self,
        variable: LocalId,
        [start, limit]: [&Expression; 2],
        step: Option<&Expression>,
        body: &Block,
        place: Place,
    ) -> Result<()> {
        self.open_block(true);
        let base = self.expression_to_next(start)?;
        self.expression_to_next(limit)?;
        match step {
            Some(step) => drop(self.expression_to_next(step)?),
            None => {
                let one = if self.chunk.dialect.is_53() { Kind::Integer(1) } else { Kind::Number(1.0) };
                self.to_next_register(&mut Exp::new(one, place))?;
            }
        }
        for name in ["(for index)", "(for limit)", "(for step)"] {
            self.activate_hidden(name);
        }
        self.emit_abc(Op::ForPrepare, base, 0, 0, place);
        let enter = self.jump(place);
        let top = self.code.len();
        self.last_target = top;
        self.for_body(&[variable], body, place)?;
        self.patch_to_here(&[enter])?;
        self.emit_abc(Op::ForLoop, base, 0, 0, place);
        let back = self.jump(place);
        self.patch_list(&[back], top)?;
        self.last_target = self.code.len();
        self.close_block()
    }

    fn generic_for(&mut self, names: &[LocalId], values: &[Expression], body: &Block, place: Place) -> Result<()> {
        self.open_block(true);
        let base = self.free;
        self.values_to_registers(3, values, place)?;
        for name in ["(for generator)", "(for state)", "(for control)"] {
            self.activate_hidden(name);
        }
        let enter = self.jump(place);
        let top = self.code.len();
        self.last_target = top;
        self.for_body(names, body, place)?;
        self.patch_to_here(&[enter])?;
        // The call needs room for function and arguments above the variables' registers.
        let free = self.free;
        self.reserve(names.len().max(3) + 3, place)?;
        self.free = free;
        self.emit_abc(Op::ForCall, base, 0, names.len() as u8, place);
        self.emit_abc(Op::ForNext, base, 0, 0, place);
        let back = self.jump(place);
        self.patch_list(&[back], top)?;
        self.last_target = self.code.len();
        self.close_block()
    }

    fn for_body(&mut self, names: &[LocalId], body: &Block, place: Place) -> Result<()> {
        self.open_block(false);
        self.reserve(names.len(), place)?;
        for &name in names {
            self.activate(name, place);
        }
        self.block(body, false)?;
        self.close_block()
    }

    fn return_statement(&mut self, values: &[Expression], end_line: u32, place: Place) -> Result<()> {
        let place = if self.chunk.dialect.is_53() { place } else { Place { line: end_line, column: 0, length: 0 } };
        if let [value] = values {
            let mut exp = self.expression(value)?;
            if let Kind::Call(pc) = exp.kind
                && !matches!(value.kind, ExpressionKind::Parenthesized(_))
                && is_call(value)
            {
                let call = self.code[pc];
                self.code[pc] = Instruction::new(Op::TailCall, call.a, call.b, 0);
                self.emit_abc(Op::Return, call.a, 0, 0, place);
                return Ok(());
            }
            if exp.is_open() {
                let first = self.free;
                self.set_results(&exp, None)?;
                self.emit_abc(Op::Return, first, 0, 0, place);
                return Ok(());
            }
            let register = self.to_any_register(&mut exp)?;
            self.emit_abc(Op::Return, register, 2, 0, place);
            return Ok(());
        }
        let first = self.free;
        match self.expression_list(values)? {
            None => drop(self.emit_abc(Op::Return, first, 1, 0, place)),
            Some(last) if last.is_open() => {
                self.set_results(&last, None)?;
                self.emit_abc(Op::Return, first, 0, 0, place);
            }
            Some(mut last) => {
                self.to_next_register(&mut last)?;
                self.emit_abc(Op::Return, first, values.len() as u8 + 1, 0, place);
            }
        }
        Ok(())
    }
}

fn is_call(expression: &Expression) -> bool {
    match &expression.kind {
        ExpressionKind::Suffixed { suffixes, .. } => {
            matches!(suffixes.last().map(|suffix| &suffix.kind), Some(SuffixKind::Call(_) | SuffixKind::Method(..)))
        }
        _ => false,
    }
}

/// The value of an operation on two numerals, unless it must be left to the run: a division by zero, a result that is not
/// a number, or an operator that may fail.
pub(super) fn fold(operator: BinaryOperator, a: Constant, b: Constant, chunk: &Chunk<'_>) -> Option<Constant> {
    let float = |constant| match constant {
        Constant::Integer(integer) => integer as f64,
        Constant::Number(number) => number,
        _ => f64::NAN,
    };
    let is_zero = |constant| matches!(constant, Constant::Integer(0)) || float(constant) == 0.0;
    if chunk.dialect.is_53()
        && let (Constant::Integer(a), Constant::Integer(b)) = (a, b)
    {
        return match operator {
            BinaryOperator::Add => Some(Constant::Integer(a.wrapping_add(b))),
            BinaryOperator::Subtract => Some(Constant::Integer(a.wrapping_sub(b))),
            BinaryOperator::Multiply => Some(Constant::Integer(a.wrapping_mul(b))),
            BinaryOperator::Divide if b != 0 => Some(Constant::Number(a as f64 / b as f64)),
            BinaryOperator::Power => Some(Constant::Number(number::power(a as f64, b as f64))),
            _ => None,
        }
        .filter(|folded| float(*folded) != 0.0 && i32::try_from(float(*folded) as i64).is_ok());
    }
    let (x, y) = (float(a), float(b));
    let result = match operator {
        BinaryOperator::Add => x + y,
        BinaryOperator::Subtract => x - y,
        BinaryOperator::Multiply => x * y,
        BinaryOperator::Divide if !is_zero(b) => x / y,
        BinaryOperator::Modulo if !is_zero(b) => number::modulo(x, y, chunk.dialect),
        BinaryOperator::Power => number::power(x, y),
        _ => return None,
    };
    let is_plain = !result.is_nan() && (!chunk.dialect.is_53() || result != 0.0);
    is_plain.then_some(Constant::Number(result))
}
