//! `mqtt`: a client of brokers that speak MQTT 3.1.1 (mqtt manual; `app/modules/mqtt.c`).
//!
//! What a program calls is here; what happens on the connection is in [`session`]. The wire format is the crate
//! `mqttbytes`, as in the broker of the built-in internet.
//!
//! Left out: TLS (`ssl not available`, as in a build without it) and `autoreconnect`, which the manual asks not to use.

mod session;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use lua::native::{Answer, Call};
use lua::piccolo::Value;
use lua::{Error, Function, StashedFunction, Table, rom, stash};
use mqttbytes::QoS;
use mqttbytes::v4::{LastWill, Publish, Subscribe, SubscribeFilter, Unsubscribe};

use crate::chip::Chip;
use crate::module::{Member, Module, ObjectType, constant, function, position};
use session::{Message, Session, Settings, Slot, Waits};

const TYPE: &str = "mqtt.socket";

/// Keep-alive when none is given, in seconds (`MQTT_DEFAULT_KEEPALIVE`).
const KEEP_ALIVE_SECS: i64 = 60;

/// Longest message taken in when no other is given (`DEFAULT_MAX_MESSAGE_LENGTH`).
const MESSAGE_BYTES_MAX: i64 = 1024;

/// A broker's port when none is given.
const PORT: i64 = 1883;

const TOPIC: (&str, &str) = ("topic", "names separated by slashes");
const CALLBACK: (&str, &str) = ("callback", "called with the client when the broker has acknowledged it");

/// The module.
pub(crate) const MODULE: Module = Module {
    name: "mqtt",
    doc: "Messages by way of an MQTT broker.",
    members: &[
        function(
            "Client",
            "(clientid, [keepalive], [username], [password], [cleansession], [max_message_length]): client",
            client,
            "Makes a client; it is not connected yet.",
        )
        .parameters(&[
            ("clientid", "its name at the broker"),
            ("keepalive", "seconds of silence after which it sends a sign of life; 60 unless given"),
            ("username", "for the broker"),
            ("password", "for the broker"),
            ("cleansession", "0 to find subscriptions and messages again after a reconnect; 1 unless given"),
            ("max_message_length", "longer messages go to the handler of \"overflow\"; 1024 unless given"),
        ]),
        constant("CONN_FAIL_SERVER_NOT_FOUND", session::SERVER_NOT_FOUND, "No broker listens there."),
        constant("CONN_FAIL_NOT_A_CONNACK_MSG", session::NOT_A_CONNACK, "The answer was not that of a broker."),
        constant("CONN_FAIL_DNS", session::NO_ADDRESS, "The name has no address."),
        constant("CONN_FAIL_TIMEOUT_RECEIVING", session::TIMEOUT_RECEIVING, "The broker did not answer."),
        constant("CONN_FAIL_TIMEOUT_SENDING", session::TIMEOUT_SENDING, "The greeting was not acknowledged."),
        constant("CONNACK_ACCEPTED", 0, "The broker has accepted the client."),
        constant("CONNACK_REFUSED_PROTOCOL_VER", 1, "The broker does not speak version 3.1.1."),
        constant("CONNACK_REFUSED_ID_REJECTED", 2, "The broker does not take the client's name."),
        constant("CONNACK_REFUSED_SERVER_UNAVAILABLE", 3, "The broker is not available."),
        constant("CONNACK_REFUSED_BAD_USER_OR_PASS", 4, "User name or password is wrong."),
        constant("CONNACK_REFUSED_NOT_AUTHORIZED", 5, "The client may not connect."),
    ],
    types: &[ObjectType {
        name: TYPE,
        manual_name: "mqtt.client",
        doc: "A client from mqtt.Client().",
        methods: METHODS,
    }],
};

const METHODS: &[Member] = &[
    function("connect", "(host, [port], [secure], [callback], [failed]): success", connect, "Connects to a broker.")
        .parameters(&[
            ("host", "name or address"),
            ("port", "1883 unless given"),
            ("secure", "false; there is no TLS here"),
            ("callback", "called with the client when the broker has accepted it"),
            ("failed", "called with the client and the reason when it could not connect"),
        ]),
    function("close", "(): success", close, "Says goodbye to the broker and closes the connection."),
    function("publish", "(topic, payload, qos, retain, [callback]): success", publish, "Sends a message.").parameters(
        &[
            TOPIC,
            ("payload", "the message"),
            ("qos", "0, 1 or 2"),
            ("retain", "1 to have the broker keep it for later subscribers"),
            CALLBACK,
        ],
    ),
    function("subscribe", "(topic, qos, [callback]): success", subscribe, "Asks for the messages of topics.")
        .parameters(&[
            ("topic", "a filter, with + and #; or a table of filters and their qos"),
            ("qos", "0, 1 or 2"),
            CALLBACK,
        ]),
    function("unsubscribe", "(topic, [callback]): success", unsubscribe, "Takes subscriptions back.")
        .parameters(&[("topic", "a filter, or a table with filters as keys"), CALLBACK]),
    function("lwt", "(topic, message, [qos], [retain])", lwt, "What the broker publishes when the client is lost.")
        .parameters(&[TOPIC, ("message", "the last will"), ("qos", "0 unless given"), ("retain", "0 unless given")]),
    function("on", "(event, callback)", on, "Registers a handler.").parameters(&[
        ("event", "connect, connfail, offline, message, overflow, puback, suback or unsuback"),
        ("callback", "called with the client; message and overflow add topic and data"),
    ]),
];

/// Identifies a client while the board runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SessionId(u32);

/// What the module keeps.
#[derive(Default)]
pub(crate) struct State {
    sessions: BTreeMap<SessionId, Session>,
    next: u32,
    collected: Rc<RefCell<Vec<SessionId>>>,
}

/// What the userdata carries.
struct Handle {
    id: SessionId,
    collected: Rc<RefCell<Vec<SessionId>>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.collected.borrow_mut().push(self.id);
    }
}

/// Frees what the collected userdata held. To be called after Lua's collector ran.
pub(crate) fn collected(chip: &Chip) {
    let list = Rc::clone(&chip.modules.mqtt.borrow().collected);
    for id in list.take() {
        session::forget(chip, id);
    }
}

fn this<'gc>(call: &Call<'gc, '_>) -> Result<SessionId, Error<'gc>> {
    Ok(call.check_userdata::<Handle>(1, TYPE)?.id)
}

/// Reads or changes a client's state.
fn with<R>(chip: &Chip, id: SessionId, work: impl FnOnce(&mut Session) -> R) -> R {
    let mut state = chip.modules.mqtt.borrow_mut();
    work(state.sessions.get_mut(&id).expect("the state of a client outlives its userdata"))
}

/// `mqtt.Client(...)`: each argument counts when it has its type, and otherwise is the next one's.
fn client<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let mut next = 1;
    let text = |next: &mut usize| {
        let text = call.is_string(*next).then(|| call.to_string(call.arg(*next))).flatten()?;
        *next += 1;
        Some(String::from_utf8_lossy(text.as_bytes()).into_owned())
    };
    let number = |next: &mut usize, default: i64| {
        let number = call.is_number(*next).then(|| call.check_integer(*next)).transpose()?;
        *next += usize::from(number.is_some());
        Ok::<i64, Error<'gc>>(number.filter(|number| *number != 0).unwrap_or(default))
    };
    let client_id = text(&mut next).unwrap_or_else(|| format!("NodeMCU_{:x}", super::node::chip_number(chip)));
    let keep_alive_secs = number(&mut next, KEEP_ALIVE_SECS)?;
    let user = text(&mut next);
    let password = text(&mut next);
    let clean_session = match call.is_number(next) {
        true => call.check_integer(next)? != 0,
        false => true,
    };
    next += usize::from(call.is_number(next));
    let message_bytes_max = number(&mut next, MESSAGE_BYTES_MAX)?;
    let settings = Settings {
        client_id,
        keep_alive_secs: keep_alive_secs as u16,
        login: user.map(|user| (user, password.unwrap_or_default())),
        clean_session,
        message_bytes_max: message_bytes_max.max(0) as usize,
        will: None,
    };
    let mut state = chip.modules.mqtt.borrow_mut();
    let id = SessionId(state.next);
    state.next += 1;
    state.sessions.insert(id, Session::new(settings));
    let handle = Handle { id, collected: Rc::clone(&state.collected) };
    Ok(call.one(rom::object(call.ctx(), TYPE, handle)))
}

fn connect<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let id = this(&call)?;
    if with(chip, id, |session| session.is_connected()) {
        return Err(call.error("already connected"));
    }
    let host = call.check_string(2)?;
    let mut next = 3;
    let mut port = PORT;
    if call.is_number(next) {
        port = call.check_integer(next)?;
        next += 1;
    }
    let is_secure = match call.arg(next) {
        Value::Boolean(secure) => secure,
        _ => call.is_number(next) && call.check_integer(next)? != 0,
    };
    if is_secure {
        return Err(call.error("ssl not available"));
    }
    next += usize::from(matches!(call.arg(next), Value::Boolean(_)) || call.is_number(next));
    if call.is_number(next) {
        chip.hint("mqtt: autoreconnect is deprecated and does nothing here", position(&call));
        next += 1;
    }
    take_handler(chip, &call, id, Slot::Connect, next);
    take_handler(chip, &call, id, Slot::Failed, next + 1);
    let anchor = stash(call.ctx(), call.arg(1));
    session::connect(chip, id, anchor, host.as_bytes(), port as u16);
    // The manual promises a result; a chip gives none.
    Ok(if chip.is_chip() { call.none() } else { call.one(true) })
}

fn close<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let id = this(&call)?;
    Ok(call.one(session::close(chip, id)))
}

fn publish<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let id = check_connected(chip, &call)?;
    let topic = check_text(&call, 2)?;
    let payload = call.check_string(3)?.as_bytes().to_vec();
    let quality = check_quality(&call, 4)?;
    let retain = call.check_integer(5)? != 0;
    take_handler(chip, &call, id, Slot::PubAck, 6);
    let mut message = Publish::new(topic, quality, payload);
    message.retain = retain;
    send(chip, &call, id, |packet_id| {
        message.pkid = if quality == QoS::AtMostOnce { 0 } else { packet_id };
        let waits = match quality {
            QoS::AtMostOnce => Waits::Carriage { is_published: true },
            QoS::AtLeastOnce => Waits::PubAck(packet_id),
            QoS::ExactlyOnce => Waits::PubRec(packet_id),
        };
        (waits, Box::new(move |buffer| message.write(buffer)))
    })
}

fn subscribe<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let id = check_connected(chip, &call)?;
    let mut filters = Vec::new();
    let mut callback = 4;
    if let Some(table) = Table::from_value(call.arg(2)) {
        for (topic, quality) in table.pairs(&call.ctx()) {
            let topic = call.to_string(topic).ok_or_else(|| call.type_error(2, "string"))?;
            let quality = quality.to_integer().ok_or_else(|| call.type_error(2, "number"))?;
            filters.push(SubscribeFilter::new(text_of(topic.as_bytes()), quality_of(quality)));
        }
        if filters.is_empty() {
            return Err(call.error("no topics found"));
        }
        callback = 3;
    } else {
        filters.push(SubscribeFilter::new(check_text(&call, 2)?, check_quality(&call, 3)?));
    }
    take_handler(chip, &call, id, Slot::SubAck, callback);
    send(chip, &call, id, |packet_id| {
        let mut packet = Subscribe::new_many(filters);
        packet.pkid = packet_id;
        (Waits::SubAck(packet_id), Box::new(move |buffer| packet.write(buffer)))
    })
}

fn unsubscribe<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let id = check_connected(chip, &call)?;
    let mut topics = Vec::new();
    if let Some(table) = Table::from_value(call.arg(2)) {
        for (topic, _) in table.pairs(&call.ctx()) {
            let topic = call.to_string(topic).ok_or_else(|| call.type_error(2, "string"))?;
            topics.push(text_of(topic.as_bytes()));
        }
        if topics.is_empty() {
            return Err(call.error("no topics found"));
        }
    } else {
        topics.push(check_text(&call, 2)?);
    }
    take_handler(chip, &call, id, Slot::UnsubAck, 3);
    send(chip, &call, id, |packet_id| {
        let packet = Unsubscribe { pkid: packet_id, topics };
        (Waits::UnsubAck(packet_id), Box::new(move |buffer| packet.write(buffer)))
    })
}

fn lwt<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let id = this(&call)?;
    let topic = check_text(&call, 2)?;
    let message = call.check_string(3)?.as_bytes().to_vec();
    let quality = quality_of(call.opt_integer(4, 0)?);
    let retain = call.opt_integer(5, 0)? != 0;
    with(chip, id, |session| session.settings.will = Some(LastWill::new(topic, message, quality, retain)));
    Ok(call.none())
}

fn on<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let id = this(&call)?;
    let event = call.check_string(2)?;
    let function = StashedFunction::new(call.ctx(), call.check_function(3)?);
    let slot = Slot::from_name(event.as_bytes()).ok_or_else(|| call.error("method not supported"))?;
    with(chip, id, |session| session.set_handler(slot, function));
    Ok(call.none())
}

/// Queues one packet. Whether there was room for it.
fn send<'gc>(
    chip: &Chip,
    call: &Call<'gc, '_>,
    id: SessionId,
    packet: impl FnOnce(u16) -> (Waits, session::Writer),
) -> Answer<'gc> {
    let packet_id = with(chip, id, Session::next_packet_id);
    let (waits, write) = packet(packet_id);
    let message = Message::new(waits, write);
    if message.is_none() {
        chip.hint("mqtt: a packet that is sent has at most 1460 bytes; this one was not sent", position(call));
    }
    let is_sent = message.is_some();
    if let Some(message) = message {
        session::enqueue(chip, id, message);
    }
    Ok(call.one(is_sent))
}

fn check_connected<'gc>(chip: &Chip, call: &Call<'gc, '_>) -> Result<SessionId, Error<'gc>> {
    let id = this(call)?;
    let is_connected = with(chip, id, |session| session.is_connected());
    if is_connected { Ok(id) } else { Err(call.error("not connected")) }
}

fn take_handler(chip: &Chip, call: &Call<'_, '_>, id: SessionId, slot: Slot, index: usize) {
    if let Some(function) = Function::from_value(call.arg(index)) {
        let function = StashedFunction::new(call.ctx(), function);
        with(chip, id, |session| session.set_handler(slot, function));
    }
}

fn check_text<'gc>(call: &Call<'gc, '_>, index: usize) -> Result<String, Error<'gc>> {
    Ok(text_of(call.check_string(index)?.as_bytes()))
}

/// Names and topics are UTF-8 (MQTT 3.1.1, section 1.5.3).
fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn check_quality<'gc>(call: &Call<'gc, '_>, index: usize) -> Result<QoS, Error<'gc>> {
    Ok(quality_of(call.check_integer(index)?))
}

fn quality_of(number: i64) -> QoS {
    match number {
        i64::MIN..=0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}
