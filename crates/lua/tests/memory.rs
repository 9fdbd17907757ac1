//! Programs that want more memory than there is: each ends, soon, with an error that it can catch.

use std::{cell::RefCell, rc::Rc};

use lua::{Dialect, Engine, Options, Step};

const MEMORY_MAX: usize = 2 << 20;
const SLICE: u32 = 10_000;
/// Far more slices than any program here needs, and few enough to fail soon.
const SLICES_MAX: usize = 5_000;

/// How a program ended.
#[derive(Debug, PartialEq, Eq)]
struct Ending {
    output: String,
    error: Option<String>,
}

/// Runs `source` with 2 MB of memory; fails when it does not end, or when a step uses no fuel and does not end either.
#[track_caller]
fn run(dialect: Dialect, source: &str) -> Ending {
    let output = Rc::new(RefCell::new(Vec::new()));
    let sink = output.clone();
    let mut engine = Engine::new(Options {
        dialect,
        full_libraries: true,
        memory_max: Some(MEMORY_MAX),
        print: Some(Rc::new(move |text: &[u8]| sink.borrow_mut().extend_from_slice(text))),
        ..Options::default()
    });
    let function = engine.load("=test", source.as_bytes()).unwrap_or_else(|error| panic!("{error}: {source}"));
    let run = engine.start(&function, |_| Vec::new());
    for _ in 0..SLICES_MAX {
        let mut fuel = SLICE;
        let step = engine.step(&run, &mut fuel);
        let error = match step {
            Step::OutOfFuel => {
                assert_eq!(fuel, 0, "{dialect:?}: {source}");
                continue;
            }
            Step::Finished => None,
            Step::Failed(error) => Some(error.message),
        };
        let output = String::from_utf8_lossy(&output.borrow()).into_owned();
        return Ending { output, error };
    }
    panic!("{dialect:?}: does not end: {source}");
}

/// The body of a function that wants too much: uncaught and caught it is `not enough memory`, and the program goes on.
#[track_caller]
fn check_exhausts_in(dialect: Dialect, body: &str) {
    let uncaught = run(dialect, body);
    assert_eq!(uncaught.error.as_deref(), Some("not enough memory"), "{dialect:?}: {body}");
    let caught = format!(
        "for round = 1, 2 do
            local ok, message = pcall(function() {body} end)
            print(ok, message, #('z'):rep(100000))
        end"
    );
    let expected = Ending { output: "false\tnot enough memory\t100000\n".repeat(2), error: None };
    assert_eq!(run(dialect, &caught), expected, "{dialect:?}: {body}");
}

#[track_caller]
fn check_exhausts(body: &str) {
    for dialect in [Dialect::Lua51, Dialect::Lua53] {
        check_exhausts_in(dialect, body);
    }
}

/// A program that must end well, in both dialects alike.
#[track_caller]
fn check_prints(source: &str, expected: &str) {
    for dialect in [Dialect::Lua51, Dialect::Lua53] {
        let expected = Ending { output: expected.into(), error: None };
        assert_eq!(run(dialect, source), expected, "{dialect:?}: {source}");
    }
}

#[test]
fn a_substitution_that_grows_without_bounds_fails() {
    check_exhausts("return (('x'):rep(1e4):gsub('x', ('y'):rep(1e5)))");
    check_exhausts("return (('x'):rep(1e5):gsub('x', {x = ('y'):rep(1e4)}))");
    check_exhausts("local y = ('y'):rep(1e5) return (('x'):rep(1e4):gsub('x', function() return y end))");
    check_exhausts("local y = ('y'):rep(1e5) return (('x'):rep(1e4):gsub('x', function(x) return x .. y end))");
}

#[test]
fn a_repetition_fails() {
    check_exhausts("return ('x'):rep(1e7)");
    check_exhausts("local t = {} for i = 1, 1e6 do t[i] = ('x'):rep(i) end");
}

#[test]
fn packing_fails() {
    check_exhausts_in(
        Dialect::Lua53,
        "local t = {} for i = 1, 100 do t[i] = ('x'):rep(1e5) end
         return string.pack(('s4'):rep(100), table.unpack(t))",
    );
    check_exhausts_in(
        Dialect::Lua53,
        "local x = ('x'):rep(1e5) local t = {} for i = 1, 100 do t[i] = x end
         return string.pack(('s4'):rep(100), table.unpack(t))",
    );
    check_exhausts_in(
        Dialect::Lua53,
        "local x = ('x'):rep(1e5) local t = {} for i = 1, 100 do t[i] = x end
         return string.pack(('z'):rep(100), table.unpack(t))",
    );
}

#[test]
fn formatting_fails() {
    let long = "local x = ('x'):rep(1e5) local t = {} for i = 1, 100 do t[i] = x end";
    check_exhausts(&format!("{long} return (('%s'):rep(100)):format((unpack or table.unpack)(t))"));
    check_exhausts(&format!("{long} return (('%q'):rep(100)):format((unpack or table.unpack)(t))"));
    check_exhausts_in(
        Dialect::Lua53,
        "local x = setmetatable({}, {__tostring = function() return ('x'):rep(3e5) end})
         return ('%s'):rep(20):format(x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x)",
    );
}

#[test]
fn concatenation_fails() {
    check_exhausts("local s = 'x' while true do s = s .. s end");
    check_exhausts("local s = '' while true do s = s .. ('more'):rep(1000) .. #s end");
    check_exhausts("local s = ('x'):rep(1e6) return s .. s .. s");
    check_exhausts("local s = ('x'):rep(1e5) local t = {} for i = 1, 1e6 do t[i] = s .. i end");
    check_exhausts("local s = ('x'):rep(1e5) local t = {} for i = 1, 100 do t[i] = s end return table.concat(t)");
    check_exhausts("local t = {} for i = 1, 1e6 do t[i] = 'x' t[i] = table.concat(t, ' ') end");
}

#[test]
fn growing_tables_fail() {
    check_exhausts("local t = {} for i = 1, 1e9 do t[i] = i end");
    check_exhausts("local t = {} for i = 1, 1e9 do t['k' .. i] = i end");
    check_exhausts("local t = {} while true do t[#t + 1] = {} end");
    check_exhausts("local t = {} while true do t = {t} end");
    check_exhausts("local t = {} for i = 1, 1e9 do table.insert(t, i) end");
    check_exhausts("local t = {} while true do t[#t + 1] = ('x'):rep(1000):upper() .. #t end");
    check_exhausts("local s = ('x'):rep(1e6) local t = {} for i = 1, 1e9 do t[i] = s:reverse() end");
    check_exhausts("local s = ('x'):rep(1e6) local t = {} for i = 1, 1e9 do t[i] = s:sub(2) end");
}

#[test]
fn a_reader_that_never_ends_fails() {
    for dialect in [Dialect::Lua51, Dialect::Lua53] {
        for reader in ["function() return ('x '):rep(1000) end", "os.time", "function() return 'x ' end"] {
            let ending = run(dialect, &format!("print(load({reader}))"));
            assert_eq!(
                ending,
                Ending { output: "nil\tnot enough memory\n".into(), error: None },
                "{dialect:?}: {reader}"
            );
        }
    }
}

#[test]
fn every_way_to_call_a_native_function_fails_alike() {
    let failed = "false\tnot enough memory\n";
    check_prints("print(pcall(string.rep, 'x', 1e7))", failed);
    check_prints("print(coroutine.resume(coroutine.create(function(n) return ('x'):rep(n) end), 1e7))", failed);
    check_prints(
        "print(pcall(function() return -setmetatable({}, {__unm = function() return ('x'):rep(1e7) end}) end))",
        failed,
    );
    check_prints("print(pcall(function() for s in string.rep, 'x', 1e7 do end end))", failed);
    check_prints("print(xpcall(function() return ('x'):rep(1e7) end, function() return 'handled' end))", failed);
}

#[test]
fn an_error_near_the_limit_is_not_lost() {
    // The continuation of `gsub` cannot begin again: it goes past the limit a little and fails for a reason of its own.
    check_prints(
        "local waste = ('w'):rep(1e6)
         local count = 0
         print(pcall(string.gsub, ('x'):rep(100), 'x', function(x)
             waste = nil
             count = count + 1
             if count == 20 then return {} end
             return ('y'):rep(1e5)
         end))",
        "false\tinvalid replacement value (a table)\n",
    );
}

#[test]
fn garbage_makes_way() {
    check_prints("for i = 1, 2000 do local s = ('x'):rep(5e5 + i) end print('done')", "done\n");
    check_prints("local s = ('x'):rep(4e5) for i = 1, 500 do local t = s .. i end print('done')", "done\n");
    check_prints(
        "for i = 1, 500 do local s = ('x'):rep(100 + i):gsub('x', ('y'):rep(1000)) end print('done')",
        "done\n",
    );
    check_prints(
        "local x = ('x'):rep(1e5) for i = 1, 500 do local s = ('%s%s%s%d'):format(x, x, x, i) end print('done')",
        "done\n",
    );
}
