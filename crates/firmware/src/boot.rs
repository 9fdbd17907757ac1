//! From reset to prompt: the banner, the network's start, `init.lua`, the first prompt (`docs/behaviour.md` §6.6).
//!
//! Left out: what the boot loader in ROM says at 74,880 baud, which a terminal at 115,200 shows as noise.

use trace::BootReason;

use crate::chip::Chip;
use crate::crash;
use crate::machine::{Machine, Purpose};
use crate::modules;
use crate::profile::Release;

/// Major, minor and revision of the firmware that a board pretends to have.
pub(crate) fn version(chip: &Chip) -> (i64, i64, i64) {
    if chip.release() == Release::V2 { (2, 2, 0) } else { (3, 0, 0) }
}

/// The SDK's version text.
const SDK_VERSION: &str = "3.0.1-dev(fce080e)";

/// What the firmware's build says of itself: the commit whose behaviour is simulated.
pub(crate) mod build {
    pub(crate) const BRANCH: &str = "release";
    pub(crate) const COMMIT: &str = "36cbf9f017d356319a6369e299765eedff191154";
    pub(crate) const RELEASE: &str = "3.0.0-release_20240225";
    pub(crate) const RELEASE_DTS: &str = "202402250804";
    pub(crate) const DATE: &str = "2024-02-25 08:04";
    pub(crate) const NUMBER_TYPE: &str = "float";
}

/// Brings a fresh machine to where events can happen. The start-up script is the first Lua to run, as soon as nothing holds
/// it: see [`run_startup`].
pub(crate) fn start(machine: &mut Machine) {
    let chip = machine.chip.clone();
    let startup = chip.flash.borrow().startup.clone();
    if chip.boot_reason == BootReason::SoftwareWatchdog || chip.boot_reason == BootReason::HardwareWatchdog {
        chip.print_raw(crash::RESET_CAUSE_LINE.as_bytes());
    }
    if startup.banner {
        chip.print_raw(banner(&chip).as_bytes());
    }
    modules::boot(&chip);
}

/// Runs the start-up script; the first prompt follows it.
pub(crate) fn run_startup(machine: &mut Machine) {
    let chip = machine.chip.clone();
    let startup = chip.flash.borrow().startup.clone();
    // The firmware types a space and a line end to itself, so that the interpreter prints its first prompt.
    chip.console.borrow_mut().push_input(b" \n");
    match startup.command.as_deref() {
        None => run_file(machine, b"init.lua"),
        Some([b'@', file @ ..]) => run_file(machine, file),
        Some([b'!', module @ ..]) => {
            let text = format!("cannot load LFS.{}\n", String::from_utf8_lossy(module));
            chip.print(text.as_bytes());
        }
        Some(chunk) => run(machine, "=INIT", chunk.strip_prefix(b"=").unwrap_or(chunk)),
    }
}

fn run_file(machine: &mut Machine, name: &[u8]) {
    let content = modules::file::read_whole(&machine.chip, name);
    let name = String::from_utf8_lossy(name);
    match content {
        Some(source) => run(machine, &format!("@{name}"), &source),
        None => machine.chip.print(format!("cannot open {name}: \n").as_bytes()),
    }
}

fn run(machine: &mut Machine, chunk_name: &str, source: &[u8]) {
    match machine.engine.load(chunk_name, source) {
        Ok(function) => {
            let run = machine.engine.start(&function, |_| Vec::new());
            machine.begin(run, None, Purpose::Start);
        }
        Err(error) => machine.chip.print(format!("{}\n", error.message).as_bytes()),
    }
}

fn banner(chip: &Chip) -> String {
    let (major, minor, revision) = version(chip);
    let lua = if chip.dialect().is_53() { "Lua 5.3.6" } else { "Lua 5.1.4" };
    format!(
        "\nNodeMCU {major}.{minor}.{revision}.0 simulated\n\tbranch: {}\n\tcommit: {}\n\trelease: {}\n\trelease DTS: {}\n\
         \tSSL: false\n\tbuild type: {}\n\tLFS: 0x0 bytes total capacity\n\tmodules: {}\n build {} powered by {lua} on SDK \
         {SDK_VERSION}\n",
        build::BRANCH,
        build::COMMIT,
        build::RELEASE,
        build::RELEASE_DTS,
        build::NUMBER_TYPE,
        modules::names(),
        build::DATE,
    )
}
