//! Runs every program on our engine and on piccolo's own machine in this process, in turns, and prints how the medians compare.
//! The reference interpreters, each a process of its own, stand beside for orientation.
//!
//! `cargo bench --package lua-bench [PROGRAM ...]`; a program that piccolo lacks the library for is marked with a dash.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use lua_bench::{Own, PiccoloVm};

const ROUNDS: usize = 15;
/// One measurement runs the program as often as fits in about this time.
const MEASUREMENT: Duration = Duration::from_millis(20);

type Program<'a> = Box<dyn FnMut() -> Result<f64, String> + 'a>;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .expect("programs/ can be read")
        .map(|entry| entry.expect("an entry of programs/").file_name().to_string_lossy().replace(".lua", ""))
        .filter(|name| wanted.is_empty() || wanted.contains(name))
        .collect();
    names.sort();
    println!("    milliseconds for one run, median of {ROUNDS}; in brackets how many times as long ours (5.1) takes");
    println!("    {:<12}{:>9}{:>9}{:>18}{:>18}{:>18}", "program", "5.1", "5.3", "piccolo's VM", "lua5.1", "lua5.3");
    let (mut slower, mut wrong) = (Vec::new(), Vec::new());
    let mut ratios = [const { Vec::new() }; 3];
    for name in names {
        let file = folder.join(format!("{name}.lua"));
        let source = std::fs::read_to_string(&file).expect("a program can be read");
        let row = measure(&source, &file.to_string_lossy());
        if row.is_wrong {
            wrong.push(name.clone());
        }
        let own = row.times[0].unwrap_or(f64::NAN);
        let mut line = format!("    {name:<12}{own:>9.2}{:>9.2}", row.times[1].unwrap_or(f64::NAN));
        for (peer, time) in row.times[2..].iter().enumerate() {
            match time {
                Some(time) => {
                    ratios[peer].push(own / time);
                    let _ = write!(line, "{time:>9.2} {:>8}", format!("({:.2}x)", own / time));
                }
                None => line.push_str("        -         "),
            }
        }
        println!("{line}");
        if row.times[2].is_some_and(|piccolo| own > piccolo) {
            slower.push(name);
        }
    }
    let mean = |ratios: &[f64]| (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    let means: Vec<String> = ratios
        .iter()
        .map(|ratios| if ratios.is_empty() { "-".into() } else { format!("{:.2}x", mean(ratios)) })
        .collect();
    println!("    geometric mean: piccolo's VM {}, lua5.1 {}, lua5.3 {}", means[0], means[1], means[2]);
    println!("    no program slower than piccolo's VM: {}", verdict(&slower));
    println!("    equal results on all engines: {}", verdict(&wrong));
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn verdict(offenders: &[String]) -> String {
    if offenders.is_empty() { "met".into() } else { format!("missed by {}", offenders.join(", ")) }
}

struct Row {
    /// Milliseconds: ours in 5.1 and 5.3, piccolo, lua5.1, lua5.3; none where it cannot run.
    times: [Option<f64>; 5],
    is_wrong: bool,
}

fn measure(source: &str, file: &str) -> Row {
    let mut own_51 = Own::new(source, false).expect("the program compiles");
    let mut own_53 = Own::new(source, true).expect("the program compiles");
    let mut piccolo = PiccoloVm::new(source);
    let mut engines: [Program<'_>; 3] = [
        Box::new(|| own_51.run()),
        Box::new(|| own_53.run()),
        Box::new(|| piccolo.as_mut().map_err(|error| error.clone())?.run()),
    ];
    let results: Vec<Result<f64, String>> = engines.iter_mut().map(|engine| engine()).collect();
    for result in &results[..2] {
        result.as_ref().expect("the program runs");
    }
    let counts: Vec<u32> = engines.iter_mut().map(|engine| repetitions(engine)).collect();
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for (index, engine) in engines.iter_mut().enumerate() {
            if results[index].is_ok() {
                let begin = Instant::now();
                for _ in 0..counts[index] {
                    let _ = engine();
                }
                times[index].push(begin.elapsed().as_secs_f64() * 1000.0 / f64::from(counts[index]));
            }
        }
    }
    let [first, second, third] = times.map(|mut times| median(&mut times));
    let references = ["lua5.1", "lua5.3"].map(|program| reference(program, file));
    let values = results.into_iter().filter_map(Result::ok).chain(references.iter().flatten().map(|(value, _)| *value));
    let values: Vec<f64> = values.collect();
    Row {
        times: [first, second, third, references[0].map(|(_, time)| time), references[1].map(|(_, time)| time)],
        is_wrong: values.iter().any(|value| *value != values[0]),
    }
}

fn repetitions(engine: &mut Program<'_>) -> u32 {
    let begin = Instant::now();
    if engine().is_err() {
        return 0;
    }
    let once = begin.elapsed();
    (MEASUREMENT.as_secs_f64() / once.as_secs_f64().max(1e-6)).ceil() as u32
}

fn median(times: &mut [f64]) -> Option<f64> {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied()
}

/// What the program gives and how long it takes in a process of `lua`.
fn reference(lua: &str, file: &str) -> Option<(f64, f64)> {
    let script = format!(
        "local run = assert(loadfile('{file}')) local value = run() local times = {{}} \
         for round = 1, {ROUNDS} do local begin = os.clock() for _ = 1, 5 do run() end times[round] = os.clock() - begin end \
         table.sort(times) print(string.format('%.17g %.6f', value, times[{}] * 200))",
        ROUNDS / 2 + 1
    );
    let output = Command::new(lua).args(["-e", &script]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (value, time) = text.trim().split_once(' ')?;
    Some((value.parse().ok()?, time.parse().ok()?))
}
