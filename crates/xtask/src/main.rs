//! The project's automation, in one place: `cargo xtask play`, `test`, `build`, `bench` and their parts.
//!
//! Every step says what it does and how long it took, does nothing when its inputs have not changed, and finds or
//! installs what it needs; where it may not install, it names the one command that a person should run.
//!
//! Reading order: [`tasks`] (what each command does), [`step`] (running and reporting), [`needs`] (tools of the
//! machine), [`wasm`] and [`site`] (the two halves of the build), [`split`] (what is fetched first), [`docs`] (manual and
//! generators), [`tidy`] and [`prose`] (rules that no compiler checks), [`budget`] (size limits), [`stamp`] (what is up to date).

mod budget;
mod docs;
mod needs;
mod prose;
mod site;
mod split;
mod stamp;
mod step;
mod tasks;
mod tidy;
mod wasm;

use std::process::ExitCode;

/// Every command, as in [`USAGE`] and `main`.
const COMMANDS: &[&str] = &["play", "test", "build", "bench", "wasm", "types", "tidy", "setup"];

const USAGE: &str = "\
usage: cargo xtask <command>

  play [--port N] [--no-open]   build everything, serve the playground on this machine, open a browser
  test [--quick]                run everything that must pass before a change lands (--quick: no browser, no wasm)
  build [FOLDER]                write the static site, ready for any web host under any path (default: dist)
  bench [NAME ...]              run the benchmarks; each prints ratios against a peer or a limit
  wasm                          build pkg/, the wasm module and npm package
  types                         write the TypeScript declarations of the wasm boundary into web/src/generated
  tidy                          check the rules that no compiler checks
  setup                         install what `play` and `test` need, and nothing else
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, rest)) = arguments.split_first() else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    let result = match command.as_str() {
        "play" => tasks::play(rest),
        "test" => tasks::test(rest),
        "build" => tasks::build(rest),
        "bench" => tasks::bench(rest),
        "wasm" => wasm::package().and_then(|()| wasm::scripts()),
        "types" => tasks::types(),
        "tidy" => tidy::check(),
        "setup" => tasks::setup(),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprintln!("unknown command `{other}`\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nfailed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
