//! Labs: everything a run depends on, as one value with one JSON form.
//!
//! The page, share links, the embed, the command line and the tests read and write this form. Unknown fields are
//! refused with the path of the field, so that a typing error is found at once. Everything but `version` has a default,
//! and defaults are left out when a lab is written, which keeps share links short.
//!
//! Left out: anything the page keeps for itself. What it wants to keep with a lab goes into [`Lab::views`], which the
//! simulation carries and does not read.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
#[cfg(feature = "typescript")]
use ts_rs::TS;

/// The form's version that this program writes, and the only one it reads.
pub const LAB_VERSION: u32 = 1;

/// A whole experiment: boards with their files, the network, faults, seed, checks and recorded inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct Lab {
    /// Version of this form: 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1)))]
    pub version: u32,
    /// Name of the lab, for people.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub title: String,
    /// What it shows and what to watch, for people.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub description: String,
    /// Start of every random sequence of the run; at most 2^53.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<f64>", optional))]
    pub seed: u64,
    /// Virtual milliseconds after which a run without a person ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub until_ms: Option<f64>,
    /// The boards, in the order in which they are switched on.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub boards: Vec<BoardLab>,
    /// What differs from the built-in world.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub world: WorldLab,
    /// Links that are not as new, by the name of the host at their end: a board's name, `pc`, `router`, `internet` or a
    /// server's name.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub links: BTreeMap<String, LinkLab>,
    /// When the lab counts as passed.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub checks: Vec<Check>,
    /// What a person did, to be done again at the same virtual times.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub inputs: Vec<TimedInput>,
    /// The page's own state (open panels and the like); carried, not read.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<BTreeMap<String, ViewState>>", optional))]
    pub views: serde_json::Map<String, serde_json::Value>,
}

/// Stands in the TypeScript declarations for what only the page knows.
#[cfg(feature = "typescript")]
#[derive(TS)]
#[ts(export, type = "unknown")]
struct ViewState;

/// One board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct BoardLab {
    /// Its name, different from every other host's.
    pub name: String,
    /// Files in its flash at the first start, by name; `init.lua` runs at boot.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub files: BTreeMap<String, FileContent>,
    /// Where manual and chip disagree, which one holds.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub behaviour: Behaviour,
    /// Which generations of the API exist.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub release: Release,
    /// Lua version.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub lua: LuaVersion,
    /// Whether Lua's full standard libraries exist, which the chip leaves out.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub full_libraries: bool,
    /// The Wi-Fi network stored in its flash, which it joins at boot; `null` for none. By default `playground`.
    #[serde(default = "Network::stored", skip_serializing_if = "is_stored_network")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<Option<Network>>", optional))]
    pub network: Option<Network>,
    /// Station MAC address, `5e:cf:7f:00:00:01`; by default derived from the board's place in the lab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub mac: Option<String>,
    /// Heap for Lua in bytes; by default what a chip has free after boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub heap_bytes: Option<u32>,
    /// Processor clock in MHz, 80 or 160.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub cpu_mhz: CpuMhz,
    /// When it is switched on, in virtual milliseconds; `null` for not at all. By default 0.
    #[serde(default = "power_on_at_start", skip_serializing_if = "is_power_on_at_start")]
    #[cfg_attr(feature = "typescript", ts(type = "number | null", optional))]
    pub power_on_ms: Option<f64>,
}

/// The content of a file: text, or any bytes in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(untagged, expecting = "a file is a text, or { \"base64\": ... } for other bytes")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub enum FileContent {
    /// Text, stored as UTF-8.
    Text(String),
    /// Any bytes.
    Binary(Base64),
}

/// Bytes in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct Base64 {
    /// RFC 4648 section 4, with padding.
    pub base64: String,
}

/// Where the manual and the chip disagree, which one holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub enum Behaviour {
    /// As documented; where a chip does otherwise, a hint says so.
    #[default]
    Manual,
    /// As release 3.0 of the firmware does.
    Chip,
}

/// Which generations of the API exist on a board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub enum Release {
    /// Both; a removed name works and hints once.
    #[default]
    #[serde(rename = "any")]
    Any,
    /// What release 3.0 has.
    #[serde(rename = "3.0")]
    V3,
    /// What the releases up to 2.2 had.
    #[serde(rename = "2.x")]
    V2,
}

/// Lua version of a board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub enum LuaVersion {
    /// Lua 5.1 with doubles, the firmware's usual build.
    #[default]
    #[serde(rename = "5.1")]
    Lua51,
    /// Lua 5.3.
    #[serde(rename = "5.3")]
    Lua53,
}

impl LuaVersion {
    /// The version that a lab calls so.
    pub fn named(name: &str) -> Option<LuaVersion> {
        match name {
            "5.1" => Some(LuaVersion::Lua51),
            "5.3" => Some(LuaVersion::Lua53),
            _ => None,
        }
    }
}

/// Processor clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(try_from = "u32", into = "u32")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export, type = "80 | 160"))]
#[cfg_attr(feature = "schema", schemars(with = "u32"))]
pub enum CpuMhz {
    /// 80 MHz, as after boot.
    #[default]
    Mhz80,
    /// 160 MHz.
    Mhz160,
}

/// A Wi-Fi network as stored in a board's flash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct Network {
    /// Network name.
    pub ssid: String,
    /// Password; the access point `playground` takes any.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub password: String,
}

/// What differs from the built-in world.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct WorldLab {
    /// Names that the name servers answer differently than the built-in zone.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub zone: BTreeMap<String, ZoneAnswer>,
    /// Parts of the built-in world that this lab replaces, by the names in `docs/world.md`: `ssid`, `router`, `pc`,
    /// `servers`, ...
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<BTreeMap<String, ViewState>>", optional))]
    pub built_in: serde_json::Map<String, serde_json::Value>,
    /// Whether the router's uplink is cut.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub internet_down: bool,
}

/// What the name servers do with a question for a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub enum ZoneAnswer {
    /// Answer with these addresses; with none, the name exists and has no address.
    #[cfg_attr(feature = "typescript", ts(type = "Array<string>"))]
    Addresses(Vec<Ipv4Addr>),
    /// Answer that it is another name for this one.
    Alias(String),
    /// Answer that the name does not exist.
    Unknown,
    /// Answer with a server failure.
    Failure,
    /// Do not answer.
    Silent,
}

/// State of one link, per direction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct LinkLab {
    /// Whether the cable is pulled or the radio out of range.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub down: bool,
    /// Towards the host.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub to_host: Faults,
    /// From the host.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub from_host: Faults,
}

/// What one direction of a link does to frames. What is left out stays as the link has it by default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[cfg_attr(feature = "typescript", derive(TS), ts(export, optional_fields))]
pub struct Faults {
    /// Time a frame takes besides its transmission, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// Most that is added to the latency at random, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<f64>,
    /// Transmission rate in kilobits per second; 0 for unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_kbps: Option<f64>,
    /// Most bytes that wait for transmission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_bytes_max: Option<u32>,
    /// Share of frames lost, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Share of frames that arrive twice, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplication: Option<f64>,
    /// Share of frames that are overtaken by later ones, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reordering: Option<f64>,
    /// Share of frames with a damaged byte, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corruption: Option<f64>,
}

/// One condition of "the lab is passed". Texts are plain; `*` in `matches` stands for any characters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(TS), ts(export, optional_fields))]
pub enum Check {
    /// A board has printed this text.
    ConsoleContains {
        /// Board; the only one when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        board: Option<String>,
        /// The text.
        text: String,
        /// Latest virtual time in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_ms: Option<f64>,
    },
    /// A board has never printed this text.
    ConsoleLacks {
        /// Board; every one when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        board: Option<String>,
        /// The text.
        text: String,
    },
    /// A line of a board's console matches a pattern in which `*` stands for any characters.
    ConsoleMatches {
        /// Board; the only one when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        board: Option<String>,
        /// The pattern, for the whole line.
        matches: String,
    },
    /// The PC fetches a URL and gets this.
    Fetch {
        /// `http://192.168.1.100/`.
        url: String,
        /// When it fetches, in virtual milliseconds.
        at_ms: f64,
        /// Expected status; 200 when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Text that the body contains.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contains: Option<String>,
    },
    /// The trace has records of this kind.
    Records {
        /// As in the trace: `callback`, `frame_dropped`, ...
        kind: String,
        /// Host; every one when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
        /// Text that the record's JSON form contains.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contains: Option<String>,
        /// Fewest; 1 when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<u32>,
        /// Most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<u32>,
    },
    /// No board has crashed.
    NoCrash,
}

/// An input and when it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct TimedInput {
    /// Virtual milliseconds, with microseconds as fraction.
    pub at_ms: f64,
    /// What was done.
    pub input: Input,
}

/// Something a person does to a running lab.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(TS), ts(export, optional_fields))]
pub enum Input {
    /// Types at a board's serial console; a line ends with `\n`.
    Console {
        /// Board.
        board: String,
        /// The characters.
        text: String,
    },
    /// Drives an input pin, or lets it go.
    Pin {
        /// Board.
        board: String,
        /// NodeMCU's pin number, 0 to 12.
        pin: u8,
        /// Level.
        high: bool,
    },
    /// Sets what a board's analog input measures.
    Analog {
        /// Board.
        board: String,
        /// 0 to 1024.
        value: u16,
    },
    /// Switches a board on or off.
    Power {
        /// Board.
        board: String,
        /// On or off.
        on: bool,
    },
    /// Presses a board's reset button.
    Reset {
        /// Board.
        board: String,
    },
    /// Sets the state of a link.
    Link {
        /// Name of the host at its end.
        host: String,
        /// The new state, whole.
        link: LinkLab,
    },
    /// Sets what the name servers answer for a name.
    Zone {
        /// The name.
        name: String,
        /// What they answer; `null` gives the built-in answer back.
        answer: Option<ZoneAnswer>,
    },
    /// Writes or deletes a file in a board's flash.
    File {
        /// Board.
        board: String,
        /// File name.
        name: String,
        /// Content; `null` deletes.
        content: Option<FileContent>,
    },
    /// Changes a board's profile; it takes effect with the board's next start.
    Profile {
        /// Board.
        board: String,
        /// As in [`BoardLab`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        behaviour: Option<Behaviour>,
        /// As in [`BoardLab`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        release: Option<Release>,
        /// As in [`BoardLab`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lua: Option<LuaVersion>,
    },
    /// Runs a command in the PC's terminal: `ping 192.168.1.100`.
    PcCommand {
        /// The command line.
        line: String,
    },
    /// Types into the command that runs in the PC's terminal.
    PcType {
        /// The characters.
        text: String,
    },
    /// Presses Ctrl-C in the PC's terminal.
    PcInterrupt,
    /// The PC's browser requests a URL.
    PcFetch {
        /// Chosen by the caller; comes back with the result.
        id: u32,
        /// The request.
        request: FetchRequest,
    },
}

impl Input {
    /// Reads an input from its JSON form.
    ///
    /// # Errors
    /// [`LabError`] with the path of the first field that is not as it must be.
    pub fn from_json(json: &str) -> Result<Input, LabError> {
        read(json, "input")
    }
}

/// A request of the PC's browser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct FetchRequest {
    /// `http://host:port/path?query`.
    pub url: String,
    /// Method; `GET` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub method: Option<String>,
    /// Further header fields.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<_>", optional))]
    pub headers: Vec<(String, String)>,
    /// Body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub body: Option<String>,
}

/// Why a lab was refused.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Not JSON, or not of the form; the path leads to the field.
    #[error("{path}: {message}")]
    Form {
        /// `boards[0].files`, or `lab` for the whole.
        path: String,
        /// What is wrong there.
        message: String,
    },
}

impl Lab {
    /// A lab with one board that runs `source` as `init.lua`.
    pub fn with_program(source: &str) -> Lab {
        let mut board = BoardLab::new("board");
        board.files.insert("init.lua".into(), FileContent::Text(source.into()));
        Lab { boards: vec![board], ..Lab::default() }
    }

    /// Reads a lab from its JSON form.
    ///
    /// # Errors
    /// [`LabError`] with the path of the first field that is not as it must be.
    pub fn from_json(json: &str) -> Result<Lab, LabError> {
        // Before anything else: what a later version calls its fields is not wrong, only unknown here.
        if let Ok(Versioned { version }) = serde_json::from_str(json) {
            check_version(version)?;
        }
        let lab: Lab = read(json, "lab")?;
        lab.validate()?;
        Ok(lab)
    }

    /// The lab's JSON form, with line breaks.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }

    /// The JSON schema of the form.
    #[cfg(feature = "schema")]
    pub fn schema() -> String {
        let mut json = serde_json::to_string_pretty(&schemars::schema_for!(Lab)).unwrap_or_default();
        json.push('\n');
        json
    }

    /// Checks what the form alone cannot say: version, names, ranges.
    ///
    /// # Errors
    /// As [`Lab::from_json`].
    pub fn validate(&self) -> Result<(), LabError> {
        check_version(self.version)?;
        for (index, board) in self.boards.iter().enumerate() {
            if let Some(message) = fault_of_name(&board.name, &self.boards[..index]) {
                return Err(LabError::form(format!("boards[{index}].name"), message));
            }
            board.validate(index)?;
        }
        for (host, link) in &self.links {
            link.to_host.validate(&format!("links.{host}.toHost"))?;
            link.from_host.validate(&format!("links.{host}.fromHost"))?;
        }
        for (index, timed) in self.inputs.iter().enumerate() {
            check_time(&format!("inputs[{index}].atMs"), timed.at_ms)?;
        }
        self.until_ms.map_or(Ok(()), |until| check_time("untilMs", until))
    }
}

/// Of a lab of any version.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

fn check_version(version: u32) -> Result<(), LabError> {
    match version {
        LAB_VERSION => Ok(()),
        newer if newer > LAB_VERSION => {
            let message =
                format!("a newer playground wrote this lab (version {newer}); this one reads version {LAB_VERSION}");
            Err(LabError::form("version", message))
        }
        other => Err(LabError::form("version", format!("there is no version {other}; this is version {LAB_VERSION}"))),
    }
}

/// Why a board beside those in `before` cannot be called so.
fn fault_of_name(name: &str, before: &[BoardLab]) -> Option<String> {
    if name.is_empty() {
        Some("a board needs a name".into())
    } else if RESERVED_NAMES.contains(&name) {
        Some(format!("'{name}' is the name of a built-in host"))
    } else {
        before.iter().any(|board| board.name == name).then(|| format!("two boards have the name '{name}'"))
    }
}

/// Reads a value from its JSON form; an error names the path of the field, or `whole`.
fn read<T: DeserializeOwned>(json: &str, whole: &str) -> Result<T, LabError> {
    if json.trim().is_empty() {
        return Err(LabError::form(whole, "there is nothing in it"));
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." || path == "?" => whole.to_owned(),
            path => path,
        };
        LabError::Form { path, message: in_words(&error.into_inner()) }
    })?;
    reader.end().map_err(|error| LabError::form(whole, error.to_string()))?;
    Ok(value)
}

/// What serde says, without the names of this program's types.
fn in_words(error: &serde_json::Error) -> String {
    let place = format!("at line {} column {}", error.line(), error.column());
    let said = error.to_string();
    if error.is_eof() {
        format!("the text breaks off {place}")
    } else if said.contains(", expected struct ") {
        format!("this is no object {place}")
    } else {
        said
    }
}

/// Names of built-in hosts that no board can have.
const RESERVED_NAMES: [&str; 3] = ["pc", "router", "internet"];

impl Default for Lab {
    fn default() -> Lab {
        Lab {
            version: LAB_VERSION,
            title: String::new(),
            description: String::new(),
            seed: 0,
            until_ms: None,
            boards: Vec::new(),
            world: WorldLab::default(),
            links: BTreeMap::new(),
            checks: Vec::new(),
            inputs: Vec::new(),
            views: serde_json::Map::new(),
        }
    }
}

impl BoardLab {
    /// A board as new, without files.
    pub fn new(name: &str) -> BoardLab {
        BoardLab {
            name: name.into(),
            files: BTreeMap::new(),
            behaviour: Behaviour::default(),
            release: Release::default(),
            lua: LuaVersion::default(),
            full_libraries: false,
            network: Network::stored(),
            mac: None,
            heap_bytes: None,
            cpu_mhz: CpuMhz::default(),
            power_on_ms: power_on_at_start(),
        }
    }

    /// The MAC address, if one is set and valid.
    pub fn mac_bytes(&self) -> Option<[u8; 6]> {
        self.mac.as_deref().and_then(parse_mac)
    }

    fn validate(&self, index: usize) -> Result<(), LabError> {
        if let Some(mac) = &self.mac
            && parse_mac(mac).is_none()
        {
            let message = format!("'{mac}' is not a MAC address such as 5e:cf:7f:00:00:01");
            return Err(LabError::form(format!("boards[{index}].mac"), message));
        }
        for (name, content) in &self.files {
            let path = format!("boards[{index}].files.{name}");
            content.bytes().ok_or_else(|| LabError::form(&path, "not valid base64"))?;
        }
        self.power_on_ms.map_or(Ok(()), |at| check_time(&format!("boards[{index}].powerOnMs"), at))
    }
}

impl FileContent {
    /// The file's bytes, or `None` when the base64 is not valid.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            FileContent::Text(text) => Some(text.clone().into_bytes()),
            FileContent::Binary(binary) => BASE64.decode(&binary.base64).ok(),
        }
    }

    /// The form for `bytes`: text where it is UTF-8.
    pub fn from_bytes(bytes: &[u8]) -> FileContent {
        match std::str::from_utf8(bytes) {
            Ok(text) => FileContent::Text(text.into()),
            Err(_) => FileContent::Binary(Base64 { base64: BASE64.encode(bytes) }),
        }
    }
}

impl Network {
    /// The network that a board has stored when the lab says nothing: the built-in access point.
    fn stored() -> Option<Network> {
        Some(Network { ssid: "playground".into(), password: String::new() })
    }
}

impl Faults {
    fn validate(&self, path: &str) -> Result<(), LabError> {
        let shares = [
            ("loss", self.loss),
            ("duplication", self.duplication),
            ("reordering", self.reordering),
            ("corruption", self.corruption),
        ];
        for (name, share) in shares {
            if share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
                return Err(LabError::form(format!("{path}.{name}"), "a share lies between 0 and 1"));
            }
        }
        for (name, value) in [("latencyMs", self.latency_ms), ("jitterMs", self.jitter_ms)] {
            value.map_or(Ok(()), |value| check_time(&format!("{path}.{name}"), value))?;
        }
        match self.rate_kbps {
            Some(rate) if !(rate.is_finite() && rate >= 0.0) => {
                Err(LabError::form(format!("{path}.rateKbps"), "a rate is not negative"))
            }
            _ => Ok(()),
        }
    }
}

impl CpuMhz {
    /// The clock as a number.
    pub const fn get(self) -> u32 {
        match self {
            CpuMhz::Mhz80 => 80,
            CpuMhz::Mhz160 => 160,
        }
    }
}

impl TryFrom<u32> for CpuMhz {
    type Error = &'static str;
    fn try_from(mhz: u32) -> Result<CpuMhz, &'static str> {
        match mhz {
            80 => Ok(CpuMhz::Mhz80),
            160 => Ok(CpuMhz::Mhz160),
            _ => Err("the processor clock is 80 or 160"),
        }
    }
}

impl From<CpuMhz> for u32 {
    fn from(clock: CpuMhz) -> u32 {
        clock.get()
    }
}

impl LabError {
    pub(crate) fn form(path: impl Into<String>, message: impl Into<String>) -> LabError {
        LabError::Form { path: path.into(), message: message.into() }
    }
}

/// Longest virtual time, about 31 years: far beyond any run, and exact in microseconds as a double.
const TIME_MS_MAX: f64 = 1e12;

fn check_time(path: &str, millis: f64) -> Result<(), LabError> {
    if (0.0..=TIME_MS_MAX).contains(&millis) {
        Ok(())
    } else {
        Err(LabError::form(path, "a time lies between 0 and 1e12 milliseconds"))
    }
}

fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split([':', '-']);
    for byte in &mut mac {
        *byte = u8::from_str_radix(parts.next().filter(|part| part.len() == 2)?, 16).ok()?;
    }
    (parts.next().is_none() && mac[0] & 1 == 0).then_some(mac)
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_stored_network(network: &Option<Network>) -> bool {
    *network == Network::stored()
}

#[allow(clippy::unnecessary_wraps, reason = "serde's default for a field that may be null")]
fn power_on_at_start() -> Option<f64> {
    Some(0.0)
}

fn is_power_on_at_start(at: &Option<f64>) -> bool {
    *at == power_on_at_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(json: &str, expected: &str) {
        assert_eq!(Lab::from_json(json).unwrap_err().to_string(), expected);
    }

    #[test]
    fn shortest_lab_reads_and_writes_without_defaults() {
        let lab = Lab::from_json(r#"{"version":1,"boards":[{"name":"a","files":{"init.lua":"print(1)"}}]}"#).unwrap();
        assert_eq!(lab.boards[0].network.as_ref().unwrap().ssid, "playground");
        let json = serde_json::to_string(&lab).unwrap();
        assert_eq!(json, r#"{"version":1,"boards":[{"name":"a","files":{"init.lua":"print(1)"}}]}"#);
    }

    #[test]
    fn null_network_is_kept() {
        let json = r#"{"version":1,"boards":[{"name":"a","network":null,"powerOnMs":null}]}"#;
        let lab = Lab::from_json(json).unwrap();
        assert_eq!((&lab.boards[0].network, lab.boards[0].power_on_ms), (&None, None));
        assert_eq!(serde_json::to_string(&lab).unwrap(), json);
    }

    #[test]
    fn refusal_names_the_path() {
        check_refused(
            r#"{"version":1,"boards":[{"name":"a","file":{}}]}"#,
            "boards[0].file: unknown field `file`, expected one of `name`, `files`, `behaviour`, `release`, `lua`, \
             `fullLibraries`, `network`, `mac`, `heapBytes`, `cpuMhz`, `powerOnMs` at line 1 column 41",
        );
        let newer = "version: a newer playground wrote this lab (version 2); this one reads version 1";
        check_refused(r#"{"version":2,"whatIsThis":[]}"#, newer);
        check_refused(r#"{"version":0}"#, "version: there is no version 0; this is version 1");
        check_refused("{", "lab: the text breaks off at line 1 column 1");
        check_refused(" \n", "lab: there is nothing in it");
        check_refused("[]", "lab: this is no object at line 1 column 2");
        check_refused("7", "lab: this is no object at line 1 column 1");
        check_refused(r#"{"version":1,"boards":[5]}"#, "boards[0]: this is no object at line 1 column 24");
        check_refused(r#"{"version":1,"boards":[{"name":""}]}"#, "boards[0].name: a board needs a name");
        check_refused(
            r#"{"version":1,"boards":[{"name":"a"},{"name":"a"}]}"#,
            "boards[1].name: two boards have the name 'a'",
        );
        check_refused(
            r#"{"version":1,"boards":[{"name":"a","files":{"init.lua":5}}]}"#,
            "boards[0].files.init.lua: a file is a text, or { \"base64\": ... } for other bytes at line 1 column 57",
        );
        check_refused(
            r#"{"version":1,"boards":[{"name":"pc"}]}"#,
            "boards[0].name: 'pc' is the name of a built-in host",
        );
        check_refused(
            r#"{"version":1,"links":{"pc":{"toHost":{"loss":2}}}}"#,
            "links.pc.toHost.loss: a share lies between 0 and 1",
        );
        check_refused(
            r#"{"version":1,"boards":[{"name":"a","mac":"zz"}]}"#,
            "boards[0].mac: 'zz' is not a MAC address such as 5e:cf:7f:00:00:01",
        );
    }

    #[test]
    fn binary_files_survive() {
        let content = FileContent::from_bytes(&[0xff, 0x00]);
        assert_eq!(serde_json::to_string(&content).unwrap(), r#"{"base64":"/wA="}"#);
        assert_eq!(content.bytes().unwrap(), [0xff, 0x00]);
    }
}
