//! An MQTT broker (OASIS MQTT 3.1.1): retained messages, wildcards, wills, sessions that outlive a connection.
//!
//! It delivers with quality of service 0 and 1, and takes 2 from a publisher. The wire format is the crate `mqttbytes`
//! (MIT), which checks every length before it reads; `mqttrs` was ruled out because it panics on cut packets. Its topic
//! matching is not used: it cuts topics inside a character.
//!
//! Left out: authentication (every name and password is right), delivery with quality 2, TLS, version 5.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Bytes, BytesMut};
use mqttbytes::v4::{
    ConnAck, Connect, ConnectReturnCode, LastWill, Packet, PubAck, PubComp, PubRec, Publish, SubAck, Subscribe,
    SubscribeReasonCode, UnsubAck, Unsubscribe, read,
};
use mqttbytes::{Error, Protocol, QoS};
use trace::{Duration, Instant};

use super::service::{ConnectionId, Outbox, Peer, TcpService};

/// Longest packet taken.
const PACKET_LENGTH_MAX: usize = 64 * 1024;
/// Most topics with a retained message; a further one is not retained.
const RETAINED_MAX: usize = 1000;
/// Most messages kept for a session, unacknowledged or while its client is away; the oldest go first.
const QUEUED_MAX: usize = 100;
/// Most sessions kept for clients that are away; the first by name goes when there are more.
const SESSIONS_MAX: usize = 200;

/// A broker with all its clients.
#[derive(Debug, Default)]
pub(crate) struct Broker {
    connections: BTreeMap<ConnectionId, Connection>,
    /// By client name, connected or kept for its return.
    sessions: BTreeMap<String, Session>,
    retained: BTreeMap<String, (QoS, Bytes)>,
    /// For clients that leave the choice of a name to the broker.
    names_given: u32,
}

#[derive(Debug, Default)]
struct Connection {
    buffer: BytesMut,
    /// Set by CONNECT.
    client: Option<String>,
    will: Option<LastWill>,
    /// 1.5 times what the client promised (section 3.1.2.10).
    patience: Option<Duration>,
    heard: Instant,
    /// A DISCONNECT came: the will is void.
    said_goodbye: bool,
}

#[derive(Debug, Default)]
struct Session {
    connection: Option<ConnectionId>,
    is_kept: bool,
    /// By filter.
    subscriptions: BTreeMap<String, QoS>,
    last_packet_id: u16,
    /// Quality 1 and not acknowledged, or not yet sent.
    queued: Vec<Publish>,
    /// Quality 2 from the client, between PUBLISH and PUBREL.
    half_received: BTreeSet<u16>,
}

/// The client broke the protocol: the connection ends.
struct Violation;

impl Broker {
    /// A broker that retains `text` under `topic`, to have something to find.
    pub(crate) fn with_retained(topic: &str, text: &str) -> Broker {
        let mut broker = Broker::default();
        broker.retained.insert(topic.into(), (QoS::AtMostOnce, Bytes::copy_from_slice(text.as_bytes())));
        broker
    }

    fn handle(&mut self, peer: Peer, packet: Packet, out: &mut Outbox) -> Result<(), Violation> {
        let client = self.connections.get(&peer.id).and_then(|connection| connection.client.clone());
        match (packet, client) {
            (Packet::Connect(connect), None) => self.connect(peer, connect, out),
            (_, None) | (Packet::Connect(_), Some(_)) => Err(Violation),
            (Packet::Publish(publish), Some(client)) => self.publish(peer, &client, publish, out),
            (Packet::Subscribe(subscribe), Some(client)) => self.subscribe(peer, &client, subscribe, out),
            (Packet::Unsubscribe(unsubscribe), Some(client)) => self.unsubscribe(peer, &client, unsubscribe, out),
            (Packet::PubAck(ack), Some(client)) => {
                self.sessions.entry(client).or_default().queued.retain(|publish| publish.pkid != ack.pkid);
                Ok(())
            }
            (Packet::PubRel(release), Some(client)) => {
                self.sessions.entry(client).or_default().half_received.remove(&release.pkid);
                send(out, peer.id, |buffer| PubComp { pkid: release.pkid }.write(buffer))
            }
            (Packet::PingReq, Some(_)) => {
                out.send(peer.id, [0xd0, 0]);
                Ok(())
            }
            (Packet::Disconnect, Some(_)) => {
                self.connection(peer.id).said_goodbye = true;
                out.close(peer.id);
                Ok(())
            }
            // Delivery with quality 2 never happens, so its answers mean nothing.
            (Packet::PubRec(_) | Packet::PubComp(_), Some(_)) => Ok(()),
            _ => Err(Violation),
        }
    }

    fn connection(&mut self, id: ConnectionId) -> &mut Connection {
        self.connections.entry(id).or_default()
    }

    fn connect(&mut self, peer: Peer, connect: Connect, out: &mut Outbox) -> Result<(), Violation> {
        let refusal = match (connect.protocol, connect.client_id.is_empty() && !connect.clean_session) {
            (Protocol::V5, _) => Some(ConnectReturnCode::RefusedProtocolVersion),
            (_, true) => Some(ConnectReturnCode::BadClientId),
            _ => None,
        };
        if let Some(code) = refusal {
            send(out, peer.id, |buffer| ConnAck::new(code, false).write(buffer))?;
            return Err(Violation);
        }
        let client = if connect.client_id.is_empty() { self.new_name() } else { connect.client_id };
        self.take_over(&client, out);
        if connect.clean_session {
            self.sessions.remove(&client);
        }
        let session_present = self.sessions.contains_key(&client);
        let session = self.sessions.entry(client.clone()).or_default();
        session.connection = Some(peer.id);
        session.is_kept = !connect.clean_session;
        let waiting: Vec<Publish> = session.queued.clone();
        let connection = self.connection(peer.id);
        connection.client = Some(client);
        connection.will = connect.last_will;
        if connect.keep_alive > 0 {
            let patience = Duration::from_millis(u64::from(connect.keep_alive) * 1500);
            connection.patience = Some(patience);
            out.wake(peer.id, patience, 0);
        }
        send(out, peer.id, |buffer| ConnAck::new(ConnectReturnCode::Success, session_present).write(buffer))?;
        for publish in waiting {
            send(out, peer.id, |buffer| Publish { dup: true, ..publish }.write(buffer))?;
        }
        Ok(())
    }

    fn new_name(&mut self) -> String {
        self.names_given += 1;
        format!("auto-{}", self.names_given)
    }

    /// A second connection of one name ends the first (section 3.1.4).
    fn take_over(&mut self, client: &str, out: &mut Outbox) {
        let former = self.sessions.get_mut(client).and_then(|session| session.connection.take());
        if let Some(former) = former {
            out.close(former);
            if let Some(connection) = self.connections.get_mut(&former) {
                connection.client = None;
                if let Some(will) = connection.will.take() {
                    self.route(will_message(will), out);
                }
            }
        }
    }

    fn publish(&mut self, peer: Peer, client: &str, publish: Publish, out: &mut Outbox) -> Result<(), Violation> {
        if publish.topic.is_empty() || publish.topic.contains(['+', '#', '\0']) {
            return Err(Violation);
        }
        let packet_id = publish.pkid;
        match publish.qos {
            QoS::AtMostOnce => self.route(publish, out),
            QoS::AtLeastOnce => {
                self.route(publish, out);
                send(out, peer.id, |buffer| PubAck::new(packet_id).write(buffer))?;
            }
            QoS::ExactlyOnce => {
                let session = self.sessions.entry(client.to_owned()).or_default();
                if session.half_received.len() < QUEUED_MAX && session.half_received.insert(packet_id) {
                    self.route(publish, out);
                }
                send(out, peer.id, |buffer| PubRec { pkid: packet_id }.write(buffer))?;
            }
        }
        Ok(())
    }

    /// Retains a message if it asks for it and gives it to all who subscribed.
    fn route(&mut self, publish: Publish, out: &mut Outbox) {
        if publish.retain {
            if publish.payload.is_empty() {
                self.retained.remove(&publish.topic);
            } else if self.retained.len() < RETAINED_MAX || self.retained.contains_key(&publish.topic) {
                self.retained.insert(publish.topic.clone(), (publish.qos, publish.payload.clone()));
            }
        }
        for session in self.sessions.values_mut() {
            let granted = session.subscriptions.iter().filter(|(filter, _)| matches(&publish.topic, filter));
            if let Some(granted) = granted.map(|(_, qos)| *qos as u8).max() {
                let qos = lower(publish.qos, granted);
                session.deliver(Publish { dup: false, retain: false, qos, pkid: 0, ..publish.clone() }, out);
            }
        }
    }

    fn subscribe(&mut self, peer: Peer, client: &str, subscribe: Subscribe, out: &mut Outbox) -> Result<(), Violation> {
        if subscribe.filters.is_empty() || subscribe.pkid == 0 {
            return Err(Violation);
        }
        let mut codes = Vec::new();
        let mut messages = Vec::new();
        let session = self.sessions.entry(client.to_owned()).or_default();
        for filter in subscribe.filters {
            if !is_filter(&filter.path) || session.subscriptions.len() >= RETAINED_MAX {
                codes.push(SubscribeReasonCode::Failure);
                continue;
            }
            let granted = lower(QoS::AtLeastOnce, filter.qos as u8);
            codes.push(SubscribeReasonCode::Success(granted));
            for (topic, (qos, payload)) in self.retained.iter().filter(|(topic, _)| matches(topic, &filter.path)) {
                let message = Publish::from_bytes(topic, lower(*qos, granted as u8), payload.clone());
                messages.push(Publish { retain: true, ..message });
            }
            session.subscriptions.insert(filter.path, granted);
        }
        send(out, peer.id, |buffer| SubAck::new(subscribe.pkid, codes).write(buffer))?;
        for message in messages {
            session.deliver(message, out);
        }
        Ok(())
    }

    fn unsubscribe(
        &mut self,
        peer: Peer,
        client: &str,
        unsubscribe: Unsubscribe,
        out: &mut Outbox,
    ) -> Result<(), Violation> {
        let session = self.sessions.entry(client.to_owned()).or_default();
        for filter in &unsubscribe.topics {
            session.subscriptions.remove(filter);
        }
        send(out, peer.id, |buffer| UnsubAck::new(unsubscribe.pkid).write(buffer))
    }
}

impl Session {
    fn deliver(&mut self, mut publish: Publish, out: &mut Outbox) {
        if publish.qos == QoS::AtMostOnce && self.connection.is_none() {
            return;
        }
        if publish.qos != QoS::AtMostOnce {
            self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
            publish.pkid = self.last_packet_id;
            if self.queued.len() >= QUEUED_MAX {
                self.queued.remove(0);
            }
            self.queued.push(publish.clone());
        }
        if let Some(connection) = self.connection {
            // A message that came in over the wire can go out over it.
            let _ = send(out, connection, |buffer| publish.write(buffer));
        }
    }
}

impl TcpService for Broker {
    fn opened(&mut self, peer: Peer, out: &mut Outbox) {
        self.connection(peer.id).heard = out.now();
    }

    fn received(&mut self, peer: Peer, data: &[u8], out: &mut Outbox) {
        let connection = self.connection(peer.id);
        connection.heard = out.now();
        connection.buffer.extend_from_slice(data);
        loop {
            let outcome = match read(&mut self.connection(peer.id).buffer, PACKET_LENGTH_MAX) {
                Ok(packet) => self.handle(peer, packet, out),
                Err(Error::InsufficientBytes(_)) => return,
                Err(Error::InvalidProtocolLevel(_)) => {
                    let code = ConnectReturnCode::RefusedProtocolVersion;
                    let _ = send(out, peer.id, |buffer| ConnAck::new(code, false).write(buffer));
                    Err(Violation)
                }
                Err(_) => Err(Violation),
            };
            if outcome.is_err() {
                self.connection(peer.id).buffer.clear();
                out.close(peer.id);
                return;
            }
        }
    }

    fn gone(&mut self, peer: Peer, out: &mut Outbox) {
        let Some(connection) = self.connections.remove(&peer.id) else { return };
        let Some(client) = connection.client else { return };
        if let Some(session) = self.sessions.get_mut(&client) {
            session.connection = None;
            if !session.is_kept {
                self.sessions.remove(&client);
            }
        }
        if let Some(will) = connection.will.filter(|_| !connection.said_goodbye) {
            self.route(will_message(will), out);
        }
        let absent =
            self.sessions.iter().find(|(_, session)| session.connection.is_none()).map(|(name, _)| name.clone());
        if let Some(name) = absent.filter(|_| self.sessions.len() > SESSIONS_MAX) {
            self.sessions.remove(&name);
        }
    }

    /// Looks whether the client has kept its promise to be heard of.
    fn woken(&mut self, peer: Peer, _token: u64, out: &mut Outbox) {
        let now = out.now();
        let Some(connection) = self.connections.get(&peer.id) else { return };
        let Some(patience) = connection.patience else { return };
        let deadline = connection.heard + patience;
        if deadline <= now {
            out.reset(peer.id);
        } else {
            out.wake(peer.id, deadline - now, 0);
        }
    }
}

fn send(
    out: &mut Outbox,
    connection: ConnectionId,
    write: impl FnOnce(&mut BytesMut) -> Result<usize, Error>,
) -> Result<(), Violation> {
    let mut buffer = BytesMut::new();
    write(&mut buffer).map_err(|_| Violation)?;
    out.send(connection, buffer.to_vec());
    Ok(())
}

fn will_message(will: LastWill) -> Publish {
    Publish { retain: will.retain, ..Publish::from_bytes(will.topic, will.qos, will.message) }
}

/// The lower of two qualities.
fn lower(qos: QoS, other: u8) -> QoS {
    match other.min(qos as u8) {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

/// Section 4.7.1: `#` stands alone as the last level, `+` alone on any.
fn is_filter(filter: &str) -> bool {
    let levels: Vec<&str> = filter.split('/').collect();
    let legal = |(index, level): (usize, &&str)| match *level {
        "#" => index + 1 == levels.len(),
        "+" => true,
        other => !other.contains(['#', '+', '\0']),
    };
    !filter.is_empty() && levels.iter().enumerate().all(legal)
}

/// Whether `topic` is one of those that `filter` stands for.
fn matches(topic: &str, filter: &str) -> bool {
    // Topics of the broker itself are not found by a wildcard on the first level (section 4.7.2).
    if topic.starts_with('$') && filter.starts_with(['#', '+']) {
        return false;
    }
    let mut levels = topic.split('/');
    for part in filter.split('/') {
        match (part, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (part, Some(level)) if part == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use mqttbytes::v4::{Login, PubRel};

    use super::*;
    use crate::world::service::Action;
    use crate::world::service::testing::{actions, peer};

    fn bytes(write: impl FnOnce(&mut BytesMut) -> Result<usize, Error>) -> Vec<u8> {
        let mut buffer = BytesMut::new();
        write(&mut buffer).unwrap();
        buffer.to_vec()
    }

    fn connect(id: &str, edit: impl FnOnce(&mut Connect)) -> Vec<u8> {
        let mut connect = Connect::new(id);
        edit(&mut connect);
        bytes(|buffer| connect.write(buffer))
    }

    fn publish(topic: &str, qos: QoS, retain: bool, payload: &str) -> Vec<u8> {
        let publish = Publish { retain, pkid: 7, ..Publish::new(topic, qos, payload) };
        bytes(|buffer| publish.write(buffer))
    }

    fn subscribe(filter: &str, qos: QoS) -> Vec<u8> {
        bytes(|buffer| Subscribe { pkid: 9, ..Subscribe::new(filter, qos) }.write(buffer))
    }

    /// What goes out to whom when `data` comes from connection `from`.
    fn receive(broker: &mut Broker, from: u32, data: &[u8]) -> Vec<(u32, Packet)> {
        packets(actions(0, |out| broker.received(peer(from), data, out)))
    }

    fn packets(actions: Vec<Action>) -> Vec<(u32, Packet)> {
        let mut all = Vec::new();
        for action in actions {
            match action {
                Action::Send(to, bytes) => {
                    let mut bytes = BytesMut::from(&bytes[..]);
                    all.push((to.0, read(&mut bytes, PACKET_LENGTH_MAX).expect("a whole packet")));
                }
                Action::Close(to) => all.push((to.0, Packet::Disconnect)),
                Action::Wake(..) | Action::Reset(..) => {}
            }
        }
        all
    }

    fn joined(broker: &mut Broker, from: u32, id: &str) {
        let answer = receive(broker, from, &connect(id, |_| {}));
        assert_eq!(answer, [(from, Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, false)))]);
    }

    fn texts(packets: &[(u32, Packet)]) -> Vec<(u32, String, bool)> {
        let text = |(to, packet): &(u32, Packet)| match packet {
            Packet::Publish(publish) => {
                Some((*to, format!("{}={}", publish.topic, String::from_utf8_lossy(&publish.payload)), publish.retain))
            }
            _ => None,
        };
        packets.iter().filter_map(text).collect()
    }

    #[test]
    fn a_message_reaches_those_who_subscribed() {
        let mut broker = Broker::default();
        for (from, id) in [(1, "a"), (2, "b"), (3, "c")] {
            joined(&mut broker, from, id);
        }
        receive(&mut broker, 1, &subscribe("room/+/t", QoS::AtMostOnce));
        receive(&mut broker, 2, &subscribe("room/#", QoS::AtLeastOnce));
        let out = receive(&mut broker, 3, &publish("room/1/t", QoS::AtLeastOnce, false, "21"));
        assert_eq!(texts(&out), [(1, "room/1/t=21".into(), false), (2, "room/1/t=21".into(), false)]);
        assert!(out.contains(&(3, Packet::PubAck(PubAck::new(7)))));
    }

    #[test]
    fn a_retained_message_waits_for_subscribers() {
        let mut broker = Broker::default();
        joined(&mut broker, 1, "a");
        receive(&mut broker, 1, &publish("t", QoS::AtMostOnce, true, "on"));
        let out = receive(&mut broker, 1, &subscribe("t", QoS::AtMostOnce));
        assert_eq!(texts(&out), [(1, "t=on".into(), true)]);
        receive(&mut broker, 1, &publish("t", QoS::AtMostOnce, true, ""));
        assert_eq!(texts(&receive(&mut broker, 1, &subscribe("t", QoS::AtMostOnce))), []);
    }

    #[test]
    fn a_will_is_published_unless_the_client_says_goodbye() {
        let mut broker = Broker::default();
        joined(&mut broker, 1, "watcher");
        receive(&mut broker, 1, &subscribe("state", QoS::AtMostOnce));
        let will = |connect: &mut Connect| {
            connect.last_will = Some(LastWill::new("state", "gone", QoS::AtMostOnce, false));
            connect.set_login("any", "thing");
        };
        receive(&mut broker, 2, &connect("board", will));
        let out = packets(actions(0, |out| broker.gone(peer(2), out)));
        assert_eq!(texts(&out), [(1, "state=gone".into(), false)]);
        receive(&mut broker, 3, &connect("board", will));
        receive(&mut broker, 3, &[0xe0, 0]);
        assert_eq!(packets(actions(0, |out| broker.gone(peer(3), out))), []);
        assert_eq!(Login::new("a", "b").username, "a");
    }

    #[test]
    fn a_kept_session_gets_what_it_missed() {
        let mut broker = Broker::default();
        let keep = |connect: &mut Connect| connect.clean_session = false;
        receive(&mut broker, 1, &connect("sleeper", keep));
        receive(&mut broker, 1, &subscribe("t", QoS::AtLeastOnce));
        actions(0, |out| broker.gone(peer(1), out));
        joined(&mut broker, 2, "talker");
        receive(&mut broker, 2, &publish("t", QoS::AtLeastOnce, false, "missed"));
        let out = receive(&mut broker, 3, &connect("sleeper", keep));
        assert_eq!(out[0], (3, Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, true))));
        assert_eq!(texts(&out), [(3, "t=missed".into(), false)]);
        let Packet::Publish(message) = &out[1].1 else { panic!("{out:?}") };
        receive(&mut broker, 3, &bytes(|buffer| PubAck::new(message.pkid).write(buffer)));
        actions(0, |out| broker.gone(peer(3), out));
        assert_eq!(texts(&receive(&mut broker, 4, &connect("sleeper", keep))), []);
    }

    #[test]
    fn quality_two_is_taken_once() {
        let mut broker = Broker::default();
        joined(&mut broker, 1, "a");
        receive(&mut broker, 1, &subscribe("t", QoS::AtMostOnce));
        let message = publish("t", QoS::ExactlyOnce, false, "x");
        assert_eq!(texts(&receive(&mut broker, 1, &message)).len(), 1);
        assert_eq!(receive(&mut broker, 1, &message), [(1, Packet::PubRec(PubRec { pkid: 7 }))]);
        let out = receive(&mut broker, 1, &bytes(|buffer| PubRel { pkid: 7 }.write(buffer)));
        assert_eq!(out, [(1, Packet::PubComp(PubComp { pkid: 7 }))]);
        assert_eq!(texts(&receive(&mut broker, 1, &message)).len(), 1);
    }

    #[test]
    fn a_second_client_of_one_name_ends_the_first() {
        let mut broker = Broker::default();
        joined(&mut broker, 1, "same");
        let out = receive(&mut broker, 2, &connect("same", |_| {}));
        assert_eq!(out[0], (1, Packet::Disconnect));
        // The first connection's end must not take the second one's session along.
        actions(0, |out| broker.gone(peer(1), out));
        assert!(broker.sessions.contains_key("same"));
    }

    #[test]
    fn a_silent_client_is_dropped_after_one_and_a_half_keep_alives() {
        let mut broker = Broker::default();
        let all = actions(0, |out| broker.received(peer(1), &connect("a", |connect| connect.keep_alive = 10), out));
        assert!(all.contains(&Action::Wake(peer(1).id, Duration::from_secs(15), 0)));
        actions(10_000, |out| broker.received(peer(1), &[0xc0, 0], out));
        let all = actions(15_000, |out| broker.woken(peer(1), 0, out));
        assert_eq!(all, [Action::Wake(peer(1).id, Duration::from_secs(10), 0)]);
        assert_eq!(actions(25_000, |out| broker.woken(peer(1), 0, out)), [Action::Reset(peer(1).id)]);
    }

    #[test]
    fn filters_match_as_the_standard_says() {
        let yes = [
            ("a/b", "a/b"),
            ("a/b", "a/+"),
            ("a", "a/#"),
            ("a/b/c", "a/#"),
            ("/a", "+/a"),
            ("é/x", "+/x"),
            ("a/", "a/+"),
        ];
        let no = [("a/b", "a"), ("a", "a/+"), ("$SYS/x", "#"), ("$SYS/x", "+/x"), ("a/b", "a/b/c"), ("A", "a")];
        assert!(yes.iter().all(|(topic, filter)| matches(topic, filter)));
        assert!(no.iter().all(|(topic, filter)| !matches(topic, filter)));
        assert!(is_filter("a/+/#") && is_filter("/") && !is_filter("a#") && !is_filter("#/a") && !is_filter(""));
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let talk = [
            connect("a", |connect| connect.last_will = Some(LastWill::new("w", "x", QoS::AtLeastOnce, true))),
            subscribe("t/+", QoS::AtLeastOnce),
            publish("t/1", QoS::AtLeastOnce, true, "hello"),
            bytes(|buffer| Unsubscribe { pkid: 3, ..Unsubscribe::new("t/+") }.write(buffer)),
        ]
        .concat();
        for at in 0..talk.len() {
            for value in [0, 1, 2, 0x30, 0x82, 0xa2, 0x7f, 0x80, 0xff] {
                let mut damaged = talk.clone();
                damaged[at] = value;
                let mut broker = Broker::default();
                for piece in damaged.chunks(11) {
                    actions(0, |out| broker.received(peer(1), piece, out));
                }
                actions(0, |out| broker.gone(peer(1), out));
            }
        }
    }
}
