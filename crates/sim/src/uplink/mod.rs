//! The lab's way to the real network: a Wisp client without I/O.
//!
//! Whoever owns a WebSocket to a relay (the page, the command line) tells [`Simulation`](crate::Simulation) when it is open,
//! what it receives and when it is gone, and sends the messages that the simulation gives. Inside, the
//! [`Gateway`](lan::world::Gateway) ends the lab's connections; here they become Wisp streams.
//!
//! The client speaks version 2 and falls back to version 1 when the server does; of the abilities that a server announces
//! it uses open confirmation, UDP, and this project's extension (`relay_protocol::ext`). What is missing is done without, and
//! said in the log: a connection that nobody confirms is marked as assumed, a half close becomes an end after
//! [`LINGER`], ping and publishing are refused, names are asked of the router's configured name servers.
//!
//! Everything that is refused, reset or assumed is a record of kind `uplink` on the host `internet`.
//!
//! What comes through a relay is not part of a recorded lab: running it again reaches the built-in internet. Nor does a
//! relay obey the virtual clock, so whoever has one runs in real time.
//!
//! Reading order: the types below, `outgoing` (what the lab wants), `incoming` (what the relay says), `stand_in`.

mod incoming;
mod outgoing;
mod stand_in;

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use lan::Lan;
use lan::world::{FlowId, Gateway, InquiryId, PortForward, Resolution};
use relay_protocol::ext::{ExtPacket, SERVER_STREAMS_FROM};
use relay_protocol::{CloseReason, Packet, StreamId, StreamType};
use trace::{Duration, Endpoint, Instant, Kind, Protocol, RecordId, Trace, UplinkEvent};

use crate::simulation::Station;
use crate::view::{PublishedPortView, UplinkState, UplinkView};
use crate::world::World;
use stand_in::StandIns;

/// How long a far side may go on sending after a board's FIN, where the server knows no half close.
pub(crate) const LINGER: Duration = Duration::from_secs(2);
/// How long an association of datagrams is kept without any (RFC 4787, REQ-5).
const TALK_IDLE_MAX: Duration = Duration::from_secs(120);
/// Associations of datagrams at a time; the one idle for longest gives way.
const TALKS_MAX: usize = 64;
/// Messages that may wait for the WebSocket before datagrams are lost.
const DATAGRAMS_WAITING_MAX: usize = 256;
/// Bytes that may wait for a board on one connection. Only a server without windows reaches it: a page cannot refuse a
/// WebSocket's messages, so the connection is reset.
const BACKLOG_MAX: usize = 4 * 1024 * 1024;
/// First of the ids that a client may choose.
const STREAMS_FROM: u32 = 1;

/// A port of a board that shall be reached from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The board's name.
    pub board: String,
    /// Transport.
    pub protocol: Protocol,
    /// The board's port, and the one asked for outside.
    pub port: u16,
}

/// The way to the real network of one simulation.
#[derive(Debug, Default)]
pub(crate) struct Uplink {
    state: State,
    /// The relay in words: its address.
    relay: String,
    password: Option<String>,
    abilities: Abilities,
    motd: Option<String>,
    /// Messages for the WebSocket, oldest first.
    out: VecDeque<Bytes>,
    streams: BTreeMap<StreamId, Stream>,
    flows: BTreeMap<FlowId, StreamId>,
    /// Associations of datagrams, by their ends in the lab: host, then remote.
    talks: BTreeMap<(Endpoint, Endpoint), StreamId>,
    /// Credit with which every TCP stream starts.
    credit: u32,
    next_stream: u32,
    /// The stream whose data was sent last.
    turn: StreamId,
    ports: Vec<Port>,
    /// The relay's own words about streams whose `Close` follows.
    reasons: BTreeMap<StreamId, String>,
    stand_ins: StandIns,
}

/// How far the way is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    /// The lab has its built-in internet.
    #[default]
    Off,
    /// A relay is wanted, and the edge opens the WebSocket.
    Connecting,
    /// The WebSocket is open, and the server has not said anything.
    Greeting,
    /// The handshake of version 2 waits for the server's credit.
    Greeted,
    /// Streams can be opened.
    Up,
    /// The relay went away, and the edge tries again.
    Lost(String),
}

/// What the server can do.
#[derive(Clone, Copy, Debug, Default)]
struct Abilities {
    version: u8,
    confirms: bool,
    udp: bool,
    /// Version of this project's extension; 0 for none.
    extension: u8,
}

/// A stream, or another thing that has a stream's number.
#[derive(Debug)]
enum Stream {
    Tcp(Connection),
    Udp {
        host: Endpoint,
        remote: Endpoint,
        last: Instant,
    },
    /// A published port, by its place in the list.
    Published(usize),
    Resolve {
        inquiry: InquiryId,
        name: String,
    },
    Echo {
        inquiry: InquiryId,
        to: Ipv4Addr,
    },
}

#[derive(Debug)]
struct Connection {
    flow: FlowId,
    /// What the records say about it: `93.184.216.34:80`.
    peer: String,
    /// Whether the host's SYN still waits for the far side's word.
    is_opening: bool,
    /// Whether the lab has sent something that is not read yet.
    is_readable: bool,
    /// `Data` packets that may be sent.
    credit: u32,
    /// Bytes taken by the lab for which the server has no window yet.
    owed: u32,
    /// When to give up a far side that does not end after the host's FIN.
    linger_until: Option<Instant>,
    /// The record that later ones follow from.
    cause: Option<RecordId>,
}

#[derive(Debug)]
struct Port {
    wanted: Publication,
    state: PortState,
}

#[derive(Debug)]
enum PortState {
    /// No relay to ask.
    Waiting,
    /// Asked for; whether any port of the relay will do.
    Asked {
        any: bool,
    },
    Open {
        stream: StreamId,
        address: SocketAddr,
    },
    Refused(String),
}

/// What the uplink works on.
pub(crate) struct Reach<'a> {
    pub(crate) now: Instant,
    pub(crate) trace: &'a Trace,
    pub(crate) lan: &'a mut Lan,
    pub(crate) world: &'a World,
    pub(crate) stations: &'a [Station],
}

impl Reach<'_> {
    /// Does something with the gateway, if it is open.
    fn gateway<T>(&mut self, act: impl FnOnce(&mut Gateway, Instant) -> T) -> Option<T> {
        let now = self.now;
        self.world.gateway(self.lan).map(|gateway| act(gateway, now))
    }

    fn record(&self, event: UplinkEvent, text: impl Into<String>) -> RecordId {
        self.trace.record(self.now, self.world.gateway_host(), Kind::Uplink { event, text: text.into() })
    }
}

// ---- the edge's side ----

impl Uplink {
    /// Whether the lab has left its built-in internet.
    pub(crate) fn is_on(&self) -> bool {
        self.state != State::Off
    }

    /// The edge begins to open the WebSocket.
    pub(crate) fn connecting(&mut self, reach: &mut Reach<'_>, relay: &str) {
        self.begin(reach, relay);
        self.state = State::Connecting;
    }

    /// The WebSocket is open.
    pub(crate) fn connected(&mut self, reach: &mut Reach<'_>, relay: &str, password: Option<&str>) {
        self.begin(reach, relay);
        self.password = password.map(str::to_owned);
        self.state = State::Greeting;
    }

    /// The WebSocket is gone, or could not be opened; the edge will try again.
    pub(crate) fn lost(&mut self, reach: &mut Reach<'_>, relay: &str, why: &str) {
        let was_up = self.state == State::Up;
        self.begin(reach, relay);
        if was_up || !matches!(&self.state, State::Lost(before) if before == why) {
            reach.record(UplinkEvent::Lost, format!("the relay {relay} is out of reach: {why}"));
        }
        self.state = State::Lost(why.to_owned());
    }

    /// Nothing of an earlier relay is left, and nothing reaches the built-in internet by mistake.
    fn begin(&mut self, reach: &mut Reach<'_>, relay: &str) {
        reach.world.open_gateway(reach.lan, reach.now);
        self.drop_everything(reach);
        self.relay = relay.to_owned();
    }

    /// The person gives the relay up: the built-in internet is back.
    pub(crate) fn left(&mut self, reach: &mut Reach<'_>) {
        if !self.is_on() {
            return;
        }
        self.drop_everything(reach);
        reach.world.close_gateway(reach.lan);
        reach.record(UplinkEvent::Left, "the lab has its built-in internet again");
        self.state = State::Off;
    }

    /// The next message for the WebSocket.
    pub(crate) fn take(&mut self, reach: &mut Reach<'_>) -> Option<Bytes> {
        if self.out.is_empty() {
            self.send_data(reach);
        }
        self.out.pop_front()
    }

    /// When [`Uplink::pump`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let lingering = self.streams.values().filter_map(|stream| match stream {
            Stream::Tcp(connection) => connection.linger_until,
            _ => None,
        });
        lingering.min()
    }

    /// What a page and a command line show.
    pub(crate) fn view(&self) -> UplinkView {
        let (state, error) = match &self.state {
            State::Off => (UplinkState::Off, None),
            State::Connecting => (UplinkState::Connecting, None),
            State::Greeting | State::Greeted => (UplinkState::Greeting, None),
            State::Up => (UplinkState::Up, None),
            State::Lost(why) => (UplinkState::Lost, Some(why.clone())),
        };
        let is_up = state == UplinkState::Up;
        UplinkView {
            state,
            relay: self.relay.clone(),
            error,
            version: if is_up { self.abilities.version } else { 0 },
            confirms: is_up && self.abilities.confirms,
            extended: is_up && self.abilities.extension > 0,
            message: self.motd.clone().filter(|_| is_up),
            streams: u32::try_from(self.streams.len()).unwrap_or(u32::MAX),
            ports: self.ports.iter().map(Port::view).collect(),
        }
    }

    /// Ends what goes through the relay, as the lab sees it when a gateway loses its memory: connections are reset, and
    /// what waits for an answer gets none.
    fn drop_everything(&mut self, reach: &mut Reach<'_>) {
        for (_, stream) in std::mem::take(&mut self.streams) {
            match stream {
                Stream::Tcp(connection) => {
                    let text = format!("the relay is gone, and with it the connection to {}", connection.peer);
                    let _scope = reach.trace.enter(Some(reach.record(UplinkEvent::Reset, text)));
                    reach.gateway(|gateway, now| match connection.is_opening {
                        true => gateway.refuse(now, connection.flow, true),
                        false => gateway.reset(now, connection.flow),
                    });
                }
                Stream::Resolve { inquiry, .. } => {
                    reach.gateway(|gateway, now| gateway.answer(now, inquiry, Resolution::Failed));
                }
                Stream::Echo { inquiry, .. } => drop(reach.gateway(|gateway, _| gateway.forget_inquiry(inquiry))),
                Stream::Udp { .. } | Stream::Published(_) => {}
            }
        }
        for index in 0..self.ports.len() {
            self.close_port(reach, index);
            self.ports[index].state = PortState::Waiting;
        }
        self.flows.clear();
        self.talks.clear();
        self.out.clear();
        self.reasons.clear();
        self.abilities = Abilities::default();
        self.motd = None;
        self.next_stream = STREAMS_FROM;
    }

    fn send(&mut self, packet: &Packet) {
        self.out.push_back(packet.encode());
    }

    fn send_ext(&mut self, stream: StreamId, packet: ExtPacket) {
        self.send(&Packet::Ext { stream, packet });
    }

    fn close_stream(&mut self, stream: StreamId, reason: CloseReason) {
        self.send(&Packet::Close { stream, reason });
    }

    fn new_stream(&mut self, stream: Stream) -> StreamId {
        let mut id = StreamId(self.next_stream);
        while self.streams.contains_key(&id) {
            id = StreamId(after(id.0));
        }
        self.next_stream = after(id.0);
        self.streams.insert(id, stream);
        id
    }

    /// Forgets a stream and what leads to it.
    fn forget(&mut self, id: StreamId) -> Option<Stream> {
        let stream = self.streams.remove(&id)?;
        match &stream {
            Stream::Tcp(connection) => drop(self.flows.remove(&connection.flow)),
            Stream::Udp { host, remote, .. } => drop(self.talks.remove(&(*host, *remote))),
            _ => {}
        }
        Some(stream)
    }
}

// ---- published ports ----

impl Uplink {
    /// Asks for a port to be published, now or as soon as there is a relay.
    pub(crate) fn publish(&mut self, wanted: Publication) {
        if self.ports.iter().any(|port| port.wanted == wanted) {
            return;
        }
        self.ports.push(Port { wanted, state: PortState::Waiting });
        if self.state == State::Up {
            self.ask_for_port(self.ports.len() - 1, false);
        }
    }

    /// Closes a published port.
    pub(crate) fn unpublish(&mut self, reach: &mut Reach<'_>, wanted: &Publication) {
        let Some(index) = self.ports.iter().position(|port| port.wanted == *wanted) else { return };
        let of_port = |stream: &Stream| matches!(stream, Stream::Published(of) if *of == index);
        let stream = self.streams.iter().find(|(_, stream)| of_port(stream)).map(|(id, _)| *id);
        if let Some(stream) = stream {
            self.close_stream(stream, CloseReason::Voluntary);
            self.forget(stream);
        }
        self.close_port(reach, index);
        self.ports.remove(index);
        for stream in self.streams.values_mut() {
            if let Stream::Published(of) = stream
                && *of > index
            {
                *of -= 1;
            }
        }
    }

    fn ask_for_ports(&mut self) {
        for index in 0..self.ports.len() {
            self.ask_for_port(index, false);
        }
    }

    fn ask_for_port(&mut self, index: usize, any: bool) {
        let Some(Port { wanted, .. }) = self.ports.get(index) else { return };
        let (kind, port) = (stream_type(wanted.protocol), if any { 0 } else { wanted.port });
        self.ports[index].state = if self.abilities.extension == 0 {
            PortState::Refused("this relay does not publish ports".into())
        } else {
            let stream = self.new_stream(Stream::Published(index));
            self.send_ext(stream, ExtPacket::Publish { kind, port });
            PortState::Asked { any }
        };
    }

    fn close_port(&mut self, reach: &mut Reach<'_>, index: usize) {
        let Some(Port { wanted, state: PortState::Open { address, .. } }) = self.ports.get(index) else { return };
        reach.world.clear_forward(reach.lan, wanted.protocol, address.port());
        reach.record(UplinkEvent::Unpublished, format!("{} is no longer reached at {address}", wanted.in_words()));
    }

    /// Points the router's forward at the board, wherever it is now. `None` if the board has no address.
    fn forward(&self, reach: &mut Reach<'_>, index: usize) -> Option<Endpoint> {
        let Port { wanted, state: PortState::Open { address, .. } } = self.ports.get(index)? else { return None };
        let to = reach.stations.iter().find(|station| station.lab.name == wanted.board)?.ip()?;
        let forward = PortForward { protocol: wanted.protocol, port: address.port(), to, to_port: wanted.port };
        reach.world.set_forward(reach.lan, forward);
        Some(Endpoint { ip: reach.world.wan_ip(), port: address.port() })
    }
}

impl Publication {
    fn in_words(&self) -> String {
        let protocol = match self.protocol {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
        };
        format!("{protocol} port {} of {}", self.port, self.board)
    }
}

impl Port {
    fn view(&self) -> PublishedPortView {
        let (address, error) = match &self.state {
            PortState::Waiting | PortState::Asked { .. } => (None, None),
            PortState::Open { address, .. } => (Some(address.to_string()), None),
            PortState::Refused(why) => (None, Some(why.clone())),
        };
        let Publication { board, protocol, port } = self.wanted.clone();
        PublishedPortView { board, protocol, port, address, error }
    }
}

/// The next id that a client may choose.
fn after(id: u32) -> u32 {
    if id + 1 < SERVER_STREAMS_FROM { id + 1 } else { STREAMS_FROM }
}

fn stream_type(protocol: Protocol) -> StreamType {
    match protocol {
        Protocol::Tcp => StreamType::Tcp,
        Protocol::Udp => StreamType::Udp,
    }
}

/// Why a stream ended, in words.
fn in_words(reason: CloseReason) -> String {
    match reason {
        CloseReason::Unknown => "the relay gives no reason".into(),
        CloseReason::Voluntary => "the far side closed it".into(),
        CloseReason::NetworkError => "the network failed or the far side reset it".into(),
        CloseReason::IncompatibleExtensions => "relay and lab do not fit together".into(),
        CloseReason::InvalidInfo => "the relay does not take the address or port".into(),
        CloseReason::Unreachable => "the far side is out of reach".into(),
        CloseReason::TimedOut => "the far side did not answer in time".into(),
        CloseReason::Refused => "the far side refused it".into(),
        CloseReason::DataTimedOut => "the far side did not take the data in time".into(),
        CloseReason::Blocked => "the relay's policy forbids it".into(),
        CloseReason::Throttled => "the relay's limit is reached".into(),
        CloseReason::ClientError => "the lab gave it up".into(),
        CloseReason::WrongPassword => "the pairing code is wrong".into(),
        CloseReason::AuthenticationRequired => "the relay asks for a pairing code".into(),
        CloseReason::Other(number) => format!("reason 0x{number:02x}"),
    }
}
