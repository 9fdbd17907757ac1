//! A client's connection: what it sends, what it waits for, and what the program is told.
//!
//! As in the firmware one packet is on its way at a time. The next one leaves when the one before it is done: when TCP has
//! carried a message of quality 0, or when the broker has answered. A clock of one second gives up what is not answered and
//! sends signs of life.
//!
//! Left out: the repetition of a packet whose answer is late, which the firmware makes with a new packet, and storing more
//! of a session than the broker does.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::BytesMut;
use lua::piccolo::{self, Context, Value};
use lua::{Stashed, StashedFunction, fetch};
use mqttbytes::Error;
use mqttbytes::v4::{
    Connect, ConnectReturnCode, Disconnect, LastWill, Login, Packet, PingReq, PingResp, PubAck, PubComp, PubRec,
    PubRel, read,
};
use trace::Duration;

use super::SessionId;
use crate::alarm::AlarmId;
use crate::callback::Callback;
use crate::chip::Chip;
use crate::modules::client::{self, ClientEvent, ClientId, Ending};

/// Reasons for the failure callback (mqtt manual).
pub(super) const SERVER_NOT_FOUND: i64 = -5;
pub(super) const NOT_A_CONNACK: i64 = -4;
pub(super) const NO_ADDRESS: i64 = -3;
pub(super) const TIMEOUT_RECEIVING: i64 = -2;
pub(super) const TIMEOUT_SENDING: i64 = -1;

/// How long an answer may take (`MQTT_SEND_TIMEOUT`).
const ANSWER_SECS: u32 = 5;
/// Bytes of the longest packet sent (`MQTT_BUF_SIZE`).
const PACKET_BYTES_MAX: usize = 1460;
const SECOND: Duration = Duration::from_secs(1);

const PUBLISH: u8 = 3;

/// What `mqtt.Client()` and `lwt` have set.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) client_id: String,
    pub(super) keep_alive_secs: u16,
    pub(super) login: Option<(String, String)>,
    pub(super) clean_session: bool,
    /// Of a whole packet that comes in.
    pub(super) message_bytes_max: usize,
    pub(super) will: Option<LastWill>,
}

/// The events a program can have a function for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Connect,
    Failed,
    Offline,
    Message,
    Overflow,
    PubAck,
    SubAck,
    UnsubAck,
}

impl Slot {
    /// In the order of their numbers: `on` knows them by these names, and so does the trace.
    const NAMES: [&'static str; 8] =
        ["connect", "connfail", "offline", "message", "overflow", "puback", "suback", "unsuback"];
    const ALL: [Slot; 8] = [
        Slot::Connect,
        Slot::Failed,
        Slot::Offline,
        Slot::Message,
        Slot::Overflow,
        Slot::PubAck,
        Slot::SubAck,
        Slot::UnsubAck,
    ];

    pub(super) fn from_name(name: &[u8]) -> Option<Slot> {
        let index = Slot::NAMES.iter().position(|known| known.as_bytes() == name)?;
        Some(Slot::ALL[index])
    }

    fn event(self) -> String {
        format!("mqtt.{}", Slot::NAMES[self as usize])
    }
}

/// What ends the sending of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// That TCP has carried it; a published message is then reported.
    Carriage {
        is_published: bool,
    },
    PubAck(u16),
    PubRec(u16),
    PubRel(u16),
    PubComp(u16),
    SubAck(u16),
    UnsubAck(u16),
}

/// Writes a packet.
pub(super) type Writer = Box<dyn FnOnce(&mut BytesMut) -> Result<usize, Error>>;

/// A packet to be sent.
#[derive(Debug)]
pub(super) struct Message {
    bytes: Vec<u8>,
    waits: Waits,
}

impl Message {
    /// `None` when the packet is longer than the firmware's buffer.
    pub(super) fn new(waits: Waits, write: Writer) -> Option<Message> {
        let bytes = written(write).filter(|bytes| bytes.len() <= PACKET_BYTES_MAX)?;
        Some(Message { bytes, waits })
    }
}

fn written(write: impl FnOnce(&mut BytesMut) -> Result<usize, Error>) -> Option<Vec<u8>> {
    let mut buffer = BytesMut::new();
    write(&mut buffer).ok()?;
    Some(buffer.to_vec())
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// No connection, or none yet.
    #[default]
    Away,
    /// The greeting is on its way.
    Greeting,
    /// The greeting was carried; the broker has not answered.
    Greeted,
    /// The broker has accepted the client.
    Accepted,
}

/// A client.
pub(super) struct Session {
    pub(super) settings: Settings,
    /// Keeps the userdata alive while there is a connection.
    anchor: Option<Stashed>,
    handlers: [Option<StashedFunction>; 8],
    link: Option<ClientId>,
    phase: Phase,
    queue: VecDeque<Message>,
    /// Whether the first of the queue was sent.
    is_sent: bool,
    /// Seconds left for an answer; 0 when none is awaited.
    patience_secs: u32,
    /// Since the last packet sent.
    idle_secs: u32,
    ping_is_unanswered: bool,
    packet_id: u16,
    incoming: BytesMut,
    /// Bytes of a message that was too long.
    skipped: usize,
    clock: Option<AlarmId>,
}

impl Session {
    pub(super) fn new(settings: Settings) -> Session {
        Session {
            settings,
            anchor: None,
            handlers: [const { None }; 8],
            link: None,
            phase: Phase::Away,
            queue: VecDeque::new(),
            is_sent: false,
            patience_secs: 0,
            idle_secs: 0,
            ping_is_unanswered: false,
            packet_id: 0,
            incoming: BytesMut::new(),
            skipped: 0,
            clock: None,
        }
    }

    /// Whether there is a connection to the broker, accepted or not: what the firmware calls connected.
    pub(super) fn is_connected(&self) -> bool {
        self.phase != Phase::Away
    }

    pub(super) fn set_handler(&mut self, slot: Slot, function: StashedFunction) {
        self.handlers[slot as usize] = Some(function);
    }

    /// A number for a packet that will be answered; never 0.
    pub(super) fn next_packet_id(&mut self) -> u16 {
        self.packet_id = self.packet_id.checked_add(1).unwrap_or(1);
        self.packet_id
    }

    fn greeting(&self) -> Option<Vec<u8>> {
        let mut connect = Connect::new(self.settings.client_id.clone());
        connect.keep_alive = self.settings.keep_alive_secs;
        connect.clean_session = self.settings.clean_session;
        connect.last_will = self.settings.will.clone();
        connect.login = self.settings.login.clone().map(|(user, password)| Login::new(user, password));
        written(|buffer| connect.write(buffer))
    }

    /// Takes the first of the queue away if it waits for `answer`.
    fn answered(&mut self, answer: Waits) -> bool {
        let is_awaited = self.is_sent && self.queue.front().is_some_and(|message| message.waits == answer);
        if is_awaited {
            self.drop_first();
        }
        is_awaited
    }

    fn drop_first(&mut self) {
        self.queue.pop_front();
        self.is_sent = false;
        self.patience_secs = 0;
    }

    /// The next thing in what has come in.
    fn next_incoming(&mut self) -> Incoming {
        let skipped = self.skipped.min(self.incoming.len());
        let _ = self.incoming.split_to(skipped);
        self.skipped -= skipped;
        let Some(length) = packet_length(&self.incoming) else { return Incoming::Nothing };
        if length > self.settings.message_bytes_max && self.incoming[0] >> 4 == PUBLISH {
            return self.overflow(length);
        }
        if self.incoming.len() < length {
            return Incoming::Nothing;
        }
        read(&mut self.incoming, usize::MAX).map_or(Incoming::Malformed, Incoming::Packet)
    }

    /// A message that is too long: as much of it as has come in.
    fn overflow(&mut self, length: usize) -> Incoming {
        let available = self.incoming.len().min(length);
        let quality = self.incoming[0] >> 1 & 3;
        let body = &self.incoming[header_length(length)..available];
        let Some((topic, rest)) = body
            .split_first_chunk()
            .and_then(|(length, rest)| rest.split_at_checked(usize::from(u16::from_be_bytes(*length))))
        else {
            return Incoming::Nothing;
        };
        let (packet_id, payload) = match (quality, rest.split_first_chunk()) {
            (0, _) => (0, rest),
            (_, Some((id, payload))) => (u16::from_be_bytes(*id), payload),
            (_, None) => return Incoming::Nothing,
        };
        let overflow = Incoming::Overflow { topic: topic.to_vec(), payload: payload.to_vec(), quality, packet_id };
        let _ = self.incoming.split_to(available);
        self.skipped = length - available;
        overflow
    }
}

/// What has come in.
enum Incoming {
    /// Nothing whole.
    Nothing,
    Packet(Packet),
    Overflow {
        topic: Vec<u8>,
        payload: Vec<u8>,
        quality: u8,
        packet_id: u16,
    },
    Malformed,
}

/// Bytes of the packet that begins here (MQTT 3.1.1, section 2.2.3), as soon as its header says so.
fn packet_length(bytes: &[u8]) -> Option<usize> {
    let mut rest = 0;
    for (index, byte) in bytes.iter().skip(1).take(4).enumerate() {
        rest |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some(rest + index + 2);
        }
    }
    // A length of more than four bytes is none; `read` will say so.
    (bytes.len() > 4).then_some(5)
}

/// Bytes of the fixed header of a packet of `length` bytes.
fn header_length(length: usize) -> usize {
    2 + [128 + 2, 16_384 + 3, 2_097_152 + 4].iter().filter(|limit| length >= **limit).count()
}

// ---- what the program does ----

/// Starts connecting; what was connecting before is given up.
pub(super) fn connect(chip: &Chip, id: SessionId, anchor: Stashed, host: &[u8], port: u16) {
    let before = with(chip, id, |session| {
        session.anchor = Some(anchor);
        session.link.take()
    });
    if let Some(Some(link)) = before {
        client::close(chip, link);
    }
    let handler: client::Handler = Rc::new(move |chip, link, event| on_event(chip, id, link, event));
    let link = client::open(chip, host, port, handler);
    with(chip, id, |session| session.link = Some(link));
}

/// Says goodbye; no callback follows. Returns whether there was a connection.
pub(super) fn close(chip: &Chip, id: SessionId) -> bool {
    let was_connected = with(chip, id, |session| session.is_connected()).unwrap_or(false);
    let link = end(chip, id);
    if let Some(link) = link {
        if let Some(goodbye) = written(|buffer| Disconnect.write(buffer)).filter(|_| was_connected) {
            client::send(chip, link, &goodbye);
        }
        client::close(chip, link);
    }
    with(chip, id, |session| {
        session.queue.clear();
        session.anchor = None;
    });
    was_connected
}

/// Queues a packet and sends it if nothing else is on its way.
pub(super) fn enqueue(chip: &Chip, id: SessionId, message: Message) {
    with(chip, id, |session| session.queue.push_back(message));
    send_next(chip, id);
}

/// The userdata was collected: its connection, if there is one, ends without a word.
pub(super) fn forget(chip: &Chip, id: SessionId) {
    if let Some(link) = end(chip, id) {
        client::close(chip, link);
    }
    chip.modules.mqtt.borrow_mut().sessions.remove(&id);
}

// ---- what happens ----

fn with<R>(chip: &Chip, id: SessionId, work: impl FnOnce(&mut Session) -> R) -> Option<R> {
    chip.modules.mqtt.borrow_mut().sessions.get_mut(&id).map(work)
}

/// Enqueues the program's function for `slot`, called with the client and `more`.
fn tell(chip: &Chip, id: SessionId, slot: Slot, more: impl for<'gc> FnOnce(Context<'gc>) -> Vec<Value<'gc>> + 'static) {
    let registered = with(chip, id, |session| session.handlers[slot as usize].clone().zip(session.anchor.clone()));
    let Some(Some((function, anchor))) = registered else { return };
    let callback = Callback::new(chip, slot.event(), function, move |ctx| {
        std::iter::once(fetch(ctx, &anchor)).chain(more(ctx)).collect()
    });
    chip.enqueue(callback.unprotected());
}

fn on_event(chip: &Chip, id: SessionId, link: ClientId, event: ClientEvent) {
    if with(chip, id, |session| session.link == Some(link)) != Some(true) {
        return;
    }
    match event {
        ClientEvent::Connected => greet(chip, id, link),
        ClientEvent::Data(data) => received(chip, id, &data),
        ClientEvent::Drained => carried(chip, id),
        ClientEvent::Closed(ending) => closed(chip, id, ending),
    }
}

fn greet(chip: &Chip, id: SessionId, link: ClientId) {
    let greeting = with(chip, id, |session| {
        session.phase = Phase::Greeting;
        session.patience_secs = ANSWER_SECS;
        session.idle_secs = 0;
        session.greeting()
    });
    if let Some(Some(greeting)) = greeting {
        client::send(chip, link, &greeting);
    }
    wind_clock(chip, id);
}

/// TCP has carried everything.
fn carried(chip: &Chip, id: SessionId) {
    let is_published = with(chip, id, |session| {
        session.idle_secs = 0;
        if session.phase == Phase::Greeting {
            session.phase = Phase::Greeted;
            session.patience_secs = ANSWER_SECS;
        }
        [true, false].into_iter().find(|is_published| session.answered(Waits::Carriage { is_published: *is_published }))
    });
    if let Some(Some(is_published)) = is_published {
        if is_published {
            tell(chip, id, Slot::PubAck, |_| Vec::new());
        }
        send_next(chip, id);
    }
}

fn received(chip: &Chip, id: SessionId, data: &[u8]) {
    with(chip, id, |session| session.incoming.extend_from_slice(data));
    while with(chip, id, |session| session.is_connected()) == Some(true) {
        match with(chip, id, Session::next_incoming) {
            None | Some(Incoming::Nothing) => break,
            Some(Incoming::Packet(packet)) => packet_in(chip, id, packet),
            Some(Incoming::Overflow { topic, payload, quality, packet_id }) => {
                acknowledge(chip, id, quality, packet_id);
                deliver(chip, id, Slot::Overflow, topic, payload);
            }
            Some(Incoming::Malformed) => lost(chip, id, NOT_A_CONNACK),
        }
    }
    send_next(chip, id);
}

fn packet_in(chip: &Chip, id: SessionId, packet: Packet) {
    let phase = with(chip, id, |session| session.phase).unwrap_or_default();
    if phase != Phase::Accepted {
        return greeted(chip, id, &packet);
    }
    let answered = |answer| with(chip, id, |session| session.answered(answer)) == Some(true);
    match packet {
        Packet::Publish(message) => {
            acknowledge(chip, id, message.qos as u8, message.pkid);
            deliver(chip, id, Slot::Message, message.topic.into_bytes(), message.payload.to_vec());
        }
        Packet::PubAck(PubAck { pkid }) if answered(Waits::PubAck(pkid)) => {
            tell(chip, id, Slot::PubAck, |_| Vec::new())
        }
        Packet::PubRec(PubRec { pkid }) if answered(Waits::PubRec(pkid)) => {
            answer_first(chip, id, Waits::PubComp(pkid), Box::new(move |buffer| PubRel::new(pkid).write(buffer)));
        }
        Packet::PubComp(PubComp { pkid }) if answered(Waits::PubComp(pkid)) => {
            tell(chip, id, Slot::PubAck, |_| Vec::new());
        }
        Packet::PubRel(PubRel { pkid }) if answered(Waits::PubRel(pkid)) => {
            let write = Box::new(move |buffer: &mut BytesMut| PubComp::new(pkid).write(buffer));
            answer_first(chip, id, Waits::Carriage { is_published: false }, write);
        }
        Packet::SubAck(answer) if answered(Waits::SubAck(answer.pkid)) => tell(chip, id, Slot::SubAck, |_| Vec::new()),
        Packet::UnsubAck(answer) if answered(Waits::UnsubAck(answer.pkid)) => {
            tell(chip, id, Slot::UnsubAck, |_| Vec::new());
        }
        Packet::PingReq => {
            let write = Box::new(|buffer: &mut BytesMut| PingResp.write(buffer));
            answer_last(chip, id, Waits::Carriage { is_published: false }, write);
        }
        Packet::PingResp => drop(with(chip, id, |session| session.ping_is_unanswered = false)),
        _ => {}
    }
}

/// The broker's first packet decides.
fn greeted(chip: &Chip, id: SessionId, packet: &Packet) {
    match packet {
        Packet::ConnAck(answer) if answer.code == ConnectReturnCode::Success => {
            with(chip, id, |session| {
                session.phase = Phase::Accepted;
                session.patience_secs = 0;
                session.ping_is_unanswered = false;
            });
            tell(chip, id, Slot::Connect, |_| Vec::new());
        }
        Packet::ConnAck(answer) => fail(chip, id, answer.code as i64),
        _ => fail(chip, id, NOT_A_CONNACK),
    }
}

/// Acknowledges a message as its quality asks.
fn acknowledge(chip: &Chip, id: SessionId, quality: u8, packet_id: u16) {
    match quality {
        1 => {
            let write = Box::new(move |buffer: &mut BytesMut| PubAck::new(packet_id).write(buffer));
            answer_last(chip, id, Waits::Carriage { is_published: false }, write);
        }
        2 => {
            let write = Box::new(move |buffer: &mut BytesMut| PubRec::new(packet_id).write(buffer));
            answer_last(chip, id, Waits::PubRel(packet_id), write);
        }
        _ => {}
    }
}

/// Queues an answer behind everything else.
fn answer_last(chip: &Chip, id: SessionId, waits: Waits, write: Writer) {
    let message = Message::new(waits, write);
    with(chip, id, |session| session.queue.extend(message));
}

/// Queues an answer that goes on with the exchange that was first in the queue.
fn answer_first(chip: &Chip, id: SessionId, waits: Waits, write: Writer) {
    if let Some(message) = Message::new(waits, write) {
        with(chip, id, |session| session.queue.push_front(message));
    }
}

/// Gives a message to the program; without data when it is empty.
fn deliver(chip: &Chip, id: SessionId, slot: Slot, topic: Vec<u8>, payload: Vec<u8>) {
    tell(chip, id, slot, move |ctx| {
        let text = |bytes: &[u8]| Value::String(piccolo::String::from_slice(&ctx, bytes));
        let data = (!payload.is_empty()).then(|| text(&payload));
        std::iter::once(text(&topic)).chain(data).collect()
    });
}

/// Sends the first of the queue if the broker has accepted the client and nothing is on its way.
fn send_next(chip: &Chip, id: SessionId) {
    let next = with(chip, id, |session| {
        if session.phase != Phase::Accepted || session.is_sent {
            return None;
        }
        let bytes = session.queue.front()?.bytes.clone();
        session.is_sent = true;
        session.patience_secs = ANSWER_SECS;
        session.idle_secs = 0;
        Some((session.link?, bytes))
    });
    if let Some(Some((link, bytes))) = next {
        client::send(chip, link, &bytes);
    }
}

// ---- time ----

fn wind_clock(chip: &Chip, id: SessionId) {
    let clock = chip.after(SECOND, move |chip| second_passed(chip, id));
    with(chip, id, |session| session.clock = Some(clock));
}

/// What a second without news leads to.
enum Due {
    Nothing,
    SignOfLife,
    GiveUp(i64),
}

fn second_passed(chip: &Chip, id: SessionId) {
    let due = with(chip, id, |session| {
        session.clock = None;
        if session.patience_secs > 0 {
            session.patience_secs -= 1;
            return match session.phase {
                _ if session.patience_secs > 0 => Due::Nothing,
                Phase::Greeting => Due::GiveUp(TIMEOUT_SENDING),
                Phase::Greeted => Due::GiveUp(TIMEOUT_RECEIVING),
                // What was not answered is forgotten.
                Phase::Accepted | Phase::Away => {
                    session.drop_first();
                    Due::Nothing
                }
            };
        }
        session.idle_secs += 1;
        match session.idle_secs > u32::from(session.settings.keep_alive_secs) {
            false => Due::Nothing,
            true if session.ping_is_unanswered => Due::GiveUp(SERVER_NOT_FOUND),
            true => {
                session.ping_is_unanswered = true;
                Due::SignOfLife
            }
        }
    });
    match due {
        None => return,
        Some(Due::Nothing) => {}
        Some(Due::SignOfLife) => {
            let write = Box::new(|buffer: &mut BytesMut| PingReq.write(buffer));
            answer_last(chip, id, Waits::Carriage { is_published: false }, write);
        }
        Some(Due::GiveUp(reason)) => return lost(chip, id, reason),
    }
    send_next(chip, id);
    wind_clock(chip, id);
}

// ---- the end ----

/// Forgets the connection and everything that belongs to it alone. Returns it.
fn end(chip: &Chip, id: SessionId) -> Option<ClientId> {
    let (link, clock) = with(chip, id, |session| {
        session.phase = Phase::Away;
        session.is_sent = false;
        session.patience_secs = 0;
        session.ping_is_unanswered = false;
        session.incoming.clear();
        session.skipped = 0;
        (session.link.take(), session.clock.take())
    })?;
    if let Some(clock) = clock {
        chip.cancel(clock);
    }
    link
}

/// The connection is over, or never was.
fn closed(chip: &Chip, id: SessionId, ending: Ending) {
    let reason = match ending {
        Ending::NoAddress => NO_ADDRESS,
        Ending::Stack(_) => SERVER_NOT_FOUND,
    };
    match with(chip, id, |session| session.phase) {
        Some(Phase::Accepted) => offline(chip, id),
        _ => fail(chip, id, reason),
    }
}

/// Gives the connection up.
fn lost(chip: &Chip, id: SessionId, reason: i64) {
    match with(chip, id, |session| session.phase) {
        Some(Phase::Accepted) => offline(chip, id),
        _ => fail(chip, id, reason),
    }
}

fn offline(chip: &Chip, id: SessionId) {
    part(chip, id, Slot::Offline, |_| Vec::new());
}

fn fail(chip: &Chip, id: SessionId, reason: i64) {
    let dialect = chip.dialect();
    part(chip, id, Slot::Failed, move |_| vec![dialect.integer(reason)]);
}

/// Closes the connection without a goodbye and tells the program why.
fn part(chip: &Chip, id: SessionId, slot: Slot, more: impl for<'gc> FnOnce(Context<'gc>) -> Vec<Value<'gc>> + 'static) {
    tell(chip, id, slot, more);
    if let Some(link) = end(chip, id) {
        client::close(chip, link);
    }
    with(chip, id, |session| {
        session.queue.clear();
        session.anchor = None;
    });
}

#[cfg(test)]
mod tests {
    use mqttbytes::QoS;

    use super::*;

    fn session(message_bytes_max: usize) -> Session {
        let client_id = "me".to_owned();
        let settings = Settings {
            client_id,
            keep_alive_secs: 60,
            login: None,
            clean_session: true,
            message_bytes_max,
            will: None,
        };
        Session::new(settings)
    }

    #[test]
    fn lengths_have_up_to_four_bytes() {
        assert_eq!(packet_length(&[0x30]), None);
        assert_eq!(packet_length(&[0x30, 5]), Some(7));
        assert_eq!(packet_length(&[0x30, 0x80]), None);
        assert_eq!(packet_length(&[0x30, 0x80, 1]), Some(131));
        for length in [2, 129, 130, 131, 16_386, 16_387, 2_097_155, 2_097_156] {
            let mut bytes = BytesMut::new();
            let message = mqttbytes::v4::Publish::new("t", QoS::AtMostOnce, vec![0; length]);
            message.write(&mut bytes).unwrap();
            let total = packet_length(&bytes).unwrap();
            assert_eq!(total, bytes.len());
            assert_eq!(bytes[header_length(total)..][..3], [0, 1, b't'], "{length}");
        }
    }

    /// mqtt manual: a longer message goes in part to "overflow", the rest is discarded, and what follows is as usual.
    #[test]
    fn a_message_that_is_too_long_is_delivered_in_part_and_skipped() {
        let mut session = session(20);
        let mut bytes = BytesMut::new();
        mqttbytes::v4::Publish::new("topic", QoS::AtMostOnce, vec![b'x'; 30]).write(&mut bytes).unwrap();
        mqttbytes::v4::Publish::new("topic", QoS::AtMostOnce, vec![b'y'; 3]).write(&mut bytes).unwrap();
        let rest = bytes.split_off(15);
        session.incoming.extend_from_slice(&bytes);
        let Incoming::Overflow { topic, payload, quality: 0, .. } = session.next_incoming() else {
            panic!("no overflow")
        };
        assert_eq!((topic.as_slice(), payload.as_slice()), (&b"topic"[..], &b"xxxxxx"[..]));
        session.incoming.extend_from_slice(&rest);
        let Incoming::Packet(Packet::Publish(next)) = session.next_incoming() else { panic!("no message") };
        assert_eq!(&next.payload[..], b"yyy");
        assert!(matches!(session.next_incoming(), Incoming::Nothing));
    }
}
