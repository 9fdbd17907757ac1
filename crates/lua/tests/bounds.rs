//! Long work inside one library call neither holds the machine nor grows the Rust stack.

use lua::{Dialect, Engine, Options, Step};

/// Runs `source` with 2 MB of memory in slices of 10,000 instructions; the error, if it ends with one.
#[track_caller]
fn run(dialect: Dialect, source: &str) -> Option<String> {
    let mut engine =
        Engine::new(Options { dialect, full_libraries: true, memory_max: Some(2 << 20), ..Options::default() });
    let function = engine.load("=test", source.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let run = engine.start(&function, |_| Vec::new());
    for _ in 0..100_000 {
        match engine.step(&run, &mut 10_000) {
            Step::OutOfFuel => {}
            Step::Finished => return None,
            Step::Failed(error) => return Some(error.message),
        }
    }
    panic!("does not end: {source}");
}

#[test]
fn backtracking_patterns_stop_when_the_fuel_is_spent() {
    let mut engine = Engine::new(Options { full_libraries: true, ..Options::default() });
    let source = b"return (('a'):rep(40)):find(('a?'):rep(40) .. ('a'):rep(41))";
    let function = engine.load("=test", source).unwrap_or_else(|error| panic!("{error}"));
    let run = engine.start(&function, |_| Vec::new());
    for _ in 0..50 {
        assert!(matches!(engine.step(&run, &mut 10_000), Step::OutOfFuel));
    }
}

#[test]
fn a_callback_for_each_of_many_matches_does_not_nest() {
    for dialect in [Dialect::Lua51, Dialect::Lua53] {
        assert_eq!(run(dialect, "assert((('a'):rep(50000):gsub('a', string.upper)) == ('A'):rep(50000))"), None);
        assert!(run(dialect, "local t = {} for i = 1, 3000 do t[i] = -i end table.sort(t, math.max)").is_some());
    }
}
