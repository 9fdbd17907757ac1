//! Instructions of the register machine.
//!
//! `R(x)` is a register of the running function, `K(x)` a constant of its prototype, `U(x)` an upvalue. Comparisons and tests
//! are followed by a jump that is taken unless the next instruction is skipped, as in the reference's machine.

use gc_arena::Collect;

/// One instruction: an operation and three small operands, or one operand and a wide one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Collect)]
#[collect(require_static)]
#[repr(C)]
pub(crate) struct Instruction {
    pub(crate) op: Op,
    pub(crate) a: u8,
    pub(crate) b: u8,
    pub(crate) c: u8,
}

impl Instruction {
    pub(crate) fn new(op: Op, a: u8, b: u8, c: u8) -> Self {
        Instruction { op, a, b, c }
    }

    pub(crate) fn wide(op: Op, a: u8, bx: u16) -> Self {
        let [b, c] = bx.to_le_bytes();
        Instruction { op, a, b, c }
    }

    /// Operands b and c as one number.
    #[inline(always)]
    pub(crate) fn bx(self) -> u16 {
        u16::from_le_bytes([self.b, self.c])
    }

    /// All three operands as one signed number.
    #[inline(always)]
    pub(crate) fn offset(self) -> i32 {
        i32::from_le_bytes([0, self.a, self.b, self.c]) >> 8
    }

    pub(crate) fn with_offset(op: Op, offset: i32) -> Self {
        let [_, a, b, c] = (offset << 8).to_le_bytes();
        Instruction { op, a, b, c }
    }
}

/// Farthest jump in either direction.
pub(crate) const OFFSET_MAX: i32 = (1 << 23) - 1;

/// Operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Op {
    /// `R(a) = R(b)`
    Move,
    /// `R(a) = K(bx)`
    LoadK,
    /// `R(a) = K(offset of the next word)`
    LoadKWide,
    /// `R(a), ..., R(a+b) = nil`
    LoadNil,
    /// `R(a) = (b != 0); if c, skip the next instruction`
    LoadBool,
    /// `R(a) = U(b)`, an upvalue that never changes
    GetUpvalue,
    /// `R(a) = U(b)`, an upvalue in a box
    GetBoxUpvalue,
    /// `U(b) = R(a)`, an upvalue in a box
    SetBoxUpvalue,
    /// `R(a) =` the running function
    GetSelf,
    /// `R(a) =` the environment
    GetEnvironment,
    /// `R(a) =` a new box holding `R(a)`
    NewBox,
    /// `R(a) =` what box `R(b)` holds
    GetBox,
    /// what box `R(a)` holds `= R(b)`
    SetBox,
    /// `R(a) = environment[K(bx)]`
    GetGlobal,
    /// `environment[K(bx)] = R(a)`
    SetGlobal,
    /// `R(a) = R(b)[K(c)]`, a string
    GetField,
    /// `R(a)[K(b)] = R(c)`, a string
    SetField,
    /// `R(a) = R(b)[R(c)]`
    GetIndex,
    /// `R(a)[R(b)] = R(c)`
    SetIndex,
    /// `R(a) = R(b)[c]`, a small whole number
    GetInteger,
    /// `R(a)[b] = R(c)`, a small whole number
    SetInteger,
    /// `R(a+1) = R(b); R(a) = R(b)[K(c)]`
    Method,
    /// `R(a) =` a new table with room for b elements and c fields
    NewTable,
    /// `R(a)[offset + i] = R(a+i)` for i in 1..=b, or up to the top if b is 0; offset in the next word
    SetList,
    /// `R(a) = R(b) + R(c)`, and so on
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    FloorDiv,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
    /// `R(a) = R(b) + K(c)`, and so on
    AddK,
    SubK,
    MulK,
    DivK,
    ModK,
    PowK,
    FloorDivK,
    /// `R(a) = -R(b)`, and so on
    Negate,
    Not,
    Length,
    BitNot,
    /// `R(a) = R(b) .. ... .. R(c)`
    Concat,
    /// `pc += offset`
    Jump,
    /// `if truth of R(a) != c, skip the next instruction`
    Test,
    /// `if truth of R(b) == c, R(a) = R(b), else skip the next instruction`
    TestSet,
    /// `if (R(b) == R(c)) != a, skip the next instruction`, and so on
    Equal,
    Less,
    LessEqual,
    /// `if (R(b) == K(c)) != a, skip the next instruction`, and so on
    EqualK,
    LessK,
    LessEqualK,
    GreaterK,
    GreaterEqualK,
    /// `R(a), ... = R(a)(R(a+1), ..., R(a+b-1))`; b 0: arguments up to the top; c-1 results, c 0: all
    Call,
    /// `return R(a)(R(a+1), ..., R(a+b-1))`
    TailCall,
    /// `return R(a), ..., R(a+b-2)`; b 0: up to the top
    Return,
    /// Prepares the loop over `R(a)`; the next word jumps to its [`Op::ForLoop`]
    ForPrepare,
    /// Steps the loop over `R(a)`; the next word jumps back to the body
    ForLoop,
    /// `R(a+3), ..., R(a+2+c) = R(a)(R(a+1), R(a+2))`
    ForCall,
    /// `if R(a+3) != nil, R(a+2) = R(a+3)` and the next word jumps back to the body
    ForNext,
    /// `R(a) =` a closure of prototype bx
    Closure,
    /// `R(a), ... = ...`; b-1 values, b 0: all
    Vararg,
    /// Ask the debugger, then do what the function's own code has here; see [`crate::debugger`]
    Watched,
}
