//! Runs a lab to the end of its time.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use sim::lab::FileContent;
use sim::simulation::RECORDS_MAX;
use sim::view::CheckState;
use sim::{Lab, Progress, Simulation};
use trace::{Duration, Instant, RecordId, Trace};

use crate::interrupt::{INTERRUPTED, Interrupt};
use crate::message::say;
use crate::output::Output;
use crate::realtime::{self, Connections};
use crate::websocket::Trust;
use crate::{FAILED, RunArguments, room};

/// How long a run lasts when neither the command nor the lab says it.
const UNTIL_DEFAULT: Duration = Duration::from_secs(10);
/// Steps between two looks at what a run has put out.
const STEPS_BETWEEN_OUTPUTS: u32 = 10_000;
/// Records kept for a capture of all frames.
const CAPTURE_RECORDS_MAX: usize = 5_000_000;

/// Runs what the arguments say.
///
/// # Errors
/// For whatever the person got wrong: files that cannot be read, labs that are none.
pub(crate) fn run(arguments: &RunArguments) -> Result<ExitCode> {
    let lab = lab(arguments)?;
    let until = until(arguments, &lab);
    let interrupt = Interrupt::watch()?;
    let mut files = Files::create(arguments)?;
    let trace = Trace::new(if arguments.pcap.is_some() { CAPTURE_RECORDS_MAX } else { RECORDS_MAX });
    let (simulation, outcome) = if let Some(address) = &arguments.room {
        let trust = Trust::new(arguments.ca.as_ref())?;
        let seat = room::Seat::new(arguments.seat.as_deref())?;
        let mut simulation = Simulation::in_room(lab, trace, seat.membership()).with_context(|| place(arguments))?;
        let member = room::Applicant { address, trust, name: &arguments.name, seat: &seat };
        let outcome = room::run(&mut simulation, member, until, &interrupt, &mut files);
        (simulation, outcome)
    } else {
        let mut simulation = Simulation::with_trace(lab, trace).with_context(|| place(arguments))?;
        let outcome = if is_beside_wall_clock(arguments) {
            beside_wall_clock(&mut simulation, arguments, until, &interrupt, &mut files)
        } else {
            to_the_end(&mut simulation, until, &interrupt, &mut files)
        };
        (simulation, outcome)
    };
    // Whatever ended the run: what it recorded is kept.
    files.finish(&simulation)?;
    outcome?;
    let had_an_end = arguments.until.is_some() || !is_beside_wall_clock(arguments);
    if interrupt.is_set() && had_an_end {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(verdict(&simulation))
}

fn is_beside_wall_clock(arguments: &RunArguments) -> bool {
    arguments.interactive || arguments.relay.is_some()
}

fn beside_wall_clock(
    simulation: &mut Simulation,
    arguments: &RunArguments,
    until: Instant,
    interrupt: &Interrupt,
    files: &mut Files,
) -> Result<()> {
    let end = arguments.until.is_some().then_some(until);
    let trust = || Trust::new(arguments.ca.as_ref());
    let connections = Connections {
        keyboard: arguments.interactive,
        relay: arguments.relay.as_ref().map(|address| Ok::<_, anyhow::Error>((address, trust()?))).transpose()?,
        publish: &arguments.publish,
    };
    realtime::run(simulation, end, connections, interrupt, |simulation| files.trace(simulation))
}

fn to_the_end(simulation: &mut Simulation, until: Instant, interrupt: &Interrupt, files: &mut Files) -> Result<()> {
    let boards = simulation.board_ids();
    let names = boards.iter().map(|id| (*id, simulation.names().of(*id))).collect();
    let mut output = Output::new(BufWriter::new(io::stdout().lock()), names);
    loop {
        let progress = simulation.advance(until, STEPS_BETWEEN_OUTPUTS);
        for (host, bytes) in simulation.take_output() {
            if boards.contains(&host) {
                output.write(host, &bytes)?;
            }
        }
        files.trace(simulation)?;
        if progress == Progress::Reached || interrupt.is_set() {
            return Ok(output.finish()?);
        }
        output.flush()?;
    }
}

/// Says on standard error how the checks stand, and gives the exit status.
fn verdict(simulation: &Simulation) -> ExitCode {
    let mut failed = simulation.crashed();
    for check in simulation.final_checks() {
        let passed = check.state == CheckState::Passed;
        failed |= !passed;
        let detail = if check.detail.is_empty() { String::new() } else { format!(" ({})", check.detail) };
        say(format_args!("{} {}{detail}", if passed { "passed" } else { "FAILED" }, check.text));
    }
    if failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS }
}

/// The lab that the arguments mean.
fn lab(arguments: &RunArguments) -> Result<Lab> {
    let is_lab = arguments.file.extension().is_some_and(|extension| extension == "json");
    let mut lab = if is_lab { read_lab(&arguments.file)? } else { lab_of_program(&arguments.file)? };
    if let Some(folder) = &arguments.dir {
        let Some(board) = lab.boards.first_mut() else { bail!("the lab has no board to put files on") };
        for (name, content) in files_of(folder)? {
            board.files.entry(name).or_insert(content);
        }
    }
    if let Some(seed) = arguments.seed {
        lab.seed = seed;
    }
    for board in &mut lab.boards {
        board.behaviour = arguments.behaviour.map_or(board.behaviour, Into::into);
        board.release = arguments.release.map_or(board.release, Into::into);
        board.lua = arguments.lua.map_or(board.lua, Into::into);
    }
    Ok(lab)
}

/// Reads a lab.
///
/// # Errors
/// If the file cannot be read or is no lab.
pub(crate) fn read_lab(file: &Path) -> Result<Lab> {
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    let Ok(json) = String::from_utf8(bytes) else { bail!("{}: a lab is text, and this is none", file.display()) };
    Lab::from_json(&json).with_context(|| file.display().to_string())
}

fn lab_of_program(file: &Path) -> Result<Lab> {
    let source = fs::read(file).with_context(|| file.display().to_string())?;
    let mut lab = Lab::with_program("");
    for board in &mut lab.boards {
        board.files.insert("init.lua".into(), FileContent::from_bytes(&source));
    }
    Ok(lab)
}

fn files_of(folder: &Path) -> Result<Vec<(String, FileContent)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if !path.is_file() {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        files.push((name, FileContent::from_bytes(&bytes)));
    }
    files.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(files)
}

/// What a refused lab is called in a message.
fn place(arguments: &RunArguments) -> String {
    arguments.file.display().to_string()
}

fn until(arguments: &RunArguments, lab: &Lab) -> Instant {
    let micros = |span: std::time::Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    let asked = arguments.until.map(|span| Duration::from_micros(micros(span)));
    let own = lab.until_ms.map(|millis| Duration::from_micros((millis * 1000.0) as u64));
    Instant::ZERO + asked.or(own).unwrap_or(UNTIL_DEFAULT)
}

/// The files that a run writes besides standard output.
pub(crate) struct Files {
    pcap: Option<(BufWriter<fs::File>, String)>,
    trace: Option<BufWriter<fs::File>>,
    traced: Option<RecordId>,
}

impl Files {
    /// Creates them at once, so that a path that cannot be written is noticed before the run.
    fn create(arguments: &RunArguments) -> Result<Files> {
        let create = |path: &Path| -> Result<BufWriter<fs::File>> {
            let file = fs::File::create(path).with_context(|| path.display().to_string())?;
            Ok(BufWriter::new(file))
        };
        let pcap =
            arguments.pcap.as_deref().map(|path| Ok::<_, anyhow::Error>((create(path)?, path.display().to_string())));
        Ok(Files { pcap: pcap.transpose()?, trace: arguments.trace.as_deref().map(create).transpose()?, traced: None })
    }

    /// Writes the records since the last call.
    pub(crate) fn trace(&mut self, simulation: &Simulation) -> Result<()> {
        let Some(file) = &mut self.trace else { return Ok(()) };
        for record in simulation.trace().since(self.traced) {
            let lost = record.id.get() - self.traced.map_or(0, RecordId::get) - 1;
            if lost > 0 {
                say(format_args!("playground: {lost} records came too fast to be written to the trace"));
            }
            self.traced = Some(record.id);
            serde_json::to_writer(&mut *file, &record)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    }

    fn finish(self, simulation: &Simulation) -> Result<()> {
        if let Some(mut file) = self.trace {
            file.flush()?;
        }
        if let Some((mut file, path)) = self.pcap {
            if simulation.trace().newest().is_some_and(|newest| newest.get() > CAPTURE_RECORDS_MAX as u64) {
                say(format_args!("playground: {path} lacks the beginning: the run was too long to keep all of it"));
            }
            file.write_all(&simulation.inspect().pcapng(None)).and_then(|()| file.flush()).context(path)?;
        }
        Ok(())
    }
}
