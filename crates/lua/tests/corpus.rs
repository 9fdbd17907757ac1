//! Runs the programs of `scripts/` and `golden/`, one test for each and each dialect.
//!
//! - `scripts/both`, `scripts/51`, `scripts/53`: programs that assert what they promise and print nothing.
//! - `golden/51`, `golden/53`: programs whose first line is `--! error: ...`, the whole message they end with, or `--! output:`,
//!   followed by lines that begin with `--! `: what they print.
//!
//! Where the reference interpreters are installed (`lua5.1`, `lua5.3`), every program runs there too and must meet the same
//! expectation, so that the corpus cannot drift from the language. `UPDATE_EXPECT=1` rewrites the first line of golden errors
//! with what the reference says.

#![allow(clippy::disallowed_methods, reason = "tests read their cases from files")]

use std::{
    cell::RefCell,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    rc::Rc,
};

use libtest_mimic::{Arguments, Failed, Trial};
use lua::{Dialect, Engine, Options, Step};

/// Small, so that programs are interrupted in every place that can be.
const FUEL_PER_STEP: u32 = 997;
/// Enough for every program of the corpus; more means that one does not end.
const STEPS_MAX: u32 = 500_000;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let both: &[Dialect] = &[Dialect::Lua51, Dialect::Lua53];
    let mut trials = Vec::new();
    for (folder, dialects) in [
        ("scripts/both", both),
        ("scripts/51", &both[..1]),
        ("scripts/53", &both[1..]),
        ("golden/51", &both[..1]),
        ("golden/53", &both[1..]),
    ] {
        for path in programs(&root.join(folder)) {
            for &dialect in dialects {
                let reference = reference_command(dialect);
                let name = format!("{folder}/{}/{}", file_name(&path), reference.trim_start_matches("lua"));
                let case = path.clone();
                trials.push(Trial::test(name.clone(), move || check_engine(&case, dialect)));
                if is_installed(reference) {
                    let case = path.clone();
                    trials.push(Trial::test(format!("{name}/reference"), move || check_reference(&case, reference)));
                }
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// What a program must do.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// End without an error, having printed this.
    Output(String),
    /// End with this error.
    Error(String),
}

fn expectation(source: &str) -> Outcome {
    let mut header = source.lines().map_while(|line| line.strip_prefix("--! ").or_else(|| line.strip_prefix("--!")));
    match header.next() {
        Some(first) => match first.strip_prefix("error: ") {
            Some(message) => Outcome::Error(message.replace("\\n", "\n")),
            None => Outcome::Output(header.map(|line| format!("{line}\n")).collect()),
        },
        None => Outcome::Output(String::new()),
    }
}

fn check_engine(path: &Path, dialect: Dialect) -> Result<(), Failed> {
    let source = fs::read(path)?;
    compare(&expectation(&String::from_utf8_lossy(&source)), &run_engine(path, &source, dialect)?)
}

fn run_engine(path: &Path, source: &[u8], dialect: Dialect) -> Result<Outcome, Failed> {
    let printed = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&printed);
    let mut engine = Engine::new(Options {
        dialect,
        full_libraries: true,
        print: Some(Rc::new(move |bytes: &[u8]| sink.borrow_mut().extend_from_slice(bytes))),
        memory_max: Some(256 << 20),
        ..Options::default()
    });
    let function = match engine.load(&format!("@{}", file_name(path)), source) {
        Ok(function) => function,
        Err(error) => return Ok(Outcome::Error(error.message)),
    };
    let run = engine.start(&function, |_| Vec::new());
    for _ in 0..STEPS_MAX {
        match engine.step(&run, &mut FUEL_PER_STEP.clone()) {
            Step::OutOfFuel => {}
            Step::Finished => return Ok(Outcome::Output(String::from_utf8_lossy(&printed.borrow()).into_owned())),
            Step::Failed(error) => return Ok(Outcome::Error(error.message)),
        }
    }
    Err("does not end".into())
}

fn check_reference(path: &Path, command: &str) -> Result<(), Failed> {
    let source = fs::read(path)?;
    let result = Command::new(command)
        .arg(file_name(path))
        .current_dir(path.parent().unwrap_or(path))
        .stdin(Stdio::null())
        .output()?;
    let outcome = if result.status.success() {
        Outcome::Output(String::from_utf8_lossy(&result.stdout).into_owned())
    } else {
        let text = String::from_utf8_lossy(&result.stderr);
        let message = text.split("\nstack traceback:").next().unwrap_or_default();
        Outcome::Error(message.trim_end().trim_start_matches(&format!("{command}: ")).to_owned())
    };
    let expected = expectation(&String::from_utf8_lossy(&source));
    if let (Outcome::Error(message), Outcome::Error(_), true) =
        (&outcome, &expected, std::env::var_os("UPDATE_EXPECT").is_some())
    {
        let rest = source.iter().position(|&byte| byte == b'\n').map_or(&[][..], |end| &source[end..]);
        let mut updated = format!("--! error: {}", message.replace('\n', "\\n")).into_bytes();
        updated.extend_from_slice(rest);
        fs::write(path, updated)?;
        return Ok(());
    }
    compare(&expected, &outcome)
}

fn compare(expected: &Outcome, actual: &Outcome) -> Result<(), Failed> {
    if expected == actual {
        return Ok(());
    }
    Err(format!("expected {expected:?}\n  actual {actual:?}").into())
}

fn programs(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "lua"));
    paths.sort();
    paths
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn reference_command(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Lua51 => "lua5.1",
        Dialect::Lua53 => "lua5.3",
    }
}

fn is_installed(command: &str) -> bool {
    Command::new(command).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}
