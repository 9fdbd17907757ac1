//! What a hostile program may not do: overflow the stack, pass its memory limit, run past its fuel, panic, or tell two runs
//! apart.

use std::{cell::RefCell, rc::Rc};

use lua::{Dialect, Engine, Options, RuntimeErrorKind, Step};

const DIALECTS: [Dialect; 2] = [Dialect::Lua51, Dialect::Lua53];

/// Everything printed, and how the run ended: the error, or nothing when it ended well.
struct Outcome {
    output: String,
    error: Option<lua::RuntimeError>,
    is_out_of_fuel: bool,
}

#[track_caller]
fn run(dialect: Dialect, memory_max: Option<usize>, fuel: u32, source: &str) -> Outcome {
    let output = Rc::new(RefCell::new(Vec::new()));
    let sink = output.clone();
    let mut engine = Engine::new(Options {
        dialect,
        full_libraries: true,
        memory_max,
        print: Some(Rc::new(move |text: &[u8]| sink.borrow_mut().extend_from_slice(text))),
        ..Options::default()
    });
    let function = engine.load("=test", source.as_bytes()).expect("a chunk that compiles");
    let run = engine.start(&function, |_| Vec::new());
    let mut left = fuel;
    let step = engine.step(&run, &mut left);
    let output = String::from_utf8_lossy(&output.borrow()).into_owned();
    let is_out_of_fuel = matches!(step, Step::OutOfFuel);
    let error = if let Step::Failed(error) = step { Some(error) } else { None };
    Outcome { output, error, is_out_of_fuel }
}

#[track_caller]
fn check(source: &str, expected: &str) {
    for dialect in DIALECTS {
        let outcome = run(dialect, None, 50_000_000, source);
        assert_eq!(outcome.error, None, "{dialect:?}");
        assert!(!outcome.is_out_of_fuel, "{dialect:?}");
        assert_eq!(outcome.output, expected, "{dialect:?}");
    }
}

#[test]
fn fuel_stops_any_loop() {
    for source in [
        "while true do end",
        "repeat until false",
        "for i = 1, math.huge do end",
        "local function f() return f() end f()",
        "local t = setmetatable({}, {__index = function(t, k) return k end}) while true do local x = t.x end",
        "while true do pcall(error) end",
        "while true do coroutine.wrap(function() end)() end",
        "while true do string.rep('x', 10) end",
    ] {
        for dialect in DIALECTS {
            assert!(run(dialect, None, 100_000, source).is_out_of_fuel, "{dialect:?}: {source}");
        }
    }
}

#[test]
fn endless_recursion_is_an_error_that_can_be_caught() {
    check(
        "local function f() return 1 + f() end
         local ok, message = pcall(f)
         print(ok, message:match('stack overflow'))",
        "false\tstack overflow\n",
    );
    check(
        "local function f() local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) return t[1] end
         local ok, message = pcall(f)
         print(ok, message:match('stack overflow'))",
        "false\tstack overflow\n",
    );
}

#[test]
fn towers_of_coroutines_and_protected_calls_are_bounded() {
    check(
        "local function nest() return coroutine.wrap(nest)() end
         local ok, message = pcall(nest)
         print(ok, message:match('stack overflow'))
         local depth = 0
         local function protect() depth = depth + 1 return pcall(protect) end
         protect()
         print(depth < 250)",
        "false\tstack overflow\ntrue\n",
    );
}

#[test]
fn memory_limit_ends_every_way_of_filling_the_heap() {
    for source in [
        "local s = 'x' while true do s = s .. s end",
        "local t = {} while true do t[#t + 1] = {} end",
        "local t = {} for i = 1, math.huge do t[i] = i end",
        "local t = {} for i = 1, math.huge do t['k' .. i] = i end",
        "return string.rep('x', 100000000)",
        "local t = {} while true do t[#t + 1] = function() return t end end",
        "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
        "local s = ('x'):rep(1000) local t = {} while true do t[#t + 1] = s:upper() .. #t end",
        "local function f(...) return f(1, ...) end f()",
    ] {
        for dialect in DIALECTS {
            let outcome = run(dialect, Some(200_000), 50_000_000, source);
            let error = outcome.error.unwrap_or_else(|| panic!("{dialect:?} goes on: {source}"));
            let is_expected = matches!(error.kind, RuntimeErrorKind::Memory | RuntimeErrorKind::StackOverflow);
            assert!(is_expected, "{dialect:?}: {source}: {error:?}");
        }
    }
}

#[test]
fn memory_error_is_caught_and_the_program_goes_on() {
    for dialect in DIALECTS {
        let source = "local ok, message = pcall(function() local s = 'x' while true do s = s .. s end end)
                      print(ok, message)
                      local t = {} for i = 1, 100 do t[i] = ('y'):rep(10) end print(#t)";
        let outcome = run(dialect, Some(200_000), 50_000_000, source);
        assert_eq!(outcome.error, None);
        assert_eq!(outcome.output, "false\tnot enough memory\n100\n");
    }
}

#[test]
fn garbage_does_not_count_against_the_limit() {
    for dialect in DIALECTS {
        let source = "for i = 1, 20000 do local t = {i, i, i} local s = 'x' .. i end print('done')";
        let outcome = run(dialect, Some(100_000), 50_000_000, source);
        assert_eq!(outcome.error, None);
        assert_eq!(outcome.output, "done\n");
    }
}

#[test]
fn order_of_keys_and_addresses_are_the_same_in_every_engine() {
    let source = "local t = {} for i = 1, 50 do t['k' .. i * 7 % 50] = i t[{}] = i t[print] = 1 t[i * 1.5] = i end
                  for k, v in pairs(t) do print(k, v) end
                  print(tostring({}), tostring(print), tostring(coroutine.create(function() end)))";
    for dialect in DIALECTS {
        let first = run(dialect, None, 1_000_000, source).output;
        let second = run(dialect, None, 1_000_000, source).output;
        assert!(first.lines().count() > 100);
        assert_eq!(first, second);
    }
}

#[test]
fn a_run_in_slices_is_the_same_as_a_run_at_once() {
    let source =
        "local t = {} for i = 1, 300 do t[i] = (i * 7919) % 1000 end table.sort(t, function(a, b) return a > b end)
                  local s = ('a b c d'):gsub('%a', function(c) return c:upper() end)
                  print(t[1], t[300], s, pcall(error, 'x'), coroutine.wrap(function() coroutine.yield(5) end)())";
    for dialect in DIALECTS {
        let whole = run(dialect, None, u32::MAX, source).output;
        let output = Rc::new(RefCell::new(Vec::new()));
        let sink = output.clone();
        let mut engine = Engine::new(Options {
            dialect,
            full_libraries: true,
            print: Some(Rc::new(move |text: &[u8]| sink.borrow_mut().extend_from_slice(text))),
            ..Options::default()
        });
        let function = engine.load("=test", source.as_bytes()).expect("a chunk that compiles");
        let run = engine.start(&function, |_| Vec::new());
        loop {
            let mut fuel = 7;
            match engine.step(&run, &mut fuel) {
                Step::OutOfFuel => engine.collect(),
                Step::Finished => break,
                Step::Failed(error) => panic!("{error}"),
            }
        }
        assert_eq!(String::from_utf8_lossy(&output.borrow()), whole);
    }
}

#[test]
fn deep_nesting_in_source_is_a_compile_error() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(50_000), close.repeat(50_000));
    for source in [
        format!("return {}", deep("(", ")")),
        format!("return {}", deep("{", "}")),
        format!("return {}", deep("- ", "")),
        format!("return {}", deep("not ", "")),
        format!("x = {}", "a..".repeat(50_000) + "a"),
        "do ".repeat(50_000),
        "while true do ".repeat(50_000),
        "function f() ".repeat(50_000),
        "f(".repeat(50_000),
        "a[".repeat(50_000),
        "if a then ".repeat(50_000),
        "repeat ".repeat(50_000),
        "for i = 1, 2 do ".repeat(50_000),
        "for i in a do ".repeat(50_000),
        "local function f() ".repeat(50_000),
        "f{".repeat(50_000),
        "f{a = ".repeat(50_000),
        "a:b(".repeat(50_000),
        format!("x = {}", "function() return ".repeat(50_000)),
        format!("return {}1", "2 ^ ".repeat(50_000)),
        format!("return {}1", "#".repeat(50_000)),
        format!("return {}1", "a and (".repeat(50_000)),
        format!("{}a = 1", "a, ".repeat(50_000)),
    ] {
        for dialect in DIALECTS {
            let mut engine = Engine::new(Options { dialect, ..Options::default() });
            assert!(engine.load("=deep", source.as_bytes()).is_err());
            assert!(!lua::check(source.as_bytes(), dialect).is_empty());
        }
    }
}

#[test]
fn long_sources_do_not_nest() {
    for source in [
        format!("if a then {} end", "elseif a then ".repeat(50_000)),
        format!("return f{}", "'x'".repeat(50_000)),
        format!("return a{}", ":b()".repeat(50_000)),
        format!("return a{}", "[1]".repeat(50_000)),
        format!("return {}1", "1 == ".repeat(50_000)),
        format!("return {}1", "a or ".repeat(50_000)),
        format!("return {{{}}}", "1, ".repeat(300_000)),
        format!("return {{{}}}", "a = 1, ".repeat(50_000)),
        format!("f({}1)", "1, ".repeat(50_000)),
        "local a ".repeat(50_000),
        ";".repeat(50_000),
        "::a::".repeat(50_000),
        "goto a ".repeat(50_000),
        "do end ".repeat(50_000),
        "[".to_owned() + &"=".repeat(100_000),
        "'".to_owned() + &"\\z ".repeat(50_000),
    ] {
        for dialect in DIALECTS {
            let mut engine = Engine::new(Options { dialect, ..Options::default() });
            // The one or the other, but no overflow.
            drop(engine.load("=long", source.as_bytes()));
            drop(lua::check(source.as_bytes(), dialect));
        }
    }
}

#[test]
fn long_chains_are_no_nesting() {
    check(
        &format!("local a = 1 local t = {{}} t.t = t print({}1, t{} == t)", "a + ".repeat(10_000), ".t".repeat(10_000)),
        "10001\ttrue\n",
    );
}

/// Wild programs: each may end well, fail or run out of fuel, but within the limit of memory and without a panic.
#[test]
fn hostile_programs_stay_within_their_limits() {
    const MEMORY_MAX: usize = 300_000;
    // Small objects are counted after 10 000 instructions only.
    const MEMORY_SLACK: usize = 800_000;
    for source in HOSTILE {
        for dialect in DIALECTS {
            let mut engine = Engine::new(Options {
                dialect,
                full_libraries: true,
                memory_max: Some(MEMORY_MAX),
                print: Some(Rc::new(|_: &[u8]| {})),
                ..Options::default()
            });
            let Ok(function) = engine.load("=hostile", source.as_bytes()) else {
                assert!(dialect == Dialect::Lua51, "{source}");
                continue;
            };
            let run = engine.start(&function, |_| Vec::new());
            for _ in 0..100 {
                let step = engine.step(&run, &mut 20_000);
                let used = engine.memory_in_use();
                assert!(used <= MEMORY_MAX + MEMORY_SLACK, "{dialect:?} uses {used}: {source}");
                if !matches!(step, Step::OutOfFuel) {
                    break;
                }
            }
        }
    }
}

const HOSTILE: &[&str] = &[
    // Towers.
    "local function f(...) return pcall(f, ...) end f()",
    "local function f() return xpcall(f, f) end f()",
    "local function f(e) error(e) end xpcall(f, f)",
    "local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x",
    "local t = setmetatable({}, {}) getmetatable(t).__newindex = t t.x = 1",
    "local t = setmetatable({}, {}) getmetatable(t).__call = t t()",
    "local t = {} for i = 1, 5000 do t = setmetatable({}, {__index = t}) end return t.x",
    "local t = {} for i = 1, 5000 do t = setmetatable({}, {__call = t}) end t()",
    "local m = {} m.__add = function(a, b) return a + b end local t = setmetatable({}, m) return t + t",
    "local m = {} m.__concat = function(a, b) return a .. b end local t = setmetatable({}, m) return t .. t",
    "local m = {} m.__eq = function(a, b) return a == b end return setmetatable({}, m) == setmetatable({}, m)",
    "local m = {} m.__lt = function(a, b) return a < b end return setmetatable({}, m) < setmetatable({}, m)",
    "local m = {} m.__tostring = function(t) return tostring(t) end return tostring(setmetatable({}, m))",
    "local m = {} m.__len = function(t) return #t end return #setmetatable({}, m), table.unpack(setmetatable({}, m))",
    "local function f() return coroutine.resume(coroutine.create(f)) end f()",
    "local function f() return pcall(coroutine.wrap(f)) end f()",
    "local c c = coroutine.wrap(function() c() end) c()",
    "local s s = function() return (('x'):gsub('.', s)) end s()",
    "local s s = function() table.sort({3, 1, 2}, s) end s()",
    "local l l = function() return load(l) end l()",
    "local function f() table.foreach({1}, f) end f()",
    // Patterns.
    "return ('a'):rep(200):find(('a*'):rep(100) .. 'b')",
    "return ('('):rep(10000):find('%b()')",
    "return ('a'):rep(10000):find(('(a)'):rep(40))",
    "return ('a'):rep(10000):match(('.-'):rep(500) .. 'b')",
    "return ('a'):find(('(')  :rep(10000))",
    "return ('a'):find('[' .. ('a-'):rep(10000))",
    "return ('x'):rep(30000):gsub('', ('y'):rep(30000))",
    "for w in ('a'):rep(30000):gmatch('a-') do end",
    // Sizes.
    "return ('x'):rep(2^62)",
    "return ('x'):rep(1e308)",
    "return (''):rep(1e15)",
    "return ('x'):rep(100, ('y'):rep(100000))",
    "return ('%99.99f'):rep(3000):format(1e308)",
    "return ('%999d'):format(1)",
    "return ('%' .. ('0'):rep(10000) .. 'd'):format(1)",
    "return (unpack or table.unpack)({}, 1, 2^31)",
    "return (unpack or table.unpack)({}, -2^31, 2^31 - 1)",
    "return (unpack or table.unpack)({}, 1, 1e6)",
    "local t = {} for i = 1, 250 do t[i] = i end local function f(...) return f((unpack or table.unpack)(t)), f(...) end f()",
    "return string.pack('s1', ('x'):rep(300))",
    "return string.pack('!16 i16 c2000000000', 1, 'x')",
    "return string.pack(('x'):rep(100000))",
    "return string.packsize(('c2147483647'):rep(3))",
    "return string.unpack('s8', ('\\255'):rep(8))",
    "return table.concat({}, ('x'):rep(10000), 1, 2^53)",
    "return table.concat(setmetatable({}, {__index = function() return 'x' end}), 'y', 1, 2^53)",
    "return table.move({}, 1, 2^62, 2)",
    "return table.move({}, 1, 2^53, 2, setmetatable({}, {__newindex = function() end}))",
    "return table.insert({}, 2^31, 1)",
    "local t = {} t[2^53] = 1 table.insert(t, 1)",
    "return table.sort(setmetatable({}, {__len = function() return 2^30 end}))",
    "return table.insert(setmetatable({}, {__len = function() return math.maxinteger end}), 1)",
    "return table.remove(setmetatable({}, {__len = function() return math.mininteger end}))",
    "return utf8.char((unpack or table.unpack)({}, 1, 1e5))",
    "return tostring(1e308):rep(1e4) .. ('x'):rep(2^28)",
    "return tonumber(('9'):rep(30000)), tonumber(('f'):rep(30000), 16), tonumber('0x' .. ('f'):rep(30000))",
    "return math.random(0), math.random(math.mininteger, math.maxinteger)",
    "return select(-2^31, 1), select(2^31, 1)",
    "return os.date(('%c'):rep(10000))",
    "local a = 1 << 63 return a // -1, a % -1, math.mininteger // -1, math.mininteger % -1",
    "for i = math.maxinteger - 1, math.maxinteger do end for i = math.mininteger, math.maxinteger, math.maxinteger do end",
    // Orders that are none.
    "local t = {} for i = 1, 300 do t[i] = i % 7 end table.sort(t, function() return true end)",
    "local t = {} for i = 1, 300 do t[i] = i end local n = 0 table.sort(t, function() n = n + 1 return n % 3 == 0 end)",
    "local t = {} for i = 1, 300 do t[i] = i end table.sort(t, function() t[#t] = nil return false end)",
    "local t = {} for i = 1, 300 do t[i] = i end coroutine.wrap(function() table.sort(t, coroutine.yield) end)()",
    // Changes under an iteration.
    "local t = {1, 2, 3} for k in pairs(t) do t[k] = nil t[{}] = 1 end",
    "local t = {} for i = 1, 100 do t[i] = i end for k in next, t do t[k] = nil collectgarbage() end",
    // Finalizers.
    "setmetatable({}, {__gc = function() while true do end end}) collectgarbage()",
    "setmetatable({}, {__gc = function() local t = {} while true do t[#t + 1] = {} end end}) collectgarbage()",
    "local m = {} m.__gc = function() setmetatable({}, m) end for i = 1, 1000 do setmetatable({}, m) collectgarbage() end",
    "local m = {} m.__gc = function() error(setmetatable({}, m)) end setmetatable({}, m) collectgarbage() collectgarbage()",
    "local m = {} m.__gc = function(o) collectgarbage() coroutine.yield() end setmetatable({}, m) collectgarbage()",
    // The debug library.
    "for i = -2, 300 do debug.getinfo(i) pcall(debug.getlocal, i, i) pcall(debug.getlocal, 1, -i) end",
    "debug.setmetatable(nil, {__index = function(_, k) return nil + k end}) return (nil).x",
    "debug.setmetatable(1, {__call = function(n) return n(n) end}) return (1)()",
    "debug.setmetatable('', {__index = ''}) return (''):x()",
    "local t = debug.getregistry() for k in pairs(t) do t[k] = nil end collectgarbage() print(('x'):rep(3))",
];
