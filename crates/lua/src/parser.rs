//! Tokens to syntax tree, names resolved on the way.
//!
//! The grammar is that of `lparser.c`, which is also the source of every message. Nesting is bounded as there, so neither the
//! parser nor the compiler after it can exhaust the stack.

use crate::{
    CompileErrorKind, Dialect, IntegerBits,
    ast::{
        BinaryOperator, Block, Capture, Expression, ExpressionKind, FunctionBody, Item, Link, LocalId, LocalInfo,
        Statement, StatementKind, Suffix, SuffixKind, UnaryOperator, UpvalueInfo,
    },
    lexer::{Keyword, Lexeme, Lexer, SourceError, Span, Symbol, Symbols, Token},
};

/// Deepest nesting of statements and expressions: `LUAI_MAXCCALLS`.
const LEVELS_MAX: usize = 195;
/// Most active locals of a function: `LUAI_MAXVARS`.
const LOCALS_MAX: usize = 200;

type Result<T> = std::result::Result<T, Box<SourceError>>;

/// A parsed chunk.
pub(crate) struct Chunk {
    pub(crate) main: FunctionBody,
    pub(crate) symbols: Symbols,
}

/// Parses a chunk.
pub(crate) fn parse(source: &[u8], dialect: Dialect, bits: IntegerBits) -> Result<Chunk> {
    let mut parser = Parser::new(source, dialect, bits, false)?;
    let main = parser.main()?;
    if !parser.assigns_environment {
        return Ok(Chunk { main, symbols: parser.lexer.symbols });
    }
    // `_ENV = ...` changes what every function of the chunk sees, so the environment must be a shared variable: a hidden
    // local around the chunk. It is rare, and a second parse keeps the usual case simple.
    let mut parser = Parser::new(source, dialect, bits, true)?;
    let main = parser.main()?;
    Ok(Chunk { main, symbols: parser.lexer.symbols })
}

/// All mistakes of a chunk: after each the parser goes on with the next statement.
pub(crate) fn check(source: &[u8], dialect: Dialect, bits: IntegerBits) -> Vec<SourceError> {
    let mut parser = match Parser::new(source, dialect, bits, false) {
        Ok(parser) => parser,
        Err(error) => return vec![*error],
    };
    parser.recovers = true;
    if let Err(error) = parser.main() {
        parser.errors.push(*error);
    }
    parser.errors
}

/// Most mistakes that [`check`] reports.
const ERRORS_MAX: usize = 20;

struct Scope {
    locals: Vec<LocalInfo>,
    active: Vec<(Symbol, LocalId)>,
    upvalues: Vec<UpvalueInfo>,
    is_vararg: bool,
    uses_dots: bool,
    environment_at: Option<u8>,
    line_defined: u32,
    loops: usize,
    /// 5.3: the first `break` outside a loop.
    stray_break: Option<Span>,
    blocks: Vec<Labels>,
}

/// How deep in the source the parser stands.
#[derive(Clone, Copy)]
struct Depth {
    scopes: usize,
    blocks: usize,
    loops: usize,
    level: usize,
}

#[derive(Default)]
struct Labels {
    active: usize,
    labels: Vec<(Symbol, u32)>,
}

struct Parser<'s> {
    lexer: Lexer<'s>,
    current: Lexeme,
    ahead: Option<Lexeme>,
    /// Line of the last token consumed.
    last_line: u32,
    dialect: Dialect,
    scopes: Vec<Scope>,
    level: usize,
    environment: Symbol,
    has_environment_local: bool,
    assigns_environment: bool,
    recovers: bool,
    errors: Vec<SourceError>,
}

impl<'s> Parser<'s> {
    fn new(source: &'s [u8], dialect: Dialect, bits: IntegerBits, has_environment_local: bool) -> Result<Self> {
        let mut lexer = Lexer::new(source, dialect, bits);
        let environment = lexer.symbols.intern(b"_ENV");
        let current = lexer.next()?;
        Ok(Parser {
            lexer,
            current,
            ahead: None,
            last_line: 1,
            dialect,
            scopes: Vec::new(),
            level: 0,
            environment,
            has_environment_local,
            assigns_environment: false,
            recovers: false,
            errors: Vec::new(),
        })
    }

    // Tokens.

    fn advance(&mut self) -> Result<Lexeme> {
        let taken = self.current;
        self.last_line = taken.end_line;
        self.current = match self.ahead.take() {
            Some(lexeme) => lexeme,
            None => self.next_lexeme()?,
        };
        Ok(taken)
    }

    /// The next token; a recovering parser notes what cannot be a token and reads on.
    fn next_lexeme(&mut self) -> Result<Lexeme> {
        loop {
            match self.lexer.next() {
                Err(error) if self.recovers && self.errors.len() < ERRORS_MAX => self.errors.push(*error),
                result => return result,
            }
        }
    }

    fn peek_ahead(&mut self) -> Result<Token> {
        let lexeme = match self.ahead {
            Some(lexeme) => lexeme,
            None => self.next_lexeme()?,
        };
        self.ahead = Some(lexeme);
        Ok(lexeme.token)
    }

    fn is_char(&self, byte: u8) -> bool {
        self.current.token == Token::Char(byte)
    }

    fn is_keyword(&self, keyword: Keyword) -> bool {
        self.current.token == Token::Keyword(keyword)
    }

    fn take_char(&mut self, byte: u8) -> Result<bool> {
        let matches = self.is_char(byte);
        if matches {
            self.advance()?;
        }
        Ok(matches)
    }

    fn take_keyword(&mut self, keyword: Keyword) -> Result<bool> {
        let matches = self.is_keyword(keyword);
        if matches {
            self.advance()?;
        }
        Ok(matches)
    }

    fn expect(&mut self, token: Token) -> Result<Lexeme> {
        if self.current.token == token {
            return self.advance();
        }
        Err(self.error_near(format!("{} expected", self.lexer.describe(token))))
    }

    /// The token that closes what `opening` began on `line`.
    fn expect_closing(&mut self, closing: Token, opening: Token, line: u32) -> Result<()> {
        if self.current.token == closing {
            return self.advance().map(drop);
        }
        if line == self.current.span.line {
            return self.expect(closing).map(drop);
        }
        let (closing, opening) = (self.lexer.describe(closing), self.lexer.describe(opening));
        Err(self.error_near(format!("{closing} expected (to close {opening} at line {line})")))
    }

    fn name(&mut self) -> Result<(Symbol, Span)> {
        match self.current.token {
            Token::Name(symbol) => Ok((symbol, self.advance()?.span)),
            _ => Err(self.error_near(format!("{} expected", self.lexer.describe(Token::Name(Symbol(0)))))),
        }
    }

    // Errors.

    fn error_near(&self, message: impl Into<String>) -> Box<SourceError> {
        let mut text = message.into().into_bytes();
        text.extend_from_slice(b" near ");
        text.extend_from_slice(&self.lexer.near(&self.current));
        self.error_at(text, self.current.span, CompileErrorKind::Syntax)
    }

    fn error_at(&self, text: Vec<u8>, span: Span, kind: CompileErrorKind) -> Box<SourceError> {
        let incomplete = self.current.token == Token::End && text.ends_with(&self.lexer.near(&self.current));
        Box::new(SourceError { kind, text, span, noticed_on: None, incomplete })
    }

    /// A limit of the function being parsed is exceeded.
    fn limit_error(&self, what: &str, limit: usize) -> Box<SourceError> {
        let line = self.scope().line_defined;
        if self.dialect.is_53() {
            let place = if line == 0 { "main function".to_owned() } else { format!("function at line {line}") };
            let mut error = self.error_near(format!("too many {what} (limit is {limit}) in {place}"));
            error.kind = CompileErrorKind::Limit;
            return error;
        }
        let place = if line == 0 { "main function".to_owned() } else { format!("function at line {line}") };
        let text = format!("{place} has more than {limit} {what}").into_bytes();
        self.error_at(text, self.current.span, CompileErrorKind::Limit)
    }

    fn enter_level(&mut self) -> Result<()> {
        self.level += 1;
        if self.level <= LEVELS_MAX {
            return Ok(());
        }
        Err(if self.dialect.is_53() {
            self.limit_error("C levels", 200)
        } else {
            let text = b"chunk has too many syntax levels".to_vec();
            self.error_at(text, self.current.span, CompileErrorKind::Limit)
        })
    }

    fn leave_level(&mut self) {
        self.level -= 1;
    }

    // Scopes.

    fn scope(&self) -> &Scope {
        self.scopes.last().expect("parsing happens inside a function")
    }

    fn scope_mut(&mut self) -> &mut Scope {
        self.scopes.last_mut().expect("parsing happens inside a function")
    }

    fn open_function(&mut self, line_defined: u32) {
        self.scopes.push(Scope {
            locals: Vec::new(),
            active: Vec::new(),
            upvalues: Vec::new(),
            is_vararg: false,
            uses_dots: false,
            environment_at: None,
            line_defined,
            loops: 0,
            stray_break: None,
            blocks: Vec::new(),
        });
    }

    fn close_function(&mut self, parameters: Vec<LocalId>, arg: Option<LocalId>, block: Block) -> Result<FunctionBody> {
        let scope = self.scopes.pop().expect("functions are closed after they are opened");
        if let Some(span) = scope.stray_break {
            let text = format!("<break> at line {} not inside a loop", span.line).into_bytes();
            let error = self.error_at(text, span, CompileErrorKind::Syntax);
            return Err(Box::new(SourceError { noticed_on: Some(self.last_line), ..*error }));
        }
        Ok(FunctionBody {
            parameters,
            is_vararg: scope.is_vararg,
            needs_arg: arg.is_some() && !scope.uses_dots,
            arg,
            block,
            locals: scope.locals,
            upvalues: scope.upvalues,
            own_name: None,
            environment_at: scope.environment_at,
            line_defined: scope.line_defined,
            last_line: self.last_line,
        })
    }

    fn declare(&mut self, name: Symbol) -> LocalId {
        let locals = &mut self.scope_mut().locals;
        locals.push(LocalInfo { name, captured: false, assigned: false });
        LocalId(locals.len() as u32 - 1)
    }

    /// Lets a declared local be seen from here on.
    fn activate(&mut self, local: LocalId) -> Result<()> {
        if self.scope().active.len() >= LOCALS_MAX {
            return Err(self.limit_error("local variables", LOCALS_MAX));
        }
        let name = self.scope().locals[local.0 as usize].name;
        self.scope_mut().active.push((name, local));
        Ok(())
    }

    fn open_block(&mut self) {
        let active = self.scope().active.len();
        self.scope_mut().blocks.push(Labels { active, labels: Vec::new() });
    }

    fn depth(&self) -> Depth {
        let scope = self.scope();
        Depth { scopes: self.scopes.len(), blocks: scope.blocks.len(), loops: scope.loops, level: self.level }
    }

    /// Leaves what a mistake has left open.
    fn return_to(&mut self, depth: Depth) {
        self.scopes.truncate(depth.scopes);
        while self.scope().blocks.len() > depth.blocks {
            self.close_block();
        }
        self.scope_mut().loops = depth.loops;
        self.level = depth.level;
    }

    fn close_block(&mut self) {
        let scope = self.scope_mut();
        if let Some(block) = scope.blocks.pop() {
            scope.active.truncate(block.active);
        }
    }

    fn resolve(&mut self, name: Symbol) -> Result<ExpressionKind> {
        if let Some(local) = self.find_local(self.scopes.len() - 1, name) {
            return Ok(ExpressionKind::Local(local));
        }
        if let Some(upvalue) = self.find_upvalue(self.scopes.len() - 1, name)? {
            return Ok(ExpressionKind::Upvalue(upvalue));
        }
        if self.dialect.is_53() && name == self.environment {
            self.use_environment()?;
            return Ok(ExpressionKind::Environment);
        }
        Ok(ExpressionKind::Global(name))
    }

    fn find_local(&self, scope: usize, name: Symbol) -> Option<LocalId> {
        self.scopes[scope].active.iter().rev().find(|(active, _)| *active == name).map(|(_, local)| *local)
    }

    fn find_upvalue(&mut self, scope: usize, name: Symbol) -> Result<Option<u8>> {
        if let Some(known) = self.scopes[scope].upvalues.iter().position(|upvalue| upvalue.name == name) {
            // A name may mean different variables at different places of a function, but its upvalues come from outside,
            // where the function stands at one place.
            return Ok(Some(known as u8));
        }
        if scope == 0 {
            return Ok(None);
        }
        let capture = if let Some(local) = self.find_local(scope - 1, name) {
            self.scopes[scope - 1].locals[local.0 as usize].captured = true;
            Capture::Local(local)
        } else {
            match self.find_upvalue(scope - 1, name)? {
                Some(upvalue) => Capture::Upvalue(upvalue),
                None => return Ok(None),
            }
        };
        let limit = if self.dialect.is_53() { 255 } else { 60 };
        if self.scopes[scope].upvalues.len() >= limit {
            return Err(self.limit_error("upvalues", limit));
        }
        self.scopes[scope].upvalues.push(UpvalueInfo { name, capture });
        Ok(Some(self.scopes[scope].upvalues.len() as u8 - 1))
    }

    fn use_environment(&mut self) -> Result<()> {
        for scope in &mut self.scopes {
            let count = scope.upvalues.len() as u8;
            scope.environment_at.get_or_insert(count);
        }
        Ok(())
    }

    /// A name as an expression.
    fn variable(&mut self, name: Symbol, span: Span) -> Result<Expression> {
        let end_line = span.line;
        let kind = self.resolve(name)?;
        let ExpressionKind::Global(name) = kind else { return Ok(Expression { kind, span, end_line }) };
        if self.dialect.is_53() {
            let environment = self.resolve(self.environment)?;
            if !matches!(environment, ExpressionKind::Environment) {
                let first = Box::new(Expression { kind: environment, span, end_line });
                let suffixes = vec![Suffix { kind: SuffixKind::Field(name), span, end_line }];
                let kind = ExpressionKind::Suffixed { first, suffixes };
                return Ok(Expression { kind, span, end_line });
            }
        }
        Ok(Expression { kind: ExpressionKind::Global(name), span, end_line })
    }

    /// Notes that `target` is assigned; the variable behind it is then not constant.
    fn mark_assigned(&mut self, target: &Expression) {
        match target.kind {
            ExpressionKind::Local(local) => self.scope_mut().locals[local.0 as usize].assigned = true,
            ExpressionKind::Upvalue(upvalue) => {
                let mut scope = self.scopes.len() - 1;
                let mut index = upvalue;
                loop {
                    let capture = self.scopes[scope].upvalues[index as usize].capture;
                    scope -= 1;
                    match capture {
                        Capture::Local(local) => {
                            self.scopes[scope].locals[local.0 as usize].assigned = true;
                            return;
                        }
                        Capture::Upvalue(outer) => index = outer,
                    }
                }
            }
            ExpressionKind::Environment => self.assigns_environment = true,
            _ => {}
        }
    }

    // Blocks and statements.

    fn main(&mut self) -> Result<FunctionBody> {
        self.open_function(0);
        self.scope_mut().is_vararg = true;
        self.scope_mut().uses_dots = true;
        if self.dialect.is_53() {
            self.scope_mut().environment_at = Some(0);
        }
        let mut hidden = None;
        if self.has_environment_local {
            let span = self.current.span;
            let local = self.declare(self.environment);
            self.activate(local)?;
            let value = Expression { kind: ExpressionKind::Environment, span, end_line: span.line };
            let kind = StatementKind::Local { names: vec![local], values: vec![value] };
            hidden = Some(Statement { kind, span, end_line: span.line });
        }
        let mut block = self.block()?;
        while self.current.token != Token::End {
            let error = self.error_near(format!("{} expected", self.lexer.describe(Token::End)));
            if !self.recovers || self.errors.len() >= ERRORS_MAX {
                return Err(error);
            }
            self.errors.push(*error);
            self.advance()?;
            self.block()?;
        }
        if let Some(hidden) = hidden {
            block.statements.insert(0, hidden);
        }
        self.last_line = self.lexer.line();
        self.close_function(Vec::new(), None, block)
    }

    fn block_ends(&self) -> bool {
        match self.current.token {
            Token::End => true,
            Token::Keyword(keyword) => {
                matches!(keyword, Keyword::Else | Keyword::ElseIf | Keyword::End | Keyword::Until)
            }
            _ => false,
        }
    }

    /// A block with a scope of its own.
    fn block(&mut self) -> Result<Block> {
        self.open_block();
        let block = self.statements()?;
        self.close_block();
        Ok(block)
    }

    fn statements(&mut self) -> Result<Block> {
        let mut statements = Vec::new();
        self.enter_level()?;
        let depth = self.depth();
        while !self.block_ends() {
            let is_last =
                self.is_keyword(Keyword::Return) || (self.is_keyword(Keyword::Break) && !self.dialect.is_53());
            match self.statement() {
                Ok(statement) => statements.extend(statement),
                Err(error) if self.recovers && self.errors.len() < ERRORS_MAX => {
                    self.errors.push(*error);
                    self.return_to(depth);
                    self.skip_to_statement()?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            if is_last {
                break;
            }
        }
        self.leave_level();
        Ok(Block { statements })
    }

    /// After a mistake: on to the first token of a later line that can begin a statement or end a block.
    fn skip_to_statement(&mut self) -> Result<()> {
        let line = self.current.span.line;
        if self.current.token != Token::End {
            self.advance()?;
        }
        while self.current.token != Token::End {
            let may_begin = match self.current.token {
                Token::Name(_) => true,
                Token::Keyword(keyword) => !matches!(
                    keyword,
                    Keyword::And
                        | Keyword::Or
                        | Keyword::Not
                        | Keyword::In
                        | Keyword::Nil
                        | Keyword::True
                        | Keyword::False
                        | Keyword::Then
                        | Keyword::Do
                ),
                _ => false,
            };
            if may_begin && self.current.span.line > line {
                break;
            }
            self.advance()?;
        }
        Ok(())
    }

    /// One statement; none for a stray `;` of 5.3.
    fn statement(&mut self) -> Result<Option<Statement>> {
        let span = self.current.span;
        let line = span.line;
        let kind = match self.current.token {
            Token::Char(b';') if self.dialect.is_53() => {
                self.advance()?;
                return Ok(None);
            }
            Token::Keyword(keyword) => match keyword {
                Keyword::If => self.if_statement(line)?,
                Keyword::While => self.while_statement(line)?,
                Keyword::Do => {
                    self.advance()?;
                    let block = self.block()?;
                    self.expect_closing(Token::Keyword(Keyword::End), Token::Keyword(Keyword::Do), line)?;
                    StatementKind::Do(block)
                }
                Keyword::For => self.for_statement(line)?,
                Keyword::Repeat => self.repeat_statement(line)?,
                Keyword::Function => self.function_statement(line)?,
                Keyword::Local => {
                    self.advance()?;
                    if self.take_keyword(Keyword::Function)? {
                        self.local_function(line)?
                    } else {
                        self.local_statement()?
                    }
                }
                Keyword::Return => self.return_statement()?,
                Keyword::Break => self.break_statement()?,
                Keyword::Goto => {
                    self.advance()?;
                    StatementKind::Goto(self.name()?.0)
                }
                _ => self.expression_statement()?,
            },
            Token::DoubleColon => self.label_statement()?,
            _ => self.expression_statement()?,
        };
        let statement = Statement { kind, span, end_line: self.last_line };
        if !self.dialect.is_53() {
            self.take_char(b';')?;
        }
        Ok(Some(statement))
    }

    fn if_statement(&mut self, line: u32) -> Result<StatementKind> {
        let mut arms = Vec::new();
        loop {
            self.advance()?;
            let condition = self.expression()?;
            self.expect(Token::Keyword(Keyword::Then))?;
            arms.push((condition, self.block()?));
            if !self.is_keyword(Keyword::ElseIf) {
                break;
            }
        }
        let otherwise = if self.take_keyword(Keyword::Else)? { Some(self.block()?) } else { None };
        self.expect_closing(Token::Keyword(Keyword::End), Token::Keyword(Keyword::If), line)?;
        Ok(StatementKind::If { arms, otherwise })
    }

    fn loop_body(&mut self) -> Result<Block> {
        self.scope_mut().loops += 1;
        let block = self.block()?;
        self.scope_mut().loops -= 1;
        Ok(block)
    }

    fn while_statement(&mut self, line: u32) -> Result<StatementKind> {
        self.advance()?;
        let condition = self.expression()?;
        self.expect(Token::Keyword(Keyword::Do))?;
        let body = self.loop_body()?;
        self.expect_closing(Token::Keyword(Keyword::End), Token::Keyword(Keyword::While), line)?;
        Ok(StatementKind::While { condition, body })
    }

    fn repeat_statement(&mut self, line: u32) -> Result<StatementKind> {
        self.advance()?;
        // The condition sees the locals of the body.
        self.open_block();
        self.scope_mut().loops += 1;
        let body = self.statements()?;
        self.scope_mut().loops -= 1;
        self.expect_closing(Token::Keyword(Keyword::Until), Token::Keyword(Keyword::Repeat), line)?;
        let condition = self.expression()?;
        self.close_block();
        Ok(StatementKind::Repeat { body, condition })
    }

    fn for_statement(&mut self, line: u32) -> Result<StatementKind> {
        self.advance()?;
        let (first, _) = self.name()?;
        match self.current.token {
            Token::Char(b'=') => self.numeric_for(first, line),
            Token::Char(b',') | Token::Keyword(Keyword::In) => self.generic_for(first, line),
            _ => Err(self.error_near("'=' or 'in' expected")),
        }
    }

    fn numeric_for(&mut self, name: Symbol, line: u32) -> Result<StatementKind> {
        self.advance()?;
        let start = self.expression()?;
        self.expect(Token::Char(b','))?;
        let limit = self.expression()?;
        let step = if self.take_char(b',')? { Some(self.expression()?) } else { None };
        let variable = self.declare(name);
        let body = self.for_body(&[variable], 3, line)?;
        Ok(StatementKind::NumericFor { variable, start, limit, step, body })
    }

    fn generic_for(&mut self, first: Symbol, line: u32) -> Result<StatementKind> {
        let mut symbols = vec![first];
        while self.take_char(b',')? {
            symbols.push(self.name()?.0);
            self.check_pending_locals(symbols.len() + 3)?;
        }
        self.expect(Token::Keyword(Keyword::In))?;
        let values = self.expressions()?;
        let names: Vec<LocalId> = symbols.into_iter().map(|symbol| self.declare(symbol)).collect();
        let body = self.for_body(&names, 3, line)?;
        Ok(StatementKind::GenericFor { names, values, body })
    }

    fn for_body(&mut self, names: &[LocalId], hidden: usize, line: u32) -> Result<Block> {
        self.expect(Token::Keyword(Keyword::Do))?;
        self.open_block();
        // The control variables count as locals.
        let placeholder = self.lexer.symbols.intern(b"(for state)");
        for _ in 0..hidden {
            self.scope_mut().active.push((placeholder, LocalId(u32::MAX)));
        }
        for &name in names {
            self.activate(name)?;
        }
        self.scope_mut().loops += 1;
        let body = self.block()?;
        self.scope_mut().loops -= 1;
        self.close_block();
        self.expect_closing(Token::Keyword(Keyword::End), Token::Keyword(Keyword::For), line)?;
        Ok(body)
    }

    fn function_statement(&mut self, line: u32) -> Result<StatementKind> {
        self.advance()?;
        let (name, span) = self.name()?;
        let mut target = self.variable(name, span)?;
        let mut is_method = false;
        while !is_method && (self.is_char(b'.') || self.is_char(b':')) {
            is_method = self.is_char(b':');
            self.advance()?;
            let (field, span) = self.name()?;
            push_suffix(&mut target, Suffix { kind: SuffixKind::Field(field), span, end_line: span.line });
        }
        let body = Box::new(self.function_body(is_method, line)?);
        self.mark_assigned(&target);
        Ok(StatementKind::Function { target, body })
    }

    fn local_function(&mut self, line: u32) -> Result<StatementKind> {
        let (symbol, _) = self.name()?;
        let name = self.declare(symbol);
        self.activate(name)?;
        let mut body = Box::new(self.function_body(false, line)?);
        body.own_name = Some(name);
        Ok(StatementKind::LocalFunction { name, body })
    }

    fn check_pending_locals(&self, pending: usize) -> Result<()> {
        if self.scope().active.len() + pending > LOCALS_MAX {
            return Err(self.limit_error("local variables", LOCALS_MAX));
        }
        Ok(())
    }

    fn local_statement(&mut self) -> Result<StatementKind> {
        let mut symbols = Vec::new();
        loop {
            symbols.push(self.name()?.0);
            self.check_pending_locals(symbols.len())?;
            if !self.take_char(b',')? {
                break;
            }
        }
        let values = if self.take_char(b'=')? { self.expressions()? } else { Vec::new() };
        let mut names = Vec::new();
        for symbol in symbols {
            let name = self.declare(symbol);
            self.activate(name)?;
            names.push(name);
        }
        Ok(StatementKind::Local { names, values })
    }

    fn return_statement(&mut self) -> Result<StatementKind> {
        self.advance()?;
        let values = if self.block_ends() || self.is_char(b';') { Vec::new() } else { self.expressions()? };
        if self.dialect.is_53() {
            self.take_char(b';')?;
        }
        Ok(StatementKind::Return(values))
    }

    fn break_statement(&mut self) -> Result<StatementKind> {
        if self.scope().loops == 0 {
            if self.dialect.is_53() {
                let span = self.advance()?.span;
                // The reference takes it for a jump to a label that may still come: an error when the function ends.
                self.scope_mut().stray_break.get_or_insert(span);
                return Ok(StatementKind::Break);
            }
            self.advance()?;
            return Err(self.error_near("no loop to break"));
        }
        self.advance()?;
        Ok(StatementKind::Break)
    }

    fn label_statement(&mut self) -> Result<StatementKind> {
        self.advance()?;
        let (name, span) = self.name()?;
        let line = span.line;
        // A label may hide one of an enclosing block.
        let block = self.scope().blocks.last();
        if let Some((_, first)) = block.and_then(|block| block.labels.iter().find(|(label, _)| *label == name)) {
            let text =
                [b"label '", self.lexer.symbols.text(name), format!("' already defined on line {first}").as_bytes()]
                    .concat();
            return Err(self.error_at(text, span, CompileErrorKind::Syntax));
        }
        self.expect(Token::DoubleColon)?;
        if let Some(block) = self.scope_mut().blocks.last_mut() {
            block.labels.push((name, line));
        }
        Ok(StatementKind::Label { name, next_line: self.current.span.line })
    }

    fn expression_statement(&mut self) -> Result<StatementKind> {
        let first = self.suffixed_expression()?;
        // 5.1 takes a call for a statement whatever follows it.
        let ends_here = !self.dialect.is_53() && ends_with_call(&first);
        let is_assignment = !ends_here && (self.is_char(b'=') || self.is_char(b','));
        if !is_assignment {
            if ends_with_call(&first) {
                return Ok(StatementKind::Call(first));
            }
            if self.dialect.is_53() {
                return Err(self.error_near("syntax error"));
            }
        }
        let mut targets = vec![first];
        while self.is_char(b',') {
            self.check_target(targets.last())?;
            self.advance()?;
            let target = self.suffixed_expression()?;
            if targets.len() >= LEVELS_MAX {
                return Err(
                    self.limit_error(if self.dialect.is_53() { "C levels" } else { "variables in assignment" }, 200)
                );
            }
            targets.push(target);
        }
        self.check_target(targets.last())?;
        self.expect(Token::Char(b'='))?;
        let values = self.expressions()?;
        for target in &targets {
            self.mark_assigned(target);
        }
        Ok(StatementKind::Assign { targets, values })
    }

    fn check_target(&self, target: Option<&Expression>) -> Result<()> {
        let is_variable = target.is_some_and(|target| match &target.kind {
            ExpressionKind::Suffixed { suffixes, .. } => {
                matches!(suffixes.last().map(|suffix| &suffix.kind), Some(SuffixKind::Field(_) | SuffixKind::Index(_)))
            }
            ExpressionKind::Local(_)
            | ExpressionKind::Upvalue(_)
            | ExpressionKind::Global(_)
            | ExpressionKind::Environment => true,
            _ => false,
        });
        if is_variable { Ok(()) } else { Err(self.error_near("syntax error")) }
    }

    // Expressions.

    fn expressions(&mut self) -> Result<Vec<Expression>> {
        let mut list = vec![self.expression()?];
        while self.take_char(b',')? {
            list.push(self.expression()?);
        }
        Ok(list)
    }

    fn expression(&mut self) -> Result<Expression> {
        self.binary_expression(0)
    }

    fn binary_expression(&mut self, limit: u8) -> Result<Expression> {
        self.enter_level()?;
        let span = self.current.span;
        let first = match self.unary_operator() {
            Some(operator) => {
                self.advance()?;
                // Weaker than `^` alone.
                let priority = if self.dialect.is_53() { 12 } else { 8 };
                let operand = Box::new(self.binary_expression(priority)?);
                let end_line = operand.end_line;
                Expression { kind: ExpressionKind::Unary { operator, operand }, span, end_line }
            }
            None => self.simple_expression()?,
        };
        let mut rest = Vec::new();
        while let Some((operator, left, right)) = self.binary_operator() {
            if left <= limit {
                break;
            }
            let span = self.advance()?.span;
            let operand = self.binary_expression(right)?;
            rest.push(Link { operator, span, operand });
        }
        self.leave_level();
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Expression { kind: ExpressionKind::Chain { first: Box::new(first), rest }, span, end_line: self.last_line })
    }

    fn unary_operator(&self) -> Option<UnaryOperator> {
        match self.current.token {
            Token::Keyword(Keyword::Not) => Some(UnaryOperator::Not),
            Token::Char(b'-') => Some(UnaryOperator::Negate),
            Token::Char(b'#') => Some(UnaryOperator::Length),
            Token::Char(b'~') if self.dialect.is_53() => Some(UnaryOperator::BitNot),
            _ => None,
        }
    }

    /// The operator here with its left and right priority.
    fn binary_operator(&self) -> Option<(BinaryOperator, u8, u8)> {
        use BinaryOperator as Op;
        let is_53 = self.dialect.is_53();
        // 5.3 has four more levels, for the bit operators, between comparison and `..`.
        let (sum, product, power, concat) = if is_53 { (10, 11, (14, 13), (9, 8)) } else { (6, 7, (10, 9), (5, 4)) };
        let both = |operator, priority| Some((operator, priority, priority));
        match self.current.token {
            Token::Char(b'+') => both(Op::Add, sum),
            Token::Char(b'-') => both(Op::Subtract, sum),
            Token::Char(b'*') => both(Op::Multiply, product),
            Token::Char(b'/') => both(Op::Divide, product),
            Token::Char(b'%') => both(Op::Modulo, product),
            Token::FloorDivide => both(Op::FloorDivide, product),
            Token::Char(b'^') => Some((Op::Power, power.0, power.1)),
            Token::Concat => Some((Op::Concat, concat.0, concat.1)),
            Token::Char(b'&') if is_53 => both(Op::BitAnd, 6),
            Token::Char(b'~') if is_53 => both(Op::BitXor, 5),
            Token::Char(b'|') if is_53 => both(Op::BitOr, 4),
            Token::ShiftLeft => both(Op::ShiftLeft, 7),
            Token::ShiftRight => both(Op::ShiftRight, 7),
            Token::Equal => both(Op::Equal, 3),
            Token::NotEqual => both(Op::NotEqual, 3),
            Token::Char(b'<') => both(Op::Less, 3),
            Token::LessEqual => both(Op::LessEqual, 3),
            Token::Char(b'>') => both(Op::Greater, 3),
            Token::GreaterEqual => both(Op::GreaterEqual, 3),
            Token::Keyword(Keyword::And) => both(Op::And, 2),
            Token::Keyword(Keyword::Or) => both(Op::Or, 1),
            _ => None,
        }
    }

    fn simple_expression(&mut self) -> Result<Expression> {
        let span = self.current.span;
        let kind = match self.current.token {
            Token::Integer(integer) => ExpressionKind::Integer(integer),
            Token::Number(number) => ExpressionKind::Number(number),
            Token::String(symbol) => ExpressionKind::String(symbol),
            Token::Keyword(Keyword::Nil) => ExpressionKind::Nil,
            Token::Keyword(Keyword::True) => ExpressionKind::True,
            Token::Keyword(Keyword::False) => ExpressionKind::False,
            Token::Dots => {
                if !self.scope().is_vararg {
                    return Err(self.error_near("cannot use '...' outside a vararg function"));
                }
                self.scope_mut().uses_dots = true;
                ExpressionKind::Dots
            }
            Token::Char(b'{') => return self.table_constructor(),
            Token::Keyword(Keyword::Function) => {
                let line = self.advance()?.span.line;
                let body = Box::new(self.function_body(false, line)?);
                return Ok(Expression { kind: ExpressionKind::Function(body), span, end_line: self.last_line });
            }
            _ => return self.suffixed_expression(),
        };
        self.advance()?;
        Ok(Expression { kind, span, end_line: self.last_line })
    }

    fn primary_expression(&mut self) -> Result<Expression> {
        let span = self.current.span;
        match self.current.token {
            Token::Char(b'(') => {
                self.advance()?;
                let inner = Box::new(self.expression()?);
                self.expect_closing(Token::Char(b')'), Token::Char(b'('), span.line)?;
                Ok(Expression { kind: ExpressionKind::Parenthesized(inner), span, end_line: self.last_line })
            }
            Token::Name(name) => {
                self.advance()?;
                self.variable(name, span)
            }
            _ => Err(self.error_near("unexpected symbol")),
        }
    }

    fn suffixed_expression(&mut self) -> Result<Expression> {
        let start_line = self.current.span.line;
        let mut expression = self.primary_expression()?;
        let mut name_span = expression.span;
        loop {
            let span = self.current.span;
            let suffix = match self.current.token {
                Token::Char(b'.') => {
                    self.advance()?;
                    let (field, span) = self.name()?;
                    name_span = span;
                    Suffix { kind: SuffixKind::Field(field), span, end_line: self.last_line }
                }
                Token::Char(b'[') => {
                    self.advance()?;
                    let key = self.expression()?;
                    self.expect(Token::Char(b']'))?;
                    name_span = key.span;
                    Suffix { span: key.span, kind: SuffixKind::Index(key), end_line: self.last_line }
                }
                Token::Char(b':') => {
                    self.advance()?;
                    let (method, method_span) = self.name()?;
                    let line = if self.dialect.is_53() { start_line } else { self.current.span.line };
                    let arguments = self.arguments(line)?;
                    name_span = method_span;
                    Suffix { kind: SuffixKind::Method(method, arguments), span: method_span, end_line: line }
                }
                Token::Char(b'(' | b'{') | Token::String(_) => {
                    let line = if self.dialect.is_53() { start_line } else { span.line };
                    let arguments = self.arguments(line)?;
                    Suffix { kind: SuffixKind::Call(arguments), span: name_span, end_line: line }
                }
                _ => return Ok(expression),
            };
            push_suffix(&mut expression, suffix);
            expression.end_line = self.last_line;
        }
    }

    /// The arguments of a call that counts as begun on `line`.
    fn arguments(&mut self, line: u32) -> Result<Vec<Expression>> {
        let span = self.current.span;
        match self.current.token {
            Token::Char(b'(') => {
                if !self.dialect.is_53() && span.line != self.last_line {
                    return Err(self.error_near("ambiguous syntax (function call x new statement)"));
                }
                self.advance()?;
                let arguments = if self.is_char(b')') { Vec::new() } else { self.expressions()? };
                self.expect_closing(Token::Char(b')'), Token::Char(b'('), line)?;
                Ok(arguments)
            }
            Token::Char(b'{') => Ok(vec![self.table_constructor()?]),
            Token::String(symbol) => {
                self.advance()?;
                Ok(vec![Expression { kind: ExpressionKind::String(symbol), span, end_line: self.last_line }])
            }
            _ => Err(self.error_near("function arguments expected")),
        }
    }

    fn table_constructor(&mut self) -> Result<Expression> {
        let span = self.expect(Token::Char(b'{'))?.span;
        let mut items = Vec::new();
        while !self.is_char(b'}') {
            let token = self.current.token;
            items.push(match token {
                Token::Name(name) if self.peek_ahead()? == Token::Char(b'=') => {
                    self.advance()?;
                    self.advance()?;
                    Item::Named(name, self.expression()?)
                }
                Token::Char(b'[') => {
                    self.advance()?;
                    let key = self.expression()?;
                    self.expect(Token::Char(b']'))?;
                    self.expect(Token::Char(b'='))?;
                    Item::Keyed(key, self.expression()?)
                }
                _ => Item::Positional(self.expression()?),
            });
            if !self.take_char(b',')? && !self.take_char(b';')? {
                break;
            }
        }
        self.expect_closing(Token::Char(b'}'), Token::Char(b'{'), span.line)?;
        Ok(Expression { kind: ExpressionKind::Table(items), span, end_line: self.last_line })
    }

    /// Parameters and body; `function` and the name are read already.
    fn function_body(&mut self, is_method: bool, line: u32) -> Result<FunctionBody> {
        self.open_function(line);
        let mut parameters = Vec::new();
        if is_method {
            let symbol = self.lexer.symbols.intern(b"self");
            parameters.push(self.declare(symbol));
        }
        self.expect(Token::Char(b'('))?;
        if !self.is_char(b')') {
            loop {
                match self.current.token {
                    Token::Name(symbol) => {
                        self.advance()?;
                        parameters.push(self.declare(symbol));
                        self.check_pending_locals(parameters.len())?;
                    }
                    Token::Dots => {
                        self.advance()?;
                        self.scope_mut().is_vararg = true;
                        break;
                    }
                    // Unlike elsewhere 5.1 puts no quotes around the kind of token.
                    _ => return Err(self.error_near("<name> or '...' expected")),
                }
                if !self.take_char(b',')? {
                    break;
                }
            }
        }
        for &parameter in &parameters {
            self.activate(parameter)?;
        }
        let mut arg = None;
        if self.scope().is_vararg && !self.dialect.is_53() {
            let symbol = self.lexer.symbols.intern(b"arg");
            let local = self.declare(symbol);
            self.activate(local)?;
            arg = Some(local);
        }
        self.expect(Token::Char(b')'))?;
        let block = self.block()?;
        self.last_line = self.current.span.line;
        self.expect_closing(Token::Keyword(Keyword::End), Token::Keyword(Keyword::Function), line)?;
        self.close_function(parameters, arg, block)
    }
}

fn push_suffix(expression: &mut Expression, suffix: Suffix) {
    if let ExpressionKind::Suffixed { suffixes, .. } = &mut expression.kind {
        suffixes.push(suffix);
        return;
    }
    let span = expression.span;
    let end_line = expression.end_line;
    let kind = std::mem::replace(&mut expression.kind, ExpressionKind::Nil);
    let first = Box::new(Expression { kind, span, end_line });
    expression.kind = ExpressionKind::Suffixed { first, suffixes: vec![suffix] };
}

fn ends_with_call(expression: &Expression) -> bool {
    match &expression.kind {
        ExpressionKind::Suffixed { suffixes, .. } => {
            matches!(suffixes.last().map(|suffix| &suffix.kind), Some(SuffixKind::Call(_) | SuffixKind::Method(..)))
        }
        _ => false,
    }
}
