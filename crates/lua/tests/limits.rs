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
    ] {
        for dialect in DIALECTS {
            let mut engine = Engine::new(Options { dialect, ..Options::default() });
            assert!(engine.load("=deep", source.as_bytes()).is_err());
            assert!(!lua::check(source.as_bytes(), dialect).is_empty());
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
