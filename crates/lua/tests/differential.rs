//! Programs made at random, run here and by the reference interpreters of Debian (`lua5.1`, `lua5.3`): what they print, how they
//! fail and what the compiler says to broken ones must be the same, word for word.
//!
//! The seeds are fixed. `DIFFERENTIAL_ROUNDS=100` tries a hundred times as many programs; a failure prints the program.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read their cases from files and run the reference"
)]

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use fastrand::Rng;
use lua::{Dialect, Engine, Options, Step};
use piccolo::Value;

const DIALECTS: [Dialect; 2] = [Dialect::Lua51, Dialect::Lua53];
/// More means that a program does not end there.
const REFERENCE_TIME_MAX: Duration = Duration::from_secs(40);
const JUDGE: &str = include_str!("differential/judge.lua");

#[test]
fn broken_programs_get_the_same_message() {
    compare_all(1, 1500, |rng, _, corpus| {
        let program = rng.choice(corpus).expect("the corpus has programs");
        let mut tokens = tokens(program);
        let from = rng.usize(..tokens.len());
        tokens = tokens[from..(from + 60).min(tokens.len())].to_vec();
        for _ in 0..rng.usize(1..3) {
            mutate(rng, &mut tokens);
        }
        format!("--compile\n{}", tokens.concat())
    });
}

#[test]
fn calls_of_the_libraries_fail_alike() {
    compare_all(2, 600, |rng, dialect, _| {
        let calls: Vec<String> = (0..8).map(|_| library_call(rng, dialect)).collect();
        let calls = calls.iter().map(|call| format!("print(pcall(function() return {call} end))\n"));
        format!("local t, s, n = {{4, 2, 6, x = 1}}, 'abc', 7\n{}", calls.collect::<String>())
    });
}

#[test]
fn programs_print_and_fail_alike() {
    compare_all(3, 600, |rng, dialect, _| Program::new(rng, dialect).text());
}

/// Makes `count` programs for each dialect and judges them here and there.
fn compare_all(seed: u64, count: usize, make: impl Fn(&mut Rng, Dialect, &[String]) -> String) {
    let rounds: usize = std::env::var("DIFFERENTIAL_ROUNDS").map_or(1, |rounds| rounds.parse().expect("a number"));
    let mut differences = Vec::new();
    for dialect in DIALECTS {
        if !is_installed(reference_command(dialect)) {
            continue;
        }
        let corpus = corpus(dialect);
        let mut rng = Rng::with_seed(seed);
        for _ in 0..rounds {
            let programs: Vec<String> = (0..count).map(|_| make(&mut rng, dialect, &corpus)).collect();
            let there = reference(dialect, &programs);
            let mut engine = judging_engine(dialect);
            for (program, there) in programs.iter().zip(there) {
                let here = judge(&mut engine, program);
                // A message here is text, in which bytes that are no UTF-8 have been replaced.
                let (here, there) = (String::from_utf8_lossy(&here), String::from_utf8_lossy(&there));
                if here != there {
                    differences.push(format!("{program}\n---- {dialect:?} here\n{here}\n---- reference\n{there}\n"));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{} differ\n{}", differences.len(), differences.join("\n======\n"));
}

// The two sides.

fn reference_command(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Lua51 => "lua5.1",
        Dialect::Lua53 => "lua5.3",
    }
}

fn is_installed(command: &str) -> bool {
    Command::new(command).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

fn reference(dialect: Dialect, programs: &[String]) -> Vec<Vec<u8>> {
    let mut input = Vec::new();
    for program in programs {
        input.extend_from_slice(format!("{}\n{program}", program.len()).as_bytes());
    }
    let mut child = Command::new(reference_command(dialect))
        .arg("judge.lua")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the reference starts");
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    let mut stdout = child.stdout.take().expect("its output is a pipe");
    let writer = thread::spawn(move || stdin.write_all(&input));
    let reader = thread::spawn(move || {
        let mut output = Vec::new();
        stdout.read_to_end(&mut output).map(|_| output)
    });
    let started = Instant::now();
    while !reader.is_finished() && started.elapsed() < REFERENCE_TIME_MAX {
        thread::sleep(Duration::from_millis(5));
    }
    drop(child.kill());
    child.wait().expect("it ends");
    drop(writer.join());
    let output = reader.join().expect("the reader ends").expect("it writes");
    let mut rest = &output[..];
    let mut results = Vec::new();
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let length: usize = String::from_utf8_lossy(&rest[..end]).parse().expect("a length");
        if rest.len() < end + 1 + length {
            break;
        }
        results.push(rest[end + 1..end + 1 + length].to_vec());
        rest = &rest[end + 1 + length..];
    }
    assert_eq!(results.len(), programs.len(), "the reference does not end:\n{}", programs[results.len()]);
    results
}

fn judging_engine(dialect: Dialect) -> (Engine, lua::StashedFunction) {
    let mut engine =
        Engine::new(Options { dialect, full_libraries: true, memory_max: Some(64 << 20), ..Options::default() });
    let chunk = engine.load("@judge.lua", JUDGE.as_bytes()).expect("the judge compiles");
    let run = engine.start(&chunk, |_| Vec::new());
    assert!(matches!(engine.step(&run, &mut 1_000_000), Step::Finished));
    let judge = engine.results(&run, |ctx, values| {
        let function = lua::Function::from_value(values[0]).expect("the judge is a function");
        lua::StashedFunction::new(ctx, function)
    });
    (engine, judge)
}

fn judge((engine, judge): &mut (Engine, lua::StashedFunction), program: &str) -> Vec<u8> {
    let run = engine.start(judge, |ctx| vec![Value::String(ctx.intern(program.as_bytes()))]);
    match engine.step(&run, &mut 5_000_000) {
        Step::OutOfFuel => "does not end".into(),
        Step::Failed(error) => format!("the judge fails: {}", error.message).into_bytes(),
        Step::Finished => engine.results(&run, |_, values| match values.first() {
            Some(Value::String(text)) => text.as_bytes().to_vec(),
            _ => "no text".into(),
        }),
    }
}

// Broken programs.

/// The self-asserting scripts of this crate.
fn corpus(dialect: Dialect) -> Vec<String> {
    let own = if dialect == Dialect::Lua51 { "51" } else { "53" };
    let mut texts = Vec::new();
    for folder in ["scripts/both", &format!("scripts/{own}"), &format!("golden/{own}")] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
        let mut paths: Vec<_> =
            fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
        paths.sort();
        texts.extend(paths.iter().map(|path| String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned()));
    }
    texts.retain(|text| !text.is_empty() && text.is_ascii() && !text.contains('\0'));
    texts
}

const WORDS: &[&str] = &[
    "and ",
    "break ",
    "do ",
    "else ",
    "elseif ",
    "end ",
    "false ",
    "for ",
    "function ",
    "if ",
    "in ",
    "local ",
    "nil ",
    "not ",
    "or ",
    "repeat ",
    "return ",
    "then ",
    "true ",
    "until ",
    "while ",
    "goto ",
    "a ",
    "b.c ",
    "...",
    "..",
    ".",
    ":",
    "::",
    ",",
    ";",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "=",
    "==",
    "~=",
    "<",
    "<=",
    ">",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "^",
    "#",
    "&",
    "|",
    "~",
    "<<",
    ">>",
    "1",
    "2.5",
    "0x",
    "0x1p4",
    "3e",
    "1..2",
    "'s'",
    "'s",
    "\"q\\n\"",
    "'\\q'",
    "'\\300'",
    "'\\x4'",
    "'\\u{110000000}'",
    "[[l]]",
    "[==[",
    "[=",
    "--c\n",
    "--[[",
    "!",
    "@",
    "$",
    "\\",
    "?",
    "\u{7f}",
    "\n",
    "\r\n",
    "f'x'",
    "f{...}",
    "x=1 ",
    "::l:: ",
    "goto l ",
    "break;",
    "return;",
    "local x <const> ",
    "function a.b:c() ",
    "end end ",
    "_ENV ",
    "99999999999999999999",
    "1e400",
];

fn mutate(rng: &mut Rng, tokens: &mut Vec<String>) {
    if tokens.is_empty() {
        tokens.push("x".into());
    }
    let at = rng.usize(..tokens.len());
    let other = rng.usize(..tokens.len());
    match rng.u8(..8) {
        0 => drop(tokens.remove(at)),
        1 => tokens.insert(at, tokens[at].clone()),
        2 => tokens.swap(at, other),
        3 => tokens[at] = tokens[other].clone(),
        4 => tokens.truncate(at),
        5 => tokens[at] = (*rng.choice(WORDS).expect("words")).to_owned(),
        6 => tokens.insert(at, (*rng.choice(WORDS).expect("words")).to_owned()),
        _ => {
            let token = &mut tokens[at];
            let cut = rng.usize(..=token.len());
            token.truncate(cut);
        }
    }
}

/// Cuts a program into words, blanks, strings and symbols; together they are the program.
fn tokens(program: &str) -> Vec<String> {
    let bytes = program.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    let run = |from: usize, is: &dyn Fn(u8) -> bool| from + bytes[from..].iter().take_while(|byte| is(**byte)).count();
    while at < bytes.len() {
        let end = match bytes[at] {
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                run(at, &|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            }
            byte if byte.is_ascii_digit() => run(at, &|byte| byte.is_ascii_alphanumeric() || byte == b'.'),
            byte if byte.is_ascii_whitespace() => run(at, &|byte| byte.is_ascii_whitespace()),
            b'-' if bytes.get(at + 1) == Some(&b'-') => run(at, &|byte| byte != b'\n'),
            quote @ (b'"' | b'\'') => (run(at + 1, &|byte| byte != quote && byte != b'\n') + 1).min(bytes.len()),
            symbol @ (b'=' | b'.' | b'<' | b'>' | b':') => run(at, &|byte| byte == symbol),
            _ => at + 1,
        };
        tokens.push(program[at..end].to_owned());
        at = end;
    }
    tokens
}

// Calls of library functions with whatever arguments.

const VALUES: &[&str] = &[
    "nil",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "2",
    "3",
    "7",
    "1.5",
    "-0.5",
    "-3",
    "'x'",
    "''",
    "'abc'",
    "'10'",
    "' 5 '",
    "'0x10'",
    "'1e1'",
    "{}",
    "{1, 2, 3}",
    "{n = 1}",
    "{{}}",
    "{'b', 'a', 'c'}",
    "print",
    "t",
    "s",
    "n",
    "x",
    "t.y",
    "function(...) return ... end",
    "function(a, b) return a < b end",
    "function() return nil end",
    "'%d'",
    "'%a+'",
    "'(a)(b)'",
    "'%s'",
    "'%5.2f'",
    "'['",
    "'%'",
    "'(a'",
    "'%1'",
    "'abc def'",
    "'a,b,c'",
    "'[^,]*'",
    "'()'",
    "'^a'",
    "'%f[%w]'",
    "'%b()'",
    "'x%g'",
    "'%q'",
    "'%x %c'",
    "'%i'",
    "'%10s|%-5d'",
    "'*t'",
    "'#'",
    "'k'",
    "'>i4'",
    "'<s1'",
    "'z'",
    "16",
    "100",
    "255",
    "256",
    "-8",
    "0.1",
    "3.0",
    "'3.0'",
    "'-7'",
    "coroutine.create(print)",
    "setmetatable({}, {__index = t})",
    "setmetatable({}, {__call = print})",
    "setmetatable({}, {__tostring = function() return 'T' end})",
    "setmetatable({}, {__tostring = function() return 1 end})",
    "setmetatable({}, {__name = 'My', __lt = function() return true end})",
    "setmetatable({}, {__metatable = 'locked'})",
    "setmetatable({}, {__len = function() return 2 end})",
    "setmetatable({}, {__len = function() return 'x' end})",
    "setmetatable({}, {__len = function() error('no length') end})",
    "setmetatable({4, 5, 6}, {__index = function(_, k) return k end, __len = function() return '4' end})",
    "setmetatable({}, {__index = function(_, k) error('no ' .. tostring(k)) end, __len = function() return 3 end})",
    "setmetatable({}, {__newindex = function(_, k, v) error('not ' .. tostring(k)) end, __len = function() return 3 end})",
    "setmetatable({}, {__newindex = t, __index = t, __len = function() return #t end})",
    "setmetatable({3, 1, 2}, {__newindex = print, __index = 5})",
    "1e3",
    "2^31",
    "-2^31",
    "2^40",
    "1e15",
    "'a\\nb'",
    "...",
];

const COMMON: &[&str] = &[
    "assert",
    "error",
    "getmetatable",
    "ipairs",
    "load",
    "next",
    "pairs",
    "pcall",
    "rawequal",
    "rawget",
    "rawset",
    "select",
    "setmetatable",
    "tonumber",
    "tostring",
    "type",
    "xpcall",
    "string.byte",
    "string.char",
    "string.find",
    "string.format",
    "string.gmatch",
    "string.gsub",
    "string.len",
    "string.lower",
    "string.match",
    "string.reverse",
    "string.sub",
    "string.upper",
    "table.concat",
    "table.insert",
    "table.remove",
    "table.sort",
    "math.abs",
    "math.ceil",
    "math.exp",
    "math.floor",
    "math.fmod",
    "math.max",
    "math.min",
    "math.modf",
    "math.sqrt",
    "math.sin",
    "math.log",
    "math.tan",
    "math.atan",
    "math.deg",
    "coroutine.create",
    "coroutine.resume",
    "coroutine.status",
    "coroutine.wrap",
    "coroutine.running",
    "coroutine.yield",
    "s.byte",
    "s.rep",
    "('x').len",
    "t.x",
    "t",
    "s.nothing",
    "nothing",
    "t.y.z",
    "debug.getmetatable",
    "os.difftime",
];

const ONLY_51: &[&str] = &[
    "unpack",
    "setfenv",
    "getfenv",
    "loadstring",
    "table.getn",
    "table.maxn",
    "table.foreach",
    "table.foreachi",
    "math.pow",
    "math.mod",
    "math.log10",
    "math.ldexp",
    "math.frexp",
    "math.cosh",
    "math.atan2",
    "string.gfind",
];

const ONLY_53: &[&str] = &[
    "rawlen",
    "table.pack",
    "table.unpack",
    "table.move",
    "string.pack",
    "math.tointeger",
    "math.type",
    "math.ult",
    "string.unpack",
    "string.packsize",
    "utf8.char",
    "utf8.codepoint",
    "utf8.len",
    "utf8.offset",
    "utf8.codes",
    "coroutine.isyieldable",
];

/// Functions that the reference runs for hours, or out of memory, when a number is large.
const SLOW: &[&str] = &[
    "string.char",
    "select",
    "s.rep",
    "table.insert",
    "table.concat",
    "table.move",
    "table.unpack",
    "unpack",
    "string.format",
    "table.remove",
    "table.foreachi",
    "ipairs",
    "table.sort",
];

fn library_call(rng: &mut Rng, dialect: Dialect) -> String {
    let own = if dialect == Dialect::Lua51 { ONLY_51 } else { ONLY_53 };
    let at = rng.usize(..COMMON.len() + own.len() * 2);
    let function = if at < COMMON.len() { COMMON[at] } else { own[(at - COMMON.len()) / 2] };
    let count = rng.usize(..5);
    let mut arguments = Vec::new();
    while arguments.len() < count {
        let value = *rng.choice(VALUES).expect("values");
        if value == "..." || (SLOW.contains(&function) && matches!(value, "2^31" | "-2^31" | "2^40" | "1e15")) {
            continue;
        }
        // Here and there the judge stands at another depth.
        let is_deep =
            matches!(value, "n" | "7" | "16" | "100" | "255" | "256" | "1e3" | "'10'" | "' 5 '" | "'0x10'" | "'1e1'");
        if function.ends_with("fenv") && is_deep {
            continue;
        }
        // Left out: metamethods in `math.max` and `math.min` of 5.3 (`COMPATIBILITY.md`).
        if function.starts_with("math.") && value.starts_with("setmetatable") {
            continue;
        }
        arguments.push(value);
    }
    format!("{function}({})", arguments.join(", "))
}

// Whole programs.

/// Writes a program that ends: loops have fixed ends and functions call only functions declared before them.
struct Program<'a> {
    rng: &'a mut Rng,
    dialect: Dialect,
    text: String,
    /// Variables in sight, the innermost last.
    names: Vec<String>,
    depth: usize,
    next: usize,
}

const GLOBALS: &[&str] = &["g", "h", "undefined"];
const FIELDS: &[&str] = &["x", "y", "name", "f", "missing"];
const CONSTANTS: &[&str] = &[
    "nil", "true", "false", "0", "1", "2", "-7", "3.5", "0.1", "1e15", "'a'", "'10'", "'b c'", "''", "100", "2^53",
    "-0.0", "0x1F",
];
const BINARY: &[&str] =
    &["+", "-", "*", "/", "^", "..", "==", "~=", "<", "<=", ">", ">=", "and", "or", "+", "..", "==", "<"];
const BINARY_53: &[&str] = &["//", "&", "|", "~", "<<", ">>"];

impl<'a> Program<'a> {
    fn new(rng: &'a mut Rng, dialect: Dialect) -> Self {
        Program { rng, dialect, text: String::new(), names: Vec::new(), depth: 0, next: 0 }
    }

    fn text(mut self) -> String {
        self.text.push_str("g = {x = 1, f = function(...) return ... end, name = 'n'}\nh = setmetatable({}, {__index = g, __add = function() return 5 end, __concat = function() return 'cat' end, __call = function(self, ...) return ... end})\n");
        let count = self.rng.usize(3..9);
        for _ in 0..count {
            self.text.push_str("print(pcall(function(...)\n");
            self.block(|this| {
                let count = this.rng.usize(1..5);
                for _ in 0..count {
                    this.statement();
                }
            });
            self.text.push_str("end, 1, 'two', {}))\n");
        }
        // The last one is not caught, and its traceback is compared.
        self.statement();
        self.text
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.rng.usize(..from.len())]
    }

    fn block(&mut self, inside: impl FnOnce(&mut Self)) {
        let names = self.names.len();
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        self.names.truncate(names);
    }

    fn statements(&mut self) {
        self.block(|this| {
            let count = this.rng.usize(1..4);
            for _ in 0..count {
                this.statement();
            }
        });
    }

    fn fresh(&mut self) -> String {
        self.next += 1;
        format!("v{}", self.next)
    }

    fn statement(&mut self) {
        let kind = if self.depth > 4 { self.rng.u8(..6) } else { self.rng.u8(..16) };
        match kind {
            0 | 1 => {
                let name = self.fresh();
                let value = self.expression(3);
                self.text.push_str(&format!("local {name} = {value}\n"));
                self.names.push(name);
            }
            2 => {
                let (target, value) = (self.target(), self.expression(3));
                self.text.push_str(&format!("{target} = {value}\n"));
            }
            3 => {
                let arguments = self.expressions(3);
                self.text.push_str(&format!("print({arguments})\n"));
            }
            4 => {
                let call = self.call(2);
                self.text.push_str(&format!("local _ = {call}\n"));
            }
            5 => {
                let targets = format!("{}, {}", self.target(), self.target());
                let values = self.expressions(3);
                self.text.push_str(&format!("{targets} = {values}\n"));
            }
            6 => {
                let condition = self.expression(3);
                self.text.push_str(&format!("if {condition} then\n"));
                self.statements();
                if self.rng.bool() {
                    self.text.push_str("else\n");
                    self.statements();
                }
                self.text.push_str("end\n");
            }
            7 => {
                let name = self.fresh();
                let (from, to) =
                    (self.pick(&["1", "0", "3", "1.0", "-1", "'1'", "nil"]), self.pick(&["3", "2.5", "0", "'2'", "4"]));
                let step = self.pick(&["", "", "", ", 1", ", 2", ", -1", ", 0.5", ", {}"]);
                self.text.push_str(&format!("for {name} = {from}, {to}{step} do\n"));
                self.block(|this| {
                    this.names.push(name);
                    this.statement();
                    if this.rng.bool() {
                        let condition = this.expression(2);
                        this.text.push_str(&format!("if {condition} then break end\n"));
                    }
                });
                self.text.push_str("end\n");
            }
            8 => {
                let (key, value) = (self.fresh(), self.fresh());
                let iterated = self.expression(1);
                let iterator = self.pick(&["ipairs", "ipairs", "pairs"]);
                let iterated = if iterator == "pairs" { "{1, 2, 'c'}".to_owned() } else { iterated };
                self.text.push_str(&format!("for {key}, {value} in {iterator}({iterated}) do\n"));
                self.block(|this| {
                    this.names.extend([key, value]);
                    this.statement();
                    this.text.push_str("break\n");
                });
                self.text.push_str("end\n");
            }
            9 | 10 => {
                let name = self.fresh();
                let parameter = self.fresh();
                let dots = self.pick(&["", ", ..."]);
                self.text.push_str(&format!("local function {name}({parameter}{dots})\n"));
                self.block(|this| {
                    this.names.push(parameter);
                    this.statement();
                    this.statement();
                    let values = this.expressions(2);
                    this.text.push_str(&format!("return {values}\n"));
                });
                self.text.push_str("end\n");
                self.names.push(name);
            }
            11 => {
                self.text.push_str("do\n");
                self.statements();
                self.text.push_str("end\n");
            }
            12 => {
                let name = self.fresh();
                self.text.push_str(&format!("local {name} = 0\nwhile {name} < 2 do\n{name} = {name} + 1\n"));
                self.statements();
                self.text.push_str("end\n");
            }
            13 => {
                let value = self.expression(2);
                let level = self.pick(&["", ", 0", ", 1", ", 2"]);
                self.text.push_str(&format!("print(pcall(error, {value}{level}))\n"));
            }
            14 => {
                self.text.push_str("print(coroutine.resume(coroutine.create(function(...)\n");
                self.statements();
                self.text.push_str("coroutine.yield(...)\nend), 1, 2))\n");
            }
            _ => {
                let value = self.expression(2);
                self.text.push_str(&format!("print(select('#', {value}), ({value}))\n"));
            }
        }
    }

    fn target(&mut self) -> String {
        match self.rng.u8(..4) {
            0 => format!("new{}", self.rng.u8(..3)),
            1 => format!("{}.{}", self.variable(), self.pick(FIELDS)),
            2 => {
                let key = self.expression(1);
                format!("{}[{key}]", self.variable())
            }
            _ => self.variable(),
        }
    }

    fn variable(&mut self) -> String {
        if self.names.is_empty() || self.rng.u8(..4) == 0 {
            return self.pick(&["new0", "new1", "new2", "undefined"]).to_owned();
        }
        let at = self.rng.usize(..self.names.len());
        self.names[at].clone()
    }

    fn expressions(&mut self, most: usize) -> String {
        let count = self.rng.usize(1..=most);
        (0..count).map(|_| self.expression(2)).collect::<Vec<_>>().join(", ")
    }

    fn call(&mut self, depth: usize) -> String {
        let arguments = self.expressions(2);
        match self.rng.u8(..6) {
            0 => format!("{}({arguments})", self.variable()),
            1 => format!("{}.{}({arguments})", self.variable(), self.pick(FIELDS)),
            2 => format!("{}:{}({arguments})", self.variable(), self.pick(FIELDS)),
            3 => format!("g.f({arguments})"),
            4 => format!("({})({arguments})", self.expression(depth.saturating_sub(1))),
            _ => {
                let function = self.pick(&[
                    "tostring",
                    "type",
                    "#",
                    "string.rep",
                    "string.format",
                    "math.floor",
                    "tonumber",
                    "string.sub",
                    "table.concat",
                ]);
                match function {
                    "#" => format!("select('#', {arguments})"),
                    "string.rep" => "('ab'):rep(2)".into(),
                    "string.format" => format!("string.format('%s %d', {arguments})"),
                    _ => format!("{function}({arguments})"),
                }
            }
        }
    }

    fn expression(&mut self, depth: usize) -> String {
        if depth == 0 {
            return if self.rng.bool() { self.variable() } else { self.pick(CONSTANTS).to_owned() };
        }
        match self.rng.u8(..12) {
            0 | 1 => self.variable(),
            2 => self.pick(CONSTANTS).to_owned(),
            3 => self.pick(GLOBALS).to_owned(),
            4 => {
                let key = self.expression(depth - 1);
                format!("{}[{key}]", self.variable())
            }
            5 => format!("{}.{}", self.variable(), self.pick(FIELDS)),
            6 => format!("{{{}, {} = {}}}", self.expression(depth - 1), self.pick(FIELDS), self.expression(depth - 1)),
            7 => {
                let operator = self.pick(&["-", "not ", "#", "-"]);
                format!("{operator}{}", self.expression(depth - 1))
            }
            8 => self.call(depth),
            9 => format!("({})", self.expression(depth - 1)),
            _ => {
                let operator = if self.dialect == Dialect::Lua53 && self.rng.u8(..4) == 0 {
                    self.pick(BINARY_53)
                } else {
                    self.pick(BINARY)
                };
                format!("{} {operator} {}", self.expression(depth - 1), self.expression(depth - 1))
            }
        }
    }
}
