//! The syntax tree, with every name resolved.
//!
//! The parser knows the scopes anyway, so it says for each name whether it is a local, an upvalue or a global, and for each
//! local whether a closure captures it and whether it is assigned after its declaration. That decides how the compiler
//! stores it. Chains of suffixes and of binary operators are lists, not nested nodes: a hostile source can make them as long
//! as it likes, and only true nesting costs depth.

use crate::lexer::{Span, Symbol};

/// A local variable of one function, numbered in order of declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LocalId(pub(crate) u32);

#[derive(Debug)]
pub(crate) struct LocalInfo {
    pub(crate) name: Symbol,
    pub(crate) captured: bool,
    pub(crate) assigned: bool,
}

impl LocalInfo {
    /// A variable that closures share while it changes lives in a box; any other one is copied into its closures.
    pub(crate) fn is_boxed(&self) -> bool {
        self.captured && self.assigned
    }
}

/// Where a function finds an upvalue when it is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capture {
    /// A local of the enclosing function.
    Local(LocalId),
    /// An upvalue of the enclosing function.
    Upvalue(u8),
}

#[derive(Debug)]
pub(crate) struct UpvalueInfo {
    pub(crate) name: Symbol,
    pub(crate) capture: Capture,
}

#[derive(Debug)]
pub(crate) struct FunctionBody {
    pub(crate) parameters: Vec<LocalId>,
    pub(crate) is_vararg: bool,
    /// 5.1: the hidden local `arg` of a vararg function.
    pub(crate) arg: Option<LocalId>,
    /// Whether `arg` gets a table: when the function does not use `...`. Otherwise it is nil.
    pub(crate) needs_arg: bool,
    pub(crate) block: Block,
    pub(crate) locals: Vec<LocalInfo>,
    pub(crate) upvalues: Vec<UpvalueInfo>,
    /// The local that a `local function` statement declares for this function.
    pub(crate) own_name: Option<LocalId>,
    /// How many upvalues were known when the environment was first used, if it is used.
    pub(crate) environment_at: Option<u8>,
    pub(crate) line_defined: u32,
    pub(crate) last_line: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) statements: Vec<Statement>,
}

#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) kind: StatementKind,
    pub(crate) span: Span,
    /// The line of the last token.
    pub(crate) end_line: u32,
}

#[derive(Debug)]
pub(crate) enum StatementKind {
    Local {
        names: Vec<LocalId>,
        values: Vec<Expression>,
    },
    LocalFunction {
        name: LocalId,
        body: Box<FunctionBody>,
    },
    Assign {
        targets: Vec<Expression>,
        values: Vec<Expression>,
    },
    Call(Expression),
    Do(Block),
    While {
        condition: Expression,
        body: Block,
    },
    Repeat {
        body: Block,
        condition: Expression,
    },
    If {
        arms: Vec<(Expression, Block)>,
        otherwise: Option<Block>,
    },
    NumericFor {
        variable: LocalId,
        start: Expression,
        limit: Expression,
        step: Option<Expression>,
        body: Block,
    },
    GenericFor {
        names: Vec<LocalId>,
        values: Vec<Expression>,
        body: Block,
    },
    Function {
        target: Expression,
        body: Box<FunctionBody>,
    },
    Return(Vec<Expression>),
    Break,
    Goto(Symbol),
    /// With the line of what follows it.
    Label {
        name: Symbol,
        next_line: u32,
    },
}

#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) kind: ExpressionKind,
    pub(crate) span: Span,
    /// The line of the last token, where 5.1 reports most errors of the expression.
    pub(crate) end_line: u32,
}

#[derive(Debug)]
pub(crate) enum ExpressionKind {
    Nil,
    True,
    False,
    Dots,
    Integer(i64),
    Number(f64),
    String(Symbol),
    Function(Box<FunctionBody>),
    Table(Vec<Item>),
    Local(LocalId),
    Upvalue(u8),
    Global(Symbol),
    /// 5.3: `_ENV` itself.
    Environment,
    Suffixed {
        first: Box<Expression>,
        suffixes: Vec<Suffix>,
    },
    /// `first op operand op operand ...`, applied from left to right.
    Chain {
        first: Box<Expression>,
        rest: Vec<Link>,
    },
    Unary {
        operator: UnaryOperator,
        operand: Box<Expression>,
    },
    Parenthesized(Box<Expression>),
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) operator: BinaryOperator,
    pub(crate) span: Span,
    pub(crate) operand: Expression,
}

#[derive(Debug)]
pub(crate) struct Suffix {
    pub(crate) kind: SuffixKind,
    pub(crate) span: Span,
    pub(crate) end_line: u32,
}

#[derive(Debug)]
pub(crate) enum SuffixKind {
    Field(Symbol),
    Index(Expression),
    Call(Vec<Expression>),
    Method(Symbol, Vec<Expression>),
}

#[derive(Debug)]
pub(crate) enum Item {
    Positional(Expression),
    Named(Symbol, Expression),
    Keyed(Expression, Expression),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnaryOperator {
    Negate,
    Not,
    Length,
    BitNot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BinaryOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    FloorDivide,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
    Concat,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
}
