//! The simulation behind a typed wasm boundary.
//!
//! Conversions only: JavaScript values in, plain structs out. The page pulls: nothing here calls into it. Every method
//! that can fail throws an `Error` with a sentence; none panics. Should the engine itself be wrong and panic, the message
//! stands in `globalThis.playgroundPanic` and the instance is lost; the page makes a new one from the lab it kept.
//!
//! The TypeScript types of all arguments and results are generated from the Rust types: `Lab`, `Report`, `FrameView` and
//! so on, see [`types`] and `sim`.
//!
//! Reading order: [`types`], [`Playground`] below, `clock`, `rest`.

mod clock;
mod language;
pub mod rest;
pub mod types;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::Serializer;
use sim::debug::Resume;
use sim::lab::{Input, LuaVersion};
use sim::simulation::RECORDS_MAX;
use sim::{Lab, Membership, Progress, Publication, RoomHost, RoomLease, Simulation};
use trace::{HostId, Instant, Kind, Protocol, RecordId, SocketId, Trace};
use wasm_bindgen::prelude::*;

use crate::clock::Budget;
use crate::types::{ConsoleOutput, Report, StepTarget};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
import type { ApiEntry, CompileError, FileView, FrameSummary, FrameView, Input, Lab, LuaVersion, Membership, NetworkMap, Resume, Record as TraceRecord, Report, RoomHost, RoomLease, StepTarget, Stream, CheckStatus, UplinkView } from "./types/index.js";
"#;

/// Steps of the simulation between two looks at the wall clock.
const STEPS_BETWEEN_LOOKS: u32 = 32;
/// Most records in one report; what is above waits for the next one.
const RECORDS_PER_REPORT_MAX: usize = 5_000;

/// A running lab.
#[wasm_bindgen]
pub struct Playground {
    simulation: Simulation,
    /// The newest record that was reported.
    reported: Option<RecordId>,
    file_revisions: Vec<(HostId, u64)>,
}

#[wasm_bindgen]
impl Playground {
    /// Builds a lab from its JSON form. Nothing runs until `advance`.
    ///
    /// # Errors
    /// If the lab is not as it must be; the message names the field.
    #[wasm_bindgen(constructor)]
    pub fn new(lab_json: &str) -> Result<Playground, JsError> {
        clock::note_panics();
        Ok(Playground::over(Simulation::new(Lab::from_json(lab_json)?)?))
    }

    /// Builds a lab whose LAN other simulations share: frames go in by `roomReceive` and out by `roomTake`.
    ///
    /// # Errors
    /// As the constructor's, and if `membership` is none.
    #[wasm_bindgen(js_name = inRoom)]
    pub fn in_room(
        lab_json: &str,
        #[wasm_bindgen(unchecked_param_type = "Membership")] membership: JsValue,
    ) -> Result<Playground, JsError> {
        clock::note_panics();
        let membership: Membership = from_js(&membership)?;
        Ok(Playground::over(Simulation::in_room(Lab::from_json(lab_json)?, Trace::new(RECORDS_MAX), membership)?))
    }

    /// Takes a frame from the room; it arrives now. Returns why it was refused, or nothing.
    #[wasm_bindgen(js_name = roomReceive)]
    pub fn room_receive(&mut self, frame: &[u8]) -> Option<String> {
        self.simulation.room_receive(frame).err().map(|error| error.to_string())
    }

    /// The next frame for the room.
    #[wasm_bindgen(js_name = roomTake)]
    pub fn room_take(&mut self) -> Option<Vec<u8>> {
        self.simulation.room_take().map(|frame| frame.to_vec())
    }

    /// The own hosts that the room can reach.
    ///
    /// # Errors
    /// If they cannot be converted.
    #[wasm_bindgen(js_name = roomHosts, unchecked_return_type = "RoomHost[]")]
    pub fn room_hosts(&self) -> Result<JsValue, JsError> {
        to_js(&self.simulation.room_hosts())
    }

    /// Learns whose the other hosts of the room are.
    ///
    /// # Errors
    /// If they are no hosts.
    #[wasm_bindgen(js_name = roomKnown)]
    pub fn room_known(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "readonly RoomHost[]")] hosts: JsValue,
    ) -> Result<(), JsError> {
        self.simulation.room_known(&from_js::<Vec<RoomHost>>(&hosts)?);
        Ok(())
    }

    /// Makes this lab's router serve the room, or another's; `leases` are those given so far.
    ///
    /// # Errors
    /// If they are no leases.
    #[wasm_bindgen(js_name = roomKeep)]
    pub fn room_keep(
        &mut self,
        keeps: bool,
        #[wasm_bindgen(unchecked_param_type = "readonly RoomLease[]")] leases: JsValue,
    ) -> Result<(), JsError> {
        self.simulation.room_keep(keeps, &from_js::<Vec<RoomLease>>(&leases)?);
        Ok(())
    }

    /// What the router has given while it serves the room.
    ///
    /// # Errors
    /// If they cannot be converted.
    #[wasm_bindgen(js_name = roomLeases, unchecked_return_type = "RoomLease[]")]
    pub fn room_leases(&self) -> Result<JsValue, JsError> {
        to_js(&self.simulation.room_leases())
    }

    /// Goes on until the virtual time `until_ms`, or until `budget_ms` of wall time are spent.
    ///
    /// # Errors
    /// If the report cannot be converted.
    #[wasm_bindgen(unchecked_return_type = "Report")]
    pub fn advance(&mut self, until_ms: f64, budget_ms: f64) -> Result<JsValue, JsError> {
        let budget = Budget::new(budget_ms);
        let until = instant(until_ms);
        loop {
            let progress = self.simulation.advance(until, STEPS_BETWEEN_LOOKS);
            if progress != Progress::Unfinished || budget.is_spent() || self.has_enough_to_report() {
                return self.report_now(progress == Progress::Reached, None);
            }
        }
    }

    /// Goes on until the next callback or frame, at most until `until_ms` or for `budget_ms` of wall time.
    ///
    /// # Errors
    /// If the report cannot be converted.
    #[wasm_bindgen(js_name = stepToNext, unchecked_return_type = "Report")]
    pub fn step_to_next(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "StepTarget")] target: &str,
        until_ms: f64,
        budget_ms: f64,
    ) -> Result<JsValue, JsError> {
        let target = StepTarget::named(target).ok_or_else(|| JsError::new("a step ends at a callback or a frame"))?;
        let budget = Budget::new(budget_ms);
        let until = instant(until_ms);
        loop {
            let (progress, found) = self.simulation.advance_to(until, STEPS_BETWEEN_LOOKS, |kind| match target {
                StepTarget::Callback => matches!(kind, Kind::Callback { .. }),
                StepTarget::Frame => matches!(kind, Kind::FrameSent { .. }),
            });
            if progress != Progress::Unfinished || found.is_some() || budget.is_spent() {
                return self.report_now(progress == Progress::Reached, found);
            }
        }
    }

    /// What happened since the last report, without going on.
    ///
    /// # Errors
    /// If the report cannot be converted.
    #[wasm_bindgen(unchecked_return_type = "Report")]
    pub fn report(&mut self) -> Result<JsValue, JsError> {
        self.report_now(true, None)
    }

    /// Does what a person does, now. It is recorded with its time.
    ///
    /// # Errors
    /// If it is not an input, or names what is not there.
    pub fn input(&mut self, #[wasm_bindgen(unchecked_param_type = "Input")] input: JsValue) -> Result<(), JsError> {
        // As text, so that labs and inputs are read by one reader: two would make the module a tenth larger.
        let json = js_sys::JSON::stringify(&input).map_err(|_| JsError::new("an input is plain data"))?;
        Ok(self.simulation.input(Input::from_json(&String::from(json))?)?)
    }

    /// Makes a board's programs stop before these lines (from 1) of `file`, and no longer before other lines of it. While
    /// one is stopped, `Report.paused` says where, and virtual time stands still.
    ///
    /// # Errors
    /// If there is no such board.
    #[wasm_bindgen(js_name = setBreakpoints)]
    pub fn set_breakpoints(&mut self, board: &str, file: &str, lines: &[u32]) -> Result<(), JsError> {
        Ok(self.simulation.set_breakpoints(board, file, lines)?)
    }

    /// Makes a board stop before the next line of Lua that it runs.
    ///
    /// # Errors
    /// If there is no such board.
    pub fn pause(&mut self, board: &str) -> Result<(), JsError> {
        Ok(self.simulation.pause(board)?)
    }

    /// Lets the stopped program go on with the next `advance`.
    ///
    /// # Errors
    /// If there is no such way to go on.
    pub fn resume(&mut self, #[wasm_bindgen(unchecked_param_type = "Resume")] how: &str) -> Result<(), JsError> {
        let how = Resume::named(how).ok_or_else(|| JsError::new("a program goes on by continue, into, over or out"))?;
        self.simulation.resume(how);
        Ok(())
    }

    /// The frame of a record (sent, carried or dropped), taken apart; `null` when it is no longer kept.
    ///
    /// # Errors
    /// If it cannot be converted.
    #[wasm_bindgen(unchecked_return_type = "FrameView | null")]
    pub fn frame(&self, id: f64) -> Result<JsValue, JsError> {
        to_js(&record_id(id).and_then(|id| self.simulation.inspect().frame(id)))
    }

    /// A line for each kept frame that was sent after record `after` (0 for all), at most `max`.
    ///
    /// # Errors
    /// If they cannot be converted.
    #[wasm_bindgen(js_name = frameSummaries, unchecked_return_type = "FrameSummary[]")]
    pub fn frame_summaries(&self, after: f64, max: u32) -> Result<JsValue, JsError> {
        let mut records = self.simulation.trace().since(record_id(after));
        records.retain(|record| matches!(record.kind, Kind::FrameSent { .. }));
        records.truncate(max as usize);
        to_js(&self.simulation.inspect().summaries(&records))
    }

    /// From a record back along its causes, the record first.
    ///
    /// # Errors
    /// If they cannot be converted.
    #[wasm_bindgen(unchecked_return_type = "TraceRecord[]")]
    pub fn chain(&self, id: f64) -> Result<JsValue, JsError> {
        to_js(&record_id(id).map(|id| self.simulation.inspect().chain(id)).unwrap_or_default())
    }

    /// What a TCP socket and its peer said to each other; `null` when the socket never had a peer.
    ///
    /// # Errors
    /// If it cannot be converted.
    #[wasm_bindgen(unchecked_return_type = "Stream | null")]
    pub fn stream(&self, host: u32, socket: u32) -> Result<JsValue, JsError> {
        to_js(&self.simulation.inspect().stream_of_socket(HostId(host), SocketId(socket)))
    }

    /// The conversation that a frame belongs to; `null` when it is neither TCP nor UDP.
    ///
    /// # Errors
    /// If it cannot be converted.
    #[wasm_bindgen(js_name = streamOfFrame, unchecked_return_type = "Stream | null")]
    pub fn stream_of_frame(&self, id: f64) -> Result<JsValue, JsError> {
        to_js(&record_id(id).and_then(|id| self.simulation.inspect().stream_of_frame(id)))
    }

    /// Hosts, links, leases, tables, names.
    ///
    /// # Errors
    /// If it cannot be converted.
    #[wasm_bindgen(unchecked_return_type = "NetworkMap")]
    pub fn map(&self) -> Result<JsValue, JsError> {
        to_js(&self.simulation.map())
    }

    /// A capture for packet analysers: all kept frames, or those with the ids in `frames`.
    pub fn pcapng(&self, frames: Option<Vec<f64>>) -> Vec<u8> {
        let frames = frames.map(|ids| ids.into_iter().map(|id| id as u64).collect::<Vec<_>>());
        self.simulation.inspect().pcapng(frames.as_deref())
    }

    /// The kept records as JSON, one a line.
    #[wasm_bindgen(js_name = traceJson)]
    pub fn trace_json(&self) -> String {
        self.simulation.inspect().json_lines()
    }

    /// A board's files as they are now.
    ///
    /// # Errors
    /// If they cannot be converted.
    #[wasm_bindgen(unchecked_return_type = "FileView[]")]
    pub fn files(&self, host: u32) -> Result<JsValue, JsError> {
        to_js(&self.simulation.files(HostId(host)))
    }

    /// The lab with everything that a person has done, in its JSON form: running it gives this run again.
    #[wasm_bindgen(js_name = exportLab)]
    pub fn export_lab(&self) -> String {
        self.simulation.recorded_lab().to_json()
    }

    /// The lab this run began with.
    ///
    /// # Errors
    /// If it cannot be converted.
    #[wasm_bindgen(unchecked_return_type = "Lab")]
    pub fn lab(&self) -> Result<JsValue, JsError> {
        to_js(self.simulation.lab())
    }

    // ---- the way to the real network: see `sim::uplink` ----

    /// A relay is wanted: from now on nothing reaches the built-in internet.
    #[wasm_bindgen(js_name = uplinkConnecting)]
    pub fn uplink_connecting(&mut self, relay: &str) {
        self.simulation.uplink_connecting(relay);
    }

    /// The WebSocket to `relay` is open; `code` is its pairing code, if there is one.
    #[wasm_bindgen(js_name = uplinkConnected)]
    pub fn uplink_connected(&mut self, relay: &str, code: Option<String>) {
        self.simulation.uplink_connected(relay, code.as_deref());
    }

    /// A message of the WebSocket.
    #[wasm_bindgen(js_name = uplinkReceive)]
    pub fn uplink_receive(&mut self, message: &[u8]) {
        self.simulation.uplink_receive(message);
    }

    /// The next message for the WebSocket; not to be asked for while it cannot send.
    #[wasm_bindgen(js_name = uplinkTake)]
    pub fn uplink_take(&mut self) -> Option<Vec<u8>> {
        self.simulation.uplink_take()
    }

    /// The WebSocket is gone, or could not be opened, and will be tried again.
    #[wasm_bindgen(js_name = uplinkLost)]
    pub fn uplink_lost(&mut self, relay: &str, why: &str) {
        self.simulation.uplink_lost(relay, why);
    }

    /// The relay is given up: the built-in internet is back.
    #[wasm_bindgen(js_name = uplinkLeft)]
    pub fn uplink_left(&mut self) {
        self.simulation.uplink_left();
    }

    /// Makes a board's port reachable from outside, now or as soon as there is a relay that publishes ports.
    ///
    /// # Errors
    /// If there is no such board, transport or port.
    pub fn publish(&mut self, board: &str, protocol: &str, port: u16) -> Result<(), JsError> {
        Ok(self.simulation.publish(publication(board, protocol, port)?)?)
    }

    /// Closes a published port.
    ///
    /// # Errors
    /// If there is no such transport.
    pub fn unpublish(&mut self, board: &str, protocol: &str, port: u16) -> Result<(), JsError> {
        self.simulation.unpublish(&publication(board, protocol, port)?);
        Ok(())
    }

    /// How the way to the real network stands.
    ///
    /// # Errors
    /// If it cannot be converted.
    #[wasm_bindgen(unchecked_return_type = "UplinkView")]
    pub fn uplink(&self) -> Result<JsValue, JsError> {
        to_js(&self.simulation.uplink())
    }

    /// How the lab's checks stand at the end of the run: what is still open has failed.
    ///
    /// # Errors
    /// If they cannot be converted.
    #[wasm_bindgen(js_name = finalChecks, unchecked_return_type = "CheckStatus[]")]
    pub fn final_checks(&self) -> Result<JsValue, JsError> {
        to_js(&self.simulation.final_checks())
    }
}

impl Playground {
    fn over(simulation: Simulation) -> Playground {
        let file_revisions = simulation.file_revisions();
        Playground { simulation, reported: None, file_revisions }
    }

    /// Whether a report would be so large that the page should have it before more happens.
    fn has_enough_to_report(&self) -> bool {
        let number = |id: Option<RecordId>| id.map_or(0, RecordId::get);
        let fresh = number(self.simulation.trace().newest()) - number(self.reported);
        usize::try_from(fresh).is_ok_and(|fresh| fresh >= RECORDS_PER_REPORT_MAX)
    }

    fn report_now(&mut self, reached: bool, stopped_at: Option<RecordId>) -> Result<JsValue, JsError> {
        let outputs = self.simulation.take_output();
        let records = self.simulation.trace().since(self.reported);
        let expected = self.reported.map_or(0, RecordId::get) + 1;
        let first = records.first().map_or(expected, |record| record.id.get());
        self.reported = records.last().map_or(self.reported, |record| Some(record.id));
        let revisions = self.simulation.file_revisions();
        let before = std::mem::replace(&mut self.file_revisions, revisions);
        let changed = self.file_revisions.iter().filter(|revision| !before.contains(revision));
        let report = Report {
            now_ms: millis(self.simulation.now()),
            reached,
            has_work_at_ms: self.simulation.next_due().map(millis),
            consoles: outputs.into_iter().map(|(host, bytes)| ConsoleOutput { host, bytes }).collect(),
            frames: self.simulation.inspect().summaries(&records),
            records,
            records_lost: u32::try_from(first.saturating_sub(expected)).unwrap_or(u32::MAX),
            boards: self.simulation.boards(),
            checks: self.simulation.checks(),
            fetches: self.simulation.take_fetches(),
            files_changed: changed.map(|(host, _)| *host).collect(),
            stopped_at,
            paused: self.simulation.paused(),
        };
        to_js(&report)
    }
}

/// All syntax errors of a source file, for the editor.
///
/// # Errors
/// If they cannot be converted.
#[wasm_bindgen(unchecked_return_type = "CompileError[]")]
pub fn check(
    file: &str,
    source: &str,
    #[wasm_bindgen(unchecked_param_type = "LuaVersion")] lua: &str,
) -> Result<JsValue, JsError> {
    let lua = LuaVersion::named(lua).ok_or_else(|| JsError::new("Lua is 5.1 or 5.3"))?;
    to_js(&language::check(file, source, lua))
}

/// Every name of the firmware's modules, for completion and hover help.
///
/// # Errors
/// If they cannot be converted.
#[wasm_bindgen(unchecked_return_type = "ApiEntry[]")]
pub fn api() -> Result<JsValue, JsError> {
    to_js(&language::api())
}

/// Reads a lab's JSON form and returns it as data, or throws with the path of what is wrong.
///
/// # Errors
/// As [`Lab::from_json`].
#[wasm_bindgen(js_name = parseLab, unchecked_return_type = "Lab")]
pub fn parse_lab(json: &str) -> Result<JsValue, JsError> {
    to_js(&Lab::from_json(json)?)
}

/// Converts to the JavaScript form that the generated types describe: `null` for none, plain objects, `Uint8Array`.
fn to_js<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, JsError> {
    let serializer = Serializer::new().serialize_missing_as_null(true).serialize_maps_as_objects(true);
    value.serialize(&serializer).map_err(|error| JsError::new(&error.to_string()))
}

/// Reads plain data, as text: a second reader of JavaScript values would make the module larger.
fn from_js<T: DeserializeOwned>(value: &JsValue) -> Result<T, JsError> {
    let json = js_sys::JSON::stringify(value).map_err(|_| JsError::new("plain data is wanted"))?;
    serde_json::from_str(&String::from(json)).map_err(|error| JsError::new(&error.to_string()))
}

fn publication(board: &str, protocol: &str, port: u16) -> Result<Publication, JsError> {
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return Err(JsError::new("a port is one of tcp or udp")),
    };
    Ok(Publication { board: board.to_owned(), protocol, port })
}

fn record_id(id: f64) -> Option<RecordId> {
    RecordId::new(id as u64)
}

fn instant(millis: f64) -> Instant {
    Instant::from_micros((millis * 1000.0) as u64)
}

fn millis(at: Instant) -> f64 {
    at.as_micros() as f64 / 1000.0
}
