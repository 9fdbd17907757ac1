//! Bounded, deterministic fuzzing: bytes through lexer and parser, token soup and broken programs through the interpreter,
//! damaged dumps through the loader. Nothing may panic, hang or pass its limits.

use fastrand::Rng;
use lua::{Dialect, Engine, Options};

const DIALECTS: [Dialect; 2] = [Dialect::Lua51, Dialect::Lua53];

const WORDS: &[&str] = &[
    "and",
    "break",
    "do",
    "else",
    "elseif",
    "end",
    "false",
    "for",
    "function",
    "goto",
    "if",
    "in",
    "local",
    "nil",
    "not",
    "or",
    "repeat",
    "return",
    "then",
    "true",
    "until",
    "while",
    "a",
    "b",
    "c",
    "t",
    "f",
    "self",
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
    "0x10",
    "'s'",
    "\"q\"",
    "[[l]]",
    "pcall",
    "print",
    "error",
    "setmetatable",
    "coroutine",
    "string",
    "_ENV",
    "--c\n",
];

/// Statements that run, to be cut and mixed.
const LINES: &[&str] = &[
    "local a, b, c = 1, 'x', {}",
    "t = setmetatable({}, {__index = function(t, k) return k end})",
    "for i = 1, 5 do c = (c or 0) and i end",
    "for k, v in pairs({1, 2, x = 3}) do b = k end",
    "f = function(...) return select('#', ...), ... end",
    "print(pcall(f, 1, nil, {}))",
    "local co = coroutine.wrap(function(x) while true do x = coroutine.yield(x) end end) co(1) co(2)",
    "print(pcall(string.rep, a, b), pcall(string.format, '%d', 'x'))",
    "repeat local q = (q or 0) + 1 until q > 0",
    "t[1], t.x, a = a, b, t",
    "table.sort({3, 1, 2}, function(a, b) return a < b end)",
    "print(('abc'):gsub('%w', '%0%0'), ('x'):find('[', 1, true))",
    "if a then b = not a elseif b then a = nil else c = a end",
    "a = b and c or (a == b) ~= (1 < 2)",
    "local function g(n) if n == 0 then return 0 end return g(n - 1) end g(20)",
    "print(pcall(function() return nil + 1 end), pcall(function() t.x.y.z = 1 end))",
    "xpcall(function() error({}) end, function(e) return e end)",
    "print(#'x' .. 1 .. 2, -a, 2 ^ 3, 7 % -3)",
    "setmetatable(t, {__add = f, __concat = f, __eq = f, __lt = f, __call = f, __newindex = f})",
    "print(pcall(function() return t + 1, t .. 'x', t < t, t(1) end))",
    "error(t)",
    "while a do break end",
];

fn run(dialect: Dialect, source: &[u8]) {
    let mut engine =
        Engine::new(Options { dialect, full_libraries: true, memory_max: Some(1 << 20), ..Options::default() });
    let Ok(function) = engine.load("=fuzz", source) else { return };
    let run = engine.start(&function, |_| Vec::new());
    let mut fuel = 20_000;
    engine.step(&run, &mut fuel);
    engine.collect();
}

#[test]
fn arbitrary_bytes_are_refused_or_compiled() {
    let mut numbers = Rng::with_seed(1);
    for _ in 0..1500 {
        let length = numbers.usize(..60);
        let bytes: Vec<u8> = (0..length).map(|_| numbers.u8(..)).collect();
        for dialect in DIALECTS {
            lua::check(&bytes, dialect);
        }
    }
}

#[test]
fn arbitrary_tokens_are_refused_or_run() {
    let mut numbers = Rng::with_seed(2);
    for round in 0..1500 {
        let count = numbers.usize(..30);
        let source: Vec<&str> = (0..count).map(|_| WORDS[numbers.usize(..WORDS.len())]).collect();
        let source = source.join(" ");
        for dialect in DIALECTS {
            lua::check(source.as_bytes(), dialect);
        }
        run(DIALECTS[round % 2], source.as_bytes());
    }
}

#[test]
fn mixed_programs_run_within_their_limits() {
    let mut numbers = Rng::with_seed(3);
    for round in 0..400 {
        let count = 1 + numbers.usize(..8);
        let lines: Vec<&str> = (0..count).map(|_| LINES[numbers.usize(..LINES.len())]).collect();
        let mut source = lines.join("\n").into_bytes();
        if numbers.usize(..2) == 0 {
            // One word becomes another.
            let at = numbers.usize(..source.len());
            let word = WORDS[numbers.usize(..WORDS.len())];
            source.splice(at..at, format!(" {word} ").into_bytes());
        }
        run(DIALECTS[round % 2], &source);
    }
}

#[test]
fn damaged_dumps_are_refused_or_run() {
    let mut numbers = Rng::with_seed(4);
    let source = b"local function f(x) return x and f(x - 1) end local d = string.dump(f) \
        for i = 1, #d do pcall(load or loadstring, d:sub(1, i)) end \
        local g = (loadstring or load)(d) pcall(g, 1) print(g)";
    run(DIALECTS[0], source);
    run(DIALECTS[1], source);
    for round in 0..500 {
        let mut bytes = b"\x1bLuaP\x01\0\0\0\0\0\x05\0\0\0=testreturn function() return 1 end".to_vec();
        for _ in 0..1 + numbers.usize(..4) {
            let at = numbers.usize(..bytes.len());
            bytes[at] = numbers.u8(..);
        }
        bytes.truncate(numbers.usize(..=bytes.len()));
        run(DIALECTS[round % 2], &bytes);
    }
}
