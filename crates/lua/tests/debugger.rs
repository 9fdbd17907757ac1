//! The debugger: where runs stop, and what is shown there.

use lua::{CallLevel, Dialect, Engine, Options, Resume, Run, Step, Variable};

/// A program under a debugger.
struct Session {
    engine: Engine,
    run: Run,
}

impl Session {
    /// Loads `source` as `test.lua` with breakpoints on these lines and runs to the first stop.
    fn start(source: &str, lines: &[u32]) -> Session {
        Session::start_with(Options { full_libraries: true, ..Options::default() }, source, lines)
    }

    fn start_with(options: Options, source: &str, lines: &[u32]) -> Session {
        let mut engine = Engine::new(options);
        engine.set_breakpoints(lines.iter().map(|line| ("test.lua".to_owned(), *line)));
        let function = engine.load("@test.lua", source.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        let run = engine.start(&function, |_| Vec::new());
        let mut session = Session { engine, run };
        session.go();
        session
    }

    /// Runs on; the lines of the calls under way if the debugger stops it, innermost first, else nothing.
    fn go(&mut self) -> Vec<u32> {
        loop {
            match self.engine.step(&self.run, &mut 1000) {
                Step::OutOfFuel if self.engine.is_paused() => return self.lines(),
                Step::OutOfFuel => {}
                Step::Finished => return Vec::new(),
                Step::Failed(error) => panic!("{}", error.message),
            }
        }
    }

    fn resume(&mut self, how: Resume) -> Vec<u32> {
        self.engine.resume(how);
        self.go()
    }

    fn levels(&mut self) -> Vec<CallLevel> {
        self.engine.call_levels(&self.run)
    }

    fn lines(&mut self) -> Vec<u32> {
        self.levels().iter().filter_map(|level| level.position.as_ref()).map(|position| position.line).collect()
    }
}

fn shown(variables: &[Variable]) -> Vec<String> {
    variables.iter().map(|variable| format!("{}={}", variable.name, variable.text)).collect()
}

const CALLS: &str = "\
local function add(a, b)
  local sum = a + b
  return sum
end
local total = 0
for i = 1, 3 do
  total = add(total, i)
end
return total
";

#[test]
fn a_breakpoint_stops_each_time_its_line_is_entered() {
    let mut session = Session::start(CALLS, &[2]);
    for _ in 0..3 {
        assert_eq!(session.lines(), [2, 7]);
        session.resume(Resume::Continue);
    }
    assert!(!session.engine.is_paused());
}

#[test]
fn a_loop_on_one_line_is_entered_in_each_round() {
    let mut session = Session::start("local n = 0\nwhile n < 3 do n = n + 1 end", &[2]);
    let mut stops = 0;
    while session.engine.is_paused() {
        stops += 1;
        session.resume(Resume::Continue);
    }
    assert_eq!(stops, 4);
}

#[test]
fn the_rest_of_a_line_after_a_call_is_not_entered_again() {
    let source = "local function f() return 1 end\nlocal x = f() + f()\nreturn x";
    let mut session = Session::start(source, &[2]);
    assert_eq!(session.lines(), [2]);
    assert_eq!(session.resume(Resume::Continue), []);
}

#[test]
fn into_over_and_out_go_where_they_say() {
    let mut session = Session::start(CALLS, &[7]);
    assert_eq!(session.lines(), [7]);
    assert_eq!(session.resume(Resume::Into), [2, 7]);
    assert_eq!(session.resume(Resume::Over), [3, 7]);
    assert_eq!(session.resume(Resume::Out), [7]);
    assert_eq!(session.resume(Resume::Over), [6]);
    session.engine.set_breakpoints([]);
    assert_eq!(session.resume(Resume::Over), [7]);
    assert_eq!(session.resume(Resume::Over), [6]);
    assert_eq!(session.resume(Resume::Continue), []);
}

#[test]
fn a_pause_stops_an_endless_loop() {
    let mut engine = Engine::new(Options::default());
    let function = engine.load("@test.lua", b"while true do end").unwrap_or_else(|error| panic!("{error}"));
    let run = engine.start(&function, |_| Vec::new());
    assert!(matches!(engine.step(&run, &mut 1000), Step::OutOfFuel));
    assert!(!engine.is_paused());
    engine.pause();
    let mut fuel = 1000;
    assert!(matches!(engine.step(&run, &mut fuel), Step::OutOfFuel));
    assert!(engine.is_paused());
    assert_eq!(fuel, 1000);
    assert_eq!(engine.call_levels(&run).len(), 1);
}

#[test]
fn into_goes_on_in_the_next_run_and_over_does_not() {
    for (how, stops) in [(Resume::Into, true), (Resume::Over, false), (Resume::Out, false)] {
        let mut session = Session::start("local x = 1", &[1]);
        assert_eq!(session.resume(how), []);
        let next = session.engine.load("@next.lua", b"\nreturn 2").unwrap_or_else(|error| panic!("{error}"));
        session.run = session.engine.start(&next, |_| Vec::new());
        assert_eq!(session.go(), if stops { vec![2] } else { vec![] });
    }
}

#[test]
fn locals_and_upvalues_are_shown_by_name() {
    let source = "\
local outer, fixed = 1, 'a\"b\\n'
local function f(a)
  local list = {10, 20, name = {deep = {1}}}
  outer = outer + a
  do local gone = true end
  return fixed, list
end
f(2.5)
";
    let mut session = Session::start(source, &[6]);
    let levels = session.levels();
    assert_eq!(levels.iter().map(|level| level.function.as_str()).collect::<Vec<_>>(), ["f", "main chunk"]);
    assert_eq!(shown(&levels[0].locals), ["a=2.5", "list=table (3)"]);
    assert_eq!(shown(&levels[0].locals[1].fields), ["[1]=10", "[2]=20", "name=table (1)"]);
    assert_eq!(shown(&levels[0].locals[1].fields[2].fields), ["deep=table (1)"]);
    assert_eq!(shown(&levels[0].upvalues), ["outer=3.5", "fixed=\"a\\\"b\\n\""]);
    assert_eq!(shown(&levels[1].locals), ["outer=3.5", "fixed=\"a\\\"b\\n\"", "f=function test.lua:2"]);
}

#[test]
fn globals_are_those_that_programs_have_set() {
    for dialect in [Dialect::Lua51, Dialect::Lua53] {
        let source = "port = 80\nfunction handler() end\nsettings = {name = 'desk'}\nprint = print\nlocal last = port";
        let options = Options { dialect, full_libraries: true, ..Options::default() };
        let mut session = Session::start_with(options, source, &[2, 5]);
        assert_eq!(shown(&session.engine.globals()), ["port=80"]);
        session.resume(Resume::Continue);
        let globals = session.engine.globals();
        assert_eq!(shown(&globals), ["port=80", "handler=function test.lua:2", "settings=table (1)"]);
        assert_eq!(shown(&globals[2].fields), ["name=\"desk\""]);
    }
}

#[test]
fn a_local_is_shown_from_its_declaration_on() {
    let mut session = Session::start("local a = 1\nlocal b = 2\nreturn a + b", &[2]);
    assert_eq!(shown(&session.levels()[0].locals), ["a=1"]);
    session.resume(Resume::Over);
    assert_eq!(shown(&session.levels()[0].locals), ["a=1", "b=2"]);
}

#[test]
fn native_calls_and_coroutines_are_levels() {
    let source = "\
local co = coroutine.create(function(n)
  pcall(function()
    n = n + 1
  end)
end)
coroutine.resume(co, 1)
";
    let options = Options { dialect: Dialect::Lua53, full_libraries: true, ..Options::default() };
    let mut session = Session::start_with(options, source, &[3]);
    let levels = session.levels();
    let names: Vec<&str> = levels.iter().map(|level| level.function.as_str()).collect();
    assert_eq!(names, ["function at line 2", "pcall", "function at line 1", "resume", "main chunk"]);
    assert_eq!(session.lines(), [3, 2, 6]);
}

#[test]
fn stopping_changes_neither_fuel_nor_results() {
    let used = |lines: &[u32]| {
        let mut engine = Engine::new(Options { full_libraries: true, ..Options::default() });
        engine.set_breakpoints(lines.iter().map(|line| ("test.lua".to_owned(), *line)));
        let source = "local t = {} for i = 1, 100 do\nt[i] = tostring({}) .. i end\nreturn table.concat(t)";
        let function = engine.load("@test.lua", source.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        let run = engine.start(&function, |_| Vec::new());
        let (mut fuel, mut stops) = (1_000_000, 0);
        while let Step::OutOfFuel = engine.step(&run, &mut fuel) {
            assert!(engine.is_paused());
            engine.call_levels(&run);
            stops += 1;
        }
        assert_eq!(stops, if lines.is_empty() { 0 } else { 100 });
        let text = engine.results(&run, |_, values| format!("{:?}", values.first()));
        (fuel, text)
    };
    assert_eq!(used(&[]), used(&[2]));
}

#[test]
fn a_chunk_without_names_still_stops_by_line() {
    let options = Options { strip_local_names: true, ..Options::default() };
    let mut session = Session::start_with(options, CALLS, &[3]);
    assert_eq!(session.lines(), [3, 7]);
    assert!(session.levels()[0].locals.is_empty());
}
