//! Runs every case: once in one go and once in slices, which must not differ; compares what it prints and does with the
//! expected files; has `tshark` read its capture.
//!
//! `UPDATE_EXPECT=1` writes `console.txt` and those of the other expected files that exist.

use std::env;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use e2e::outcome::Pace;
use e2e::{Case, Outcome, cases};
use libtest_mimic::{Arguments, Failed, Trial};
use trace::Duration;

/// Virtual time between two outputs in the second run: the page's frame rate, and no divisor of anything.
const SLICE: Duration = Duration::from_micros(16_667);
/// Lines shown around the first difference.
const CONTEXT_LINES: usize = 4;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let cases = match cases() {
        Ok(cases) => cases,
        Err(error) => {
            eprintln!("the cases cannot be read: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let has_tshark = Command::new("tshark").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !has_tshark {
        eprintln!("tshark is not installed: captures are not checked");
    }
    let trials = cases.into_iter().map(|case| Trial::test(case.name.clone(), move || judge(&case, has_tshark)));
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn judge(case: &Case, has_tshark: bool) -> Result<(), Failed> {
    let result = run(case, has_tshark);
    match (&case.known_failure, result) {
        (None, result) => result,
        (Some(_), Err(_)) => Ok(()),
        (Some(reason), Ok(())) => Err(format!("passes now, remove known_failure.txt: {}", reason.trim()).into()),
    }
}

fn run(case: &Case, has_tshark: bool) -> Result<(), Failed> {
    let lab = case.lab().map_err(|error| format!("{error:#}"))?;
    let outcome = Outcome::of(&lab, Pace::AtOnce)?;
    let again = Outcome::of(&lab, Pace::Slices(SLICE))?;
    compare("the trace of a second run in slices", &outcome.trace, &again.trace)?;
    compare("the console of a second run in slices", &outcome.console, &again.console)?;
    if outcome.pcapng != again.pcapng {
        return Err("a second run in slices gives another capture".into());
    }
    let update = env::var("UPDATE_EXPECT").is_ok_and(|value| value == "1");
    expect(&case.folder.join("console.txt"), &outcome.console, update, true)?;
    expect(&case.folder.join("timeline.txt"), &outcome.timeline, update, false)?;
    expect(&case.folder.join("frames.txt"), &outcome.frames, update, false)?;
    let failed = outcome.failed_checks();
    if !failed.is_empty() {
        return Err(format!("checks failed:\n{}", failed.join("\n")).into());
    }
    if has_tshark { tshark(&outcome.pcapng) } else { Ok(()) }
}

/// Compares with a file, or writes it. A file that need not exist is compared only when it does.
fn expect(file: &Path, actual: &str, update: bool, must_exist: bool) -> Result<(), Failed> {
    match fs::read_to_string(file) {
        Ok(expected) if expected == actual => Ok(()),
        Ok(_) if update => Ok(fs::write(file, actual)?),
        Ok(expected) => compare(&file.display().to_string(), &expected, actual),
        Err(_) if must_exist && update => Ok(fs::write(file, actual)?),
        Err(_) if must_exist => Err(format!("{} is missing; UPDATE_EXPECT=1 writes it", file.display()).into()),
        Err(_) => Ok(()),
    }
}

fn compare(what: &str, expected: &str, actual: &str) -> Result<(), Failed> {
    if expected == actual {
        return Ok(());
    }
    let same = expected.lines().zip(actual.lines()).take_while(|(expected, actual)| expected == actual).count();
    let excerpt = |text: &str, sign: &str| -> String {
        let begin = same.saturating_sub(1);
        let lines = text.lines().enumerate().skip(begin).take(CONTEXT_LINES);
        lines.map(|(index, line)| format!("{sign} {:4} {line}\n", index + 1)).collect()
    };
    let message = format!("{what} differs:\n{}{}", excerpt(expected, "-"), excerpt(actual, "+"));
    Err(message.into())
}

/// Has `tshark` look for malformed packets and wrong checksums.
fn tshark(capture: &[u8]) -> Result<(), Failed> {
    const BAD: &str = "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || \
                       udp.checksum.status == 0 || icmp.checksum.status == 0 || igmp.checksum.status == 0";
    let mut child = Command::new("tshark")
        .args(["-n", "-r", "-", "-Y", BAD])
        .args(["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // On a thread of its own, for tshark may fill its output before it has read all input.
    let mut input = child.stdin.take().ok_or("tshark takes no input")?;
    let capture = capture.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&capture));
    let output = child.wait_with_output()?;
    writer.join().map_err(|_| "the writer to tshark panicked")??;
    let lines = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("tshark: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    if lines.trim().is_empty() { Ok(()) } else { Err(format!("tshark finds fault with:\n{lines}").into()) }
}
