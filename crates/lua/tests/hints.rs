//! Hints about functions of desktop Lua that the chip lacks.

use std::collections::BTreeSet;
use std::{cell::RefCell, rc::Rc};

use lua::{Dialect, Engine, Options, Step};

/// Runs `source`; what it printed, and the names and lines of the hints.
fn run(dialect: Dialect, full_libraries: bool, source: &str) -> (String, Vec<(String, u32)>) {
    let printed = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&printed);
    let print: lua::Printer = Rc::new(move |bytes: &[u8]| sink.borrow_mut().extend_from_slice(bytes));
    let mut engine = Engine::new(Options { dialect, full_libraries, print: Some(print), ..Options::default() });
    let function = engine.load("@test.lua", source.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let run = engine.start(&function, |_| Vec::new());
    while let Step::OutOfFuel = engine.step(&run, &mut 100_000) {}
    let hints = engine.take_hints().into_iter();
    let hints = hints.map(|hint| (hint.name, hint.position.map_or(0, |position| position.line))).collect();
    (String::from_utf8_lossy(&printed.borrow()).into_owned(), hints)
}

/// Every `library.function` and global function of the complete libraries.
fn names(dialect: Dialect) -> BTreeSet<String> {
    let source = "for name, value in pairs(_G) do
        if type(value) == 'function' then print(name) end
        if type(value) == 'table' and name ~= '_G' and name ~= 'package' then
            for member, inner in pairs(value) do if type(inner) == 'function' then print(name .. '.' .. member) end end
        end
    end";
    run(dialect, true, source).0.lines().map(str::to_owned).collect()
}

#[test]
fn each_function_that_the_chip_lacks_is_named_when_it_is_called() {
    for dialect in [Dialect::Lua51, Dialect::Lua53] {
        for name in names(dialect) {
            let source = format!("\nprint(pcall(function() return {name}() end))");
            let is_there =
                format!("local library = {} print(library and {name} ~= nil)", name.split('.').next().unwrap_or(""));
            let is_missing = !run(dialect, false, &is_there).0.contains("true");
            let (output, hints) = run(dialect, false, &source);
            let lacks_library = run(dialect, false, &is_there).0.starts_with("nil");
            let expected = if lacks_library { name.split('.').next().unwrap_or("").to_owned() } else { name.clone() };
            let expected = if is_missing { vec![(expected, 2)] } else { vec![] };
            assert_eq!(hints, expected, "{dialect:?} {name}: {output}");
        }
    }
}

#[test]
fn a_hint_is_given_once_and_not_for_a_programs_own_names() {
    let source = "for i = 1, 3 do pcall(function() math.sin(i) end) end\nlocal t = {}\npcall(function() t.sin() own.thing() end)";
    assert_eq!(run(Dialect::Lua51, false, source).1, [("math.sin".to_owned(), 1)]);
    assert_eq!(run(Dialect::Lua51, false, "local value = math.sin").1, []);
}
