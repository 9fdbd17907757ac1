//! What a person looks at, as plain data: boards, the network map, dissected frames, streams, check results.
//!
//! Times are virtual milliseconds with microseconds as fraction and end in `Ms`; addresses are in their usual written
//! form. Nothing here is an input of the simulation.

use serde::Serialize;
use trace::{HostId, Protocol, RecordId, SocketId, SocketState};
#[cfg(feature = "typescript")]
use ts_rs::TS;

use crate::lab::{Behaviour, FetchRequest, LinkLab, LuaVersion, Release, ZoneAnswer};

/// One board at a glance.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct BoardStatus {
    /// The board's host id.
    pub host: HostId,
    /// Its name in the lab.
    pub name: String,
    /// Off, running, busy in Lua, crashed (waiting for the watchdog) or asleep.
    pub power: BoardPower,
    /// Free heap in bytes, as `node.heap()` tells.
    pub heap_free_bytes: u32,
    /// Heap for Lua in bytes.
    pub heap_bytes: u32,
    /// Station state in the words of the `wifi` module: `STA_GOTIP`, `STA_CONNECTING`, ...
    pub wifi: String,
    /// Network name the station is joined to.
    pub ssid: Option<String>,
    /// Signal strength in dBm while joined.
    pub rssi_dbm: Option<i32>,
    /// Interfaces that are up.
    pub interfaces: Vec<InterfaceView>,
    /// Pins that a program or a person has used.
    pub pins: Vec<PinView>,
    /// Virtual milliseconds since its start.
    pub uptime_ms: f64,
    /// How often it has started.
    pub boots: u32,
    /// Profile in force.
    pub behaviour: Behaviour,
    /// API generations in force.
    pub release: Release,
    /// Lua version in force.
    pub lua: LuaVersion,
}

/// Whether a board runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub enum BoardPower {
    /// Switched off.
    Off,
    /// Starting.
    Booting,
    /// Waiting for events.
    Idle,
    /// Running Lua or waiting in `tmr.delay`.
    Busy,
    /// Spinning after a panic until the watchdog resets it.
    Crashed,
    /// In deep sleep.
    Asleep,
}

/// One interface of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct InterfaceView {
    /// 0 the station or only one, 1 the access point.
    pub index: u8,
    /// `5e:cf:7f:00:00:01`.
    pub mac: String,
    /// Address, once there is one.
    pub ip: Option<String>,
    /// Prefix length.
    pub prefix_length: Option<u8>,
    /// Default gateway.
    pub gateway: Option<String>,
}

/// One pin of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct PinView {
    /// NodeMCU's pin number, 0 to 12. Pin 0 and pin 4 carry the LEDs, lit when low; pin 3 the flash button.
    pub pin: u8,
    /// Level.
    pub high: bool,
    /// Whether the program drives it.
    pub output: bool,
}

/// Everything the network map shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct NetworkMap {
    /// When this was true.
    pub now_ms: f64,
    /// All hosts, in order of their ids.
    pub hosts: Vec<HostView>,
    /// All links.
    pub links: Vec<LinkView>,
    /// Leases of the router and of access points.
    pub leases: Vec<LeaseView>,
    /// Names that the name servers know.
    pub zone: Vec<ZoneView>,
}

/// One host.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct HostView {
    /// As in the records.
    pub id: HostId,
    /// As in the lab; a built-in server's main name.
    pub name: String,
    /// What it is.
    pub kind: HostKind,
    /// The person whose host it is, for those of other members of a room; else `null`.
    pub owner: Option<String>,
    /// Whether it can be reached at all: powered and with an address.
    pub up: bool,
    /// Its interfaces.
    pub interfaces: Vec<InterfaceView>,
    /// Its sockets.
    pub sockets: Vec<SocketView>,
    /// Its address resolution table.
    pub arp: Vec<ArpView>,
}

/// What a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub enum HostKind {
    /// A simulated ESP8266.
    Board,
    /// The access point and router of the LAN.
    Router,
    /// The person's computer.
    Pc,
    /// The routers behind the uplink.
    Internet,
    /// A host of the built-in internet.
    Server,
    /// A host that a relay or another member of a room speaks for.
    Outside,
}

/// One socket of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct SocketView {
    /// As in the records.
    pub id: SocketId,
    /// Transport.
    pub protocol: Protocol,
    /// State in the RFC's words.
    pub state: SocketState,
    /// `192.168.1.100:49152`.
    pub local: Option<String>,
    /// The other end.
    pub remote: Option<String>,
    /// Bytes waiting to be sent or acknowledged.
    pub unsent_bytes: u32,
    /// Bytes received and not yet taken.
    pub unread_bytes: u32,
}

/// One entry of an address resolution table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct ArpView {
    /// IPv4 address.
    pub ip: String,
    /// MAC address.
    pub mac: String,
}

/// One link: the wire or radio path between a host and the LAN (or, for servers, the internet).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct LinkView {
    /// The host at its end; its name is the key in [`crate::Lab::links`] and in the `link` input.
    pub host: HostId,
    /// The host at the other end: the router, or the board whose access point it is; `null` for the router's uplink.
    pub to: Option<HostId>,
    /// Whether it is a radio path.
    pub wireless: bool,
    /// Its state, every value filled in.
    pub link: LinkLab,
    /// Frames on their way now.
    pub in_flight: Vec<InFlightView>,
}

/// A frame on its way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct InFlightView {
    /// The `frame_sent` record.
    pub frame: RecordId,
    /// Whether it travels towards the link's host.
    pub to_host: bool,
    /// When it left.
    pub sent_ms: f64,
    /// When it will arrive.
    pub due_ms: f64,
}

/// One DHCP lease.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct LeaseView {
    /// The server that gave it.
    pub server: HostId,
    /// The client's MAC address.
    pub mac: String,
    /// The client's name, where it told one.
    pub hostname: Option<String>,
    /// The address.
    pub ip: String,
    /// When it ends; `null` when it never does.
    pub expires_ms: Option<f64>,
}

/// One name of the zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct ZoneView {
    /// The name.
    pub name: String,
    /// What is answered.
    pub answer: ZoneAnswer,
    /// Whether the lab or a person changed it.
    pub edited: bool,
}

/// One frame as a list shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct FrameSummary {
    /// The `frame_sent` record.
    pub frame: RecordId,
    /// When it was sent.
    pub sent_ms: f64,
    /// Who sent it.
    pub from: HostId,
    /// Source as a list shows it: an IP address, else a MAC address.
    pub source: String,
    /// Destination likewise.
    pub destination: String,
    /// The innermost protocol: `TCP`, `DNS`, `HTTP`, `ARP`, ...
    pub protocol: String,
    /// One line in the manner of packet analysers: `49152 → 80 [SYN] Seq=1 Win=5840 Len=0 MSS=1460`.
    pub summary: String,
    /// One sentence for people: `board asks 93.184.216.34 to open a connection to port 80.`
    pub sentence: String,
    /// Bytes from the Ethernet header on, without check sequence.
    pub length: u32,
    /// Ports and length, for TCP and UDP.
    pub transport: Option<TransportView>,
}

/// What a list shows of a TCP or UDP header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct TransportView {
    /// Which.
    pub protocol: Protocol,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Bytes it carries.
    pub payload_bytes: u32,
    /// TCP's flags: `SYN, ACK`.
    pub flags: Option<String>,
}

/// One frame taken apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct FrameView {
    /// As in a list.
    pub summary: FrameSummary,
    /// Headers from the outside in.
    pub layers: Vec<FrameLayer>,
    /// The whole frame.
    #[cfg_attr(feature = "typescript", ts(type = "Uint8Array"))]
    #[serde(with = "bytes")]
    pub bytes: Vec<u8>,
}

/// One header of a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct FrameLayer {
    /// `Ethernet`, `IPv4`, `TCP`, ...
    pub name: String,
    /// One line.
    pub summary: String,
    /// First byte in the frame.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// Its fields.
    pub fields: Vec<FrameField>,
}

/// One field of a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct FrameField {
    /// Name in the RFC's words.
    pub name: String,
    /// Value as a person reads it.
    pub value: String,
    /// First byte in the frame.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// What is wrong with it: a checksum that does not match, a length beyond the end.
    pub error: Option<String>,
}

/// What both ends of a connection said, in the order in which it arrived.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct Stream {
    /// Transport.
    pub protocol: Protocol,
    /// One end, `192.168.1.100:49152`: the end whose socket was asked for.
    pub local: String,
    /// The other.
    pub remote: String,
    /// What was said.
    pub chunks: Vec<StreamChunk>,
}

/// A stretch of a stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct StreamChunk {
    /// Whether the local end said it.
    pub from_local: bool,
    /// When it was sent.
    pub at_ms: f64,
    /// The frame that carried it first.
    pub frame: RecordId,
    /// What was said; bytes that were sent again are not here twice.
    #[cfg_attr(feature = "typescript", ts(type = "Uint8Array"))]
    #[serde(with = "bytes")]
    pub bytes: Vec<u8>,
}

/// How a check of the lab stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct CheckStatus {
    /// Place in the lab's list.
    pub index: u32,
    /// What is checked, in words.
    pub text: String,
    /// How it stands.
    pub state: CheckState,
    /// Why it stands so.
    pub detail: String,
}

/// State of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub enum CheckState {
    /// Not decided yet.
    Open,
    /// Holds. A check that something never happens holds until it happens.
    Passed,
    /// Does not hold and cannot any more.
    Failed,
}

/// The answer to a request of the PC's browser.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct FetchResult {
    /// As chosen with the request.
    pub id: u32,
    /// The request.
    pub request: FetchRequest,
    /// Where the answer comes from after redirects.
    pub url: String,
    /// Status; 0 when there was no answer.
    pub status: u16,
    /// Header fields in their order.
    pub headers: Vec<(String, String)>,
    /// Body as far as it came.
    #[cfg_attr(feature = "typescript", ts(type = "Uint8Array"))]
    #[serde(with = "bytes")]
    pub body: Vec<u8>,
    /// Why there is no answer, or not all of it: `connection refused`.
    pub error: Option<String>,
    /// When it began.
    pub started_ms: f64,
    /// When it was complete.
    pub ended_ms: f64,
}

/// How the way to the real network stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct UplinkView {
    /// How far it is open.
    pub state: UplinkState,
    /// The relay's address, as it was given.
    pub relay: String,
    /// Why there is no relay, while it is lost.
    pub error: Option<String>,
    /// Version of the Wisp protocol, 1 or 2; 0 while there is no relay.
    pub version: u8,
    /// Whether the relay says when a connection is really open.
    pub confirms: bool,
    /// Whether it publishes ports, resolves names and pings.
    pub extended: bool,
    /// The relay's message for the person.
    pub message: Option<String>,
    /// Streams under way.
    pub streams: u32,
    /// Ports of boards that are, or shall be, reached from outside.
    pub ports: Vec<PublishedPortView>,
}

/// How far the way to the real network is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub enum UplinkState {
    /// The lab has its built-in internet.
    Off,
    /// The WebSocket is being opened.
    Connecting,
    /// The relay is being greeted.
    Greeting,
    /// What is not of the lab is real.
    Up,
    /// The relay is out of reach for now.
    Lost,
}

/// A port of a board that shall be reached from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct PublishedPortView {
    /// The board's name.
    pub board: String,
    /// Transport.
    pub protocol: Protocol,
    /// The board's port.
    pub port: u16,
    /// Where it is reached, `127.0.0.1:8080`, once it is.
    pub address: Option<String>,
    /// Why it is not.
    pub error: Option<String>,
}

/// A file in a board's flash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct FileView {
    /// Its name.
    pub name: String,
    /// Its content.
    #[cfg_attr(feature = "typescript", ts(type = "Uint8Array"))]
    #[serde(with = "bytes")]
    pub bytes: Vec<u8>,
}

/// Serialises bytes as bytes, which become a `Uint8Array` in JavaScript.
pub(crate) mod bytes {
    use serde::Serializer;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }
}
