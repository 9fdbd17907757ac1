//! `playground`: labs and Lua scripts without a browser.
//!
//! Standard output carries what boards or the script print and nothing else; everything else goes to standard error.
//! Exit status: 0 at the end of time, 1 when a board crashed or a check failed, 2 for a usage error, 130 when a run that had an
//! end was told to stop before it.
//!
//! Reading order: the arguments below, `run` (a lab), `output` (consoles to standard output), `realtime` (a run beside the
//! wall clock, for terminals and relays), `terminal` (its modes meanwhile), `relay_client` (the way to a relay), `room` (a run on a shared LAN), `websocket`
//! (what both of these speak through), `script` (the bare engine), `serve` (page and relay) with `site` (the page's files) and
//! `keeper` (the router of its rooms), `interrupt` (Ctrl-C), `message` (standard error).

mod interrupt;
mod keeper;
mod message;
mod output;
mod pace;
mod realtime;
mod relay_client;
mod room;
mod run;
mod script;
mod serve;
mod site;
mod terminal;
mod websocket;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use sim::lab::{Behaviour, LuaVersion, Release};

use crate::message::{is_closed_pipe, say};

/// Exit status of a crash or a failed check.
const FAILED: u8 = 1;
/// Exit status of a usage error, clap's own included.
const USAGE: u8 = 2;

/// NodeMCU's Lua with its net module, on simulated boards and a simulated network.
#[derive(Parser)]
#[command(name = "playground", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a lab, or a Lua file as the init.lua of one board
    Run(Box<RunArguments>),
    /// Run a Lua script on the bare engine with the full standard libraries, as the `lua` command does
    Lua(LuaArguments),
    /// Serve the page and the relay to the real network from one port
    Serve(serve::ServeArguments),
    /// Work with the files that hold labs
    #[command(subcommand)]
    Lab(LabCommand),
}

#[derive(Args)]
// What has certificates to believe.
#[command(group(ArgGroup::new("server").args(["relay", "room"])))]
struct RunArguments {
    /// A lab (.json) or a Lua program (any other name)
    file: PathBuf,
    /// Put the files of this folder into the first board's flash
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Stop at this virtual time, as in 30s or 500ms [default: the lab's own, else 10s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    until: Option<Duration>,
    /// Start of every random sequence
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where manual and chip disagree, whose word counts
    #[arg(long)]
    behaviour: Option<BehaviourArgument>,
    /// Which generation of the API exists
    #[arg(long)]
    release: Option<ReleaseArgument>,
    /// Lua version
    #[arg(long)]
    lua: Option<LuaArgument>,
    /// Write all frames to this file, for Wireshark
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Write the trace to this file, one JSON record a line
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Share the LAN of a room, in real time: the address that `playground serve --workshop` prints for pupils, or
    /// ws://HOST:PORT/room/CODE/NAME. The room has the built-in internet, so --relay does not go with it
    #[arg(long, value_name = "URL", conflicts_with_all = ["interactive", "relay"], value_parser = room::Address::parse)]
    room: Option<room::Address>,
    /// What the others in the room call you
    #[arg(long, value_name = "NAME", default_value = "terminal", requires = "room")]
    name: String,
    /// Any text: equal texts give a board the same addresses in every run [default: a random one]
    #[arg(long, value_name = "TEXT", requires = "room")]
    seat: Option<String>,
    /// Connect the terminal to the first board's serial console, in real time
    #[arg(long)]
    interactive: bool,
    /// Let the lab reach the real network through this relay, in real time: the address that `playground serve` prints, or
    /// that of another Wisp server (ws://... or wss://...). Runs until Ctrl-C unless --until is given
    #[arg(long, value_name = "URL", value_parser = relay_client::Address::parse)]
    relay: Option<relay_client::Address>,
    /// With --relay: make a board's port reachable from outside, as in 80, 80:board2 or 5000/udp
    #[arg(long, value_name = "PORT[:BOARD][/udp]", requires = "relay", value_parser = relay_client::Port::parse)]
    publish: Vec<relay_client::Port>,
    /// With --relay or --room over TLS: also believe the certificates of this authority (PEM)
    #[arg(long, value_name = "FILE", requires = "server")]
    ca: Option<PathBuf>,
}

#[derive(Args)]
struct LuaArguments {
    /// The script
    file: PathBuf,
    /// Lua version
    #[arg(long, default_value = "5.1")]
    lua: LuaArgument,
    /// What the script finds in the table `arg` and in `...`
    #[arg(trailing_var_arg = true)]
    arguments: Vec<String>,
}

#[derive(Subcommand)]
enum LabCommand {
    /// Print the JSON schema of labs
    Schema,
    /// Read a lab and say what is wrong with it
    Check {
        /// The lab
        file: PathBuf,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum BehaviourArgument {
    Manual,
    Chip,
}

#[derive(Clone, Copy, ValueEnum)]
enum ReleaseArgument {
    Any,
    #[value(name = "3.0")]
    V3,
    #[value(name = "2.x")]
    V2,
}

#[derive(Clone, Copy, ValueEnum)]
enum LuaArgument {
    #[value(name = "5.1")]
    Lua51,
    #[value(name = "5.3")]
    Lua53,
}

impl From<BehaviourArgument> for Behaviour {
    fn from(argument: BehaviourArgument) -> Behaviour {
        match argument {
            BehaviourArgument::Manual => Behaviour::Manual,
            BehaviourArgument::Chip => Behaviour::Chip,
        }
    }
}

impl From<ReleaseArgument> for Release {
    fn from(argument: ReleaseArgument) -> Release {
        match argument {
            ReleaseArgument::Any => Release::Any,
            ReleaseArgument::V3 => Release::V3,
            ReleaseArgument::V2 => Release::V2,
        }
    }
}

impl From<LuaArgument> for LuaVersion {
    fn from(argument: LuaArgument) -> LuaVersion {
        match argument {
            LuaArgument::Lua51 => LuaVersion::Lua51,
            LuaArgument::Lua53 => LuaVersion::Lua53,
        }
    }
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Lua(arguments) => script::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Lab(LabCommand::Schema) => print_schema(),
        Command::Lab(LabCommand::Check { file }) => run::read_lab(&file).map(|_| ExitCode::SUCCESS),
    };
    match result {
        Ok(status) => status,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("playground: {error:#}"));
            ExitCode::from(USAGE)
        }
    }
}

fn print_schema() -> Result<ExitCode> {
    io::stdout().write_all(sim::Lab::schema().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
