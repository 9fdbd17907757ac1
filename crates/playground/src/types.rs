//! What crosses the boundary besides labs, records and views: plain structs with named fields.
//!
//! Numbers cross as `number`, times in virtual milliseconds named `…Ms`, bytes as `Uint8Array`.

use serde::Serialize;
use sim::debug::Pause;
use sim::view::{BoardStatus, CheckStatus, FetchResult, FrameSummary};
use trace::{HostId, Record, RecordId};
#[cfg(feature = "typescript")]
use ts_rs::TS;

/// What happened since the last report.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct Report {
    /// Virtual time now.
    pub now_ms: f64,
    /// Whether the requested time was reached; `false` when the wall time was spent before. Call again.
    pub reached: bool,
    /// When there is something to do next; `null` when nothing will happen without an input.
    pub has_work_at_ms: Option<f64>,
    /// What boards printed and what the PC's terminal showed; hosts without output are absent.
    pub consoles: Vec<ConsoleOutput>,
    /// New records, oldest first, hints included (kind `hint`).
    pub records: Vec<Record>,
    /// Records that were dropped for age before they could be reported.
    pub records_lost: u32,
    /// One per `frame_sent` record of this report.
    pub frames: Vec<FrameSummary>,
    /// Every board, in the lab's order.
    pub boards: Vec<BoardStatus>,
    /// The lab's checks.
    pub checks: Vec<CheckStatus>,
    /// Requests of the PC's browser that have ended.
    pub fetches: Vec<FetchResult>,
    /// Boards whose files changed (a program wrote to its flash): fetch them with `files`.
    pub files_changed: Vec<HostId>,
    /// The record at which `stepToNext` stopped.
    pub stopped_at: Option<RecordId>,
    /// The program that a debugger has stopped; absent when none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub paused: Option<Pause>,
}

/// Output of one host's console.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct ConsoleOutput {
    /// A board, or the PC.
    pub host: HostId,
    /// Raw bytes, line ends as the board sends them.
    #[cfg_attr(feature = "typescript", ts(type = "Uint8Array"))]
    #[serde(serialize_with = "serialize_bytes")]
    pub bytes: Vec<u8>,
}

/// What `stepToNext` stops at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub enum StepTarget {
    /// The next callback of any board.
    Callback,
    /// The next frame that any host sends.
    Frame,
}

impl StepTarget {
    /// The target that JavaScript calls so.
    pub fn named(name: &str) -> Option<StepTarget> {
        match name {
            "callback" => Some(StepTarget::Callback),
            "frame" => Some(StepTarget::Frame),
            _ => None,
        }
    }
}

/// A syntax error, for the editor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct CompileError {
    /// As Lua words it, with file and line: `init.lua:3: '=' expected near 'x'`.
    pub message: String,
    /// One-based line.
    pub line: u32,
    /// One-based column in bytes.
    pub column: u32,
    /// Length of the token in bytes, at least 1.
    pub length: u32,
    /// Whether the source ended where it had to go on.
    pub incomplete: bool,
}

/// One name of the firmware's modules, for completion and hover help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct ApiEntry {
    /// `net`, `net.createServer`, `net.socket:send`, `tmr.ALARM_AUTO`.
    pub name: String,
    /// What it is.
    pub kind: ApiKind,
    /// How the manual writes a call: `tmr.delay(us)`; for a module, object or constant its name.
    pub signature: String,
    /// One sentence.
    pub doc: String,
    /// Name and meaning of each parameter.
    pub parameters: Vec<ApiParameter>,
    /// Set when release 3.0 no longer has it: what to use instead.
    pub removed_use_instead: Option<String>,
    /// Whether it exists with Lua 5.1 alone.
    pub lua51_only: bool,
}

/// A parameter of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct ApiParameter {
    /// Its name.
    pub name: String,
    /// Its meaning.
    pub doc: String,
}

/// What a name of the API is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub enum ApiKind {
    /// A module.
    Module,
    /// A type of object, whose members are called with a colon.
    Object,
    /// Called with a dot.
    Function,
    /// Called with a colon on an object.
    Method,
    /// A number or string.
    Constant,
}

fn serialize_bytes<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}
