//! What the relay says, as the lab sees it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;
use lan::world::Resolution;
use relay_protocol::ext::{self, ExtPacket};
use relay_protocol::{CloseReason, Extension, Info, Packet, StreamId};
use trace::{Endpoint, UplinkEvent};

use super::{Abilities, BACKLOG_MAX, Connection, Port, PortState, Reach, State, Stream, Uplink, in_words};

impl Uplink {
    /// Takes one message of the WebSocket. Whatever it is, the lab goes on.
    pub(crate) fn receive(&mut self, reach: &mut Reach<'_>, message: &[u8]) {
        match (Packet::decode(Bytes::copy_from_slice(message)), &self.state) {
            (_, State::Off | State::Connecting | State::Lost(_)) => {}
            (Err(error), _) => {
                // One message means nothing to us; the streams are as they were.
                reach.record(UplinkEvent::Dropped, format!("the relay sent something that is no Wisp packet: {error}"));
            }
            (Ok(Packet::Close { stream: StreamId::CONNECTION, reason }), _) => {
                let relay = self.relay.clone();
                self.lost(reach, &relay, &in_words(reason));
            }
            (Ok(Packet::Info(info)), State::Greeting) => self.greet(&info),
            (Ok(Packet::Continue { stream: StreamId::CONNECTION, credit }), State::Greeting | State::Greeted) => {
                self.come_up(reach, credit);
            }
            (Ok(packet), State::Up) => self.handle_packet(reach, packet),
            (Ok(_), _) => {}
        }
    }

    /// Answers the server's handshake of version 2 with what both sides can do.
    fn greet(&mut self, info: &Info) {
        let extension = info.playground_version().unwrap_or(0).min(ext::VERSION);
        self.abilities = Abilities {
            version: 2,
            confirms: info.has(&Extension::OpenConfirmation),
            udp: info.has(&Extension::Udp),
            extension,
        };
        self.motd = info.extensions.iter().find_map(|extension| match extension {
            Extension::Motd(text) => Some(text.clone()),
            _ => None,
        });
        let asks_password = info.extensions.iter().any(|known| matches!(known, Extension::PasswordWanted { .. }));
        let mut own = Vec::new();
        if self.abilities.udp {
            own.push(Extension::Udp);
        }
        if self.abilities.confirms {
            own.push(Extension::OpenConfirmation);
        }
        if extension > 0 {
            own.push(Extension::Playground { version: extension });
        }
        if let Some(password) = self.password.clone().filter(|_| asks_password) {
            own.push(Extension::Password { user: "playground".into(), password });
        }
        self.send(&Packet::Info(Info::v2(own)));
        self.state = State::Greeted;
    }

    /// The server gives the credit of new streams: the handshake is over, whichever version it was.
    fn come_up(&mut self, reach: &mut Reach<'_>, credit: u32) {
        if self.state == State::Greeting {
            // Version 1 does not say what it can do; UDP was part of it from the start.
            self.abilities = Abilities { version: 1, confirms: false, udp: true, extension: 0 };
        }
        self.credit = credit;
        self.state = State::Up;
        reach.world.set_gateway_resolves(reach.lan, self.abilities.extension > 0);
        let text = format!("connected to the relay {} (Wisp {})", self.relay, self.abilities.version);
        reach.record(UplinkEvent::Connected, text);
        self.ask_for_ports();
    }

    fn handle_packet(&mut self, reach: &mut Reach<'_>, packet: Packet) {
        match packet {
            Packet::Continue { stream, credit } => self.credited(reach, stream, credit),
            Packet::Data { stream, bytes } => self.data(reach, stream, &bytes),
            Packet::Close { stream, reason } => self.closed(reach, stream, reason),
            Packet::Ext { stream, packet } => self.extension(reach, stream, packet),
            // A client's own words, and a second handshake.
            Packet::Connect { .. } | Packet::Info(_) => {}
        }
    }

    // ---- connections ----

    fn credited(&mut self, reach: &mut Reach<'_>, stream: StreamId, credit: u32) {
        if stream == StreamId::CONNECTION {
            self.credit = credit;
            return;
        }
        if let Some(Stream::Tcp(connection)) = self.streams.get_mut(&stream) {
            connection.credit = credit;
            confirm(reach, connection);
        }
    }

    fn data(&mut self, reach: &mut Reach<'_>, stream: StreamId, bytes: &[u8]) {
        let own_credit = self.credit;
        match self.streams.get_mut(&stream) {
            Some(Stream::Tcp(connection)) => {
                if connection.is_opening {
                    // A server that confirms by sending.
                    connection.credit = own_credit;
                    confirm(reach, connection);
                }
                let flow = connection.flow;
                let _scope = reach.trace.enter(connection.cause);
                let waiting = reach.gateway(|gateway, now| {
                    gateway.write(now, flow, bytes);
                    gateway.unsent(flow)
                });
                if waiting.is_some_and(|waiting| waiting > BACKLOG_MAX) {
                    let text =
                        format!("{} sends faster than the board reads, and this relay cannot wait", connection.peer);
                    self.abandon(reach, stream, text);
                }
            }
            Some(Stream::Udp { host, remote, last }) => {
                *last = reach.now;
                let (host, remote) = (*host, *remote);
                reach.gateway(|gateway, now| gateway.datagram(now, remote, host, bytes));
            }
            // For a stream that ended here a moment ago.
            _ => {}
        }
    }

    /// Ends a connection on both sides at once.
    fn abandon(&mut self, reach: &mut Reach<'_>, stream: StreamId, text: String) {
        let Some(Stream::Tcp(connection)) = self.forget(stream) else { return };
        let _scope = reach.trace.enter(Some(reach.record(UplinkEvent::Reset, text)));
        self.close_stream(stream, CloseReason::ClientError);
        reach.gateway(|gateway, now| gateway.reset(now, connection.flow));
    }

    fn closed(&mut self, reach: &mut Reach<'_>, id: StreamId, reason: CloseReason) {
        let words = match (reason, self.reasons.remove(&id)) {
            // What the far side did is said in the lab's own words; what the relay decided, in the relay's.
            (
                CloseReason::Refused | CloseReason::TimedOut | CloseReason::Unreachable | CloseReason::NetworkError,
                _,
            )
            | (_, None) => in_words(reason),
            (_, Some(words)) => words,
        };
        match self.forget(id) {
            Some(Stream::Tcp(connection)) => close_connection(reach, &connection, reason, &words),
            Some(Stream::Udp { remote, .. }) if reason != CloseReason::Voluntary => {
                let target = self.stand_ins.endpoint_outside(remote);
                reach.record(UplinkEvent::Refused, format!("no datagrams to {target}: {words}"));
            }
            Some(Stream::Published(index)) => self.port_refused(reach, index, reason, words),
            Some(Stream::Resolve { inquiry, name }) => {
                let resolution = match reason {
                    CloseReason::Unreachable => Resolution::NoSuchName,
                    _ => Resolution::Failed,
                };
                let refused = reach.record(UplinkEvent::Refused, format!("no address for {name}: {words}"));
                let _scope = reach.trace.enter(Some(refused));
                reach.gateway(|gateway, now| gateway.answer(now, inquiry, resolution));
            }
            Some(Stream::Echo { inquiry, to }) => {
                let target = self.stand_ins.outside(to);
                reach.record(UplinkEvent::Refused, format!("no ping to {target}: {words}"));
                reach.gateway(|gateway, _| gateway.forget_inquiry(inquiry));
            }
            Some(Stream::Udp { .. }) | None => {}
        }
    }

    // ---- the extension ----

    fn extension(&mut self, reach: &mut Reach<'_>, stream: StreamId, packet: ExtPacket) {
        match packet {
            ExtPacket::Published { address } => self.published(reach, stream, address),
            ExtPacket::Accepted { listener, peer } => self.accepted(reach, stream, StreamId(listener), peer),
            ExtPacket::Datagram { peer, bytes } => self.datagram_in(reach, stream, peer, &bytes),
            ExtPacket::Resolved { address } => self.resolved(reach, stream, address),
            ExtPacket::EchoEnd { rtt_us, .. } => self.echoed(reach, stream, rtt_us),
            ExtPacket::Shutdown => {
                if let Some(Stream::Tcp(connection)) = self.streams.get(&stream) {
                    let text = format!("{} sends no more", connection.peer);
                    let _scope = reach.trace.enter(connection.cause);
                    let _scope = reach.trace.enter(Some(reach.record(UplinkEvent::Finished, text)));
                    reach.gateway(|gateway, now| gateway.shutdown(now, connection.flow));
                }
            }
            // A client's own words.
            ExtPacket::Publish { .. }
            | ExtPacket::Resolve { .. }
            | ExtPacket::Echo { .. }
            | ExtPacket::Window { .. } => {}
            // The close that follows says it in a word.
            // Not for streams that are gone: nothing would take the words away again.
            ExtPacket::Why { text } if self.streams.contains_key(&stream) => drop(self.reasons.insert(stream, text)),
            ExtPacket::Why { .. } => {}
        }
    }

    fn published(&mut self, reach: &mut Reach<'_>, stream: StreamId, address: SocketAddr) {
        let Some(Stream::Published(index)) = self.streams.get(&stream) else { return };
        let Some(port) = self.ports.get_mut(*index) else { return };
        port.state = PortState::Open { stream, address };
        let text = format!("{} is reached from outside at {address}", port.wanted.in_words());
        reach.record(UplinkEvent::Published, text);
    }

    fn port_refused(&mut self, reach: &mut Reach<'_>, index: usize, reason: CloseReason, words: String) {
        let is_taken = reason == CloseReason::Refused || reason == CloseReason::Blocked;
        match self.ports.get(index) {
            // A port that is taken or below 1024: any other will do.
            Some(Port { state: PortState::Asked { any: false }, .. }) if is_taken => {
                return self.ask_for_port(index, true);
            }
            Some(Port { state: PortState::Open { .. }, .. }) => self.close_port(reach, index),
            Some(_) => {}
            None => return,
        }
        reach
            .record(UplinkEvent::Refused, format!("{} is not published: {words}", self.ports[index].wanted.in_words()));
        self.ports[index].state = PortState::Refused(words);
    }

    /// The address by which the lab knows `real`.
    fn inside(&mut self, reach: &Reach<'_>, real: IpAddr) -> Ipv4Addr {
        let (ip, is_new) = self.stand_ins.inside(real, |ip| reach.world.is_local(ip));
        if is_new {
            let text = format!("{real} is shown as {ip}, for boards cannot tell it from their own network");
            reach.record(UplinkEvent::Translated, text);
        }
        ip
    }

    fn accepted(&mut self, reach: &mut Reach<'_>, stream: StreamId, listener: StreamId, peer: SocketAddr) {
        let Some(Stream::Published(index)) = self.streams.get(&listener) else {
            return self.close_stream(stream, CloseReason::NetworkError);
        };
        let index = *index;
        let accepted = reach.record(UplinkEvent::Accepted, format!("{peer} connects from outside"));
        let _scope = reach.trace.enter(Some(accepted));
        let from = Endpoint { ip: self.inside(reach, peer.ip()), port: peer.port() };
        let flow = match self.forward(reach, index) {
            None => Err("the board has no address".to_owned()),
            Some(to) => match reach.gateway(|gateway, now| gateway.connect(now, from, to)) {
                Some(result) => result.map_err(|error| error.to_string()),
                None => Err("the way out is shut".to_owned()),
            },
        };
        match flow {
            Ok(flow) => {
                let connection = Connection {
                    flow,
                    peer: peer.to_string(),
                    is_opening: false,
                    is_readable: false,
                    credit: self.credit,
                    owed: 0,
                    linger_until: None,
                    cause: Some(accepted),
                };
                self.flows.insert(flow, stream);
                self.streams.insert(stream, Stream::Tcp(connection));
            }
            Err(why) => {
                reach.record(UplinkEvent::Refused, format!("the connection of {peer} was refused: {why}"));
                self.close_stream(stream, CloseReason::NetworkError);
            }
        }
    }

    fn datagram_in(&mut self, reach: &mut Reach<'_>, stream: StreamId, peer: SocketAddr, bytes: &[u8]) {
        let Some(Stream::Published(index)) = self.streams.get(&stream) else { return };
        let index = *index;
        let text = format!("a datagram of {} bytes from {peer}", bytes.len());
        let _scope = reach.trace.enter(Some(reach.record(UplinkEvent::Accepted, text)));
        let from = Endpoint { ip: self.inside(reach, peer.ip()), port: peer.port() };
        match self.forward(reach, index) {
            Some(to) => drop(reach.gateway(|gateway, now| gateway.datagram(now, from, to, bytes))),
            None => {
                reach
                    .record(UplinkEvent::Refused, format!("the datagram of {peer} was lost: the board has no address"));
            }
        }
    }

    fn resolved(&mut self, reach: &mut Reach<'_>, stream: StreamId, address: Ipv4Addr) {
        // Also said of a stream that was opened by name, which this client never does.
        let Some(Stream::Resolve { .. }) = self.streams.get(&stream) else { return };
        let Some(Stream::Resolve { inquiry, name }) = self.forget(stream) else { return };
        let confirmed = reach.record(UplinkEvent::Confirmed, format!("{name} has the address {address}"));
        let _scope = reach.trace.enter(Some(confirmed));
        let ip = self.inside(reach, address.into());
        reach.gateway(|gateway, now| gateway.answer(now, inquiry, Resolution::Address(ip)));
    }

    fn echoed(&mut self, reach: &mut Reach<'_>, stream: StreamId, rtt_us: u32) {
        let Some(Stream::Echo { .. }) = self.streams.get(&stream) else { return };
        let Some(Stream::Echo { inquiry, to }) = self.forget(stream) else { return };
        let target = self.stand_ins.outside(to);
        if rtt_us == u32::MAX {
            reach.record(UplinkEvent::Refused, format!("{target} did not answer the ping in time"));
            reach.gateway(|gateway, _| gateway.forget_inquiry(inquiry));
            return;
        }
        let text = format!("{target} answered the ping after {} ms", f64::from(rtt_us) / 1000.0);
        let _scope = reach.trace.enter(Some(reach.record(UplinkEvent::Confirmed, text)));
        reach.gateway(|gateway, now| gateway.echo(now, inquiry));
    }
}

/// The far side is really connected: only now does the host hear of it.
fn confirm(reach: &mut Reach<'_>, connection: &mut Connection) {
    if !std::mem::replace(&mut connection.is_opening, false) {
        return;
    }
    let _scope = reach.trace.enter(connection.cause);
    let confirmed = reach.record(UplinkEvent::Confirmed, format!("{} is connected", connection.peer));
    connection.cause = Some(confirmed);
    let _scope = reach.trace.enter(Some(confirmed));
    let flow = connection.flow;
    reach.gateway(|gateway, now| gateway.accept(now, flow));
}

/// What a chip sees of a stream's end: FIN for an end in order, RST for a refusal or a reset, and nothing at all while a
/// far side is out of reach, so that its SYN is repeated and may find it there.
fn close_connection(reach: &mut Reach<'_>, connection: &Connection, reason: CloseReason, words: &str) {
    let Connection { flow, peer, is_opening, cause, .. } = connection;
    let _scope = reach.trace.enter(*cause);
    let is_silent = matches!(reason, CloseReason::Unreachable | CloseReason::TimedOut);
    let is_orderly = matches!(reason, CloseReason::Voluntary | CloseReason::Unknown);
    let event = match is_opening {
        true => UplinkEvent::Refused,
        false if is_orderly => UplinkEvent::Finished,
        // Without confirmation a refusal looks like the end of a connection.
        false if matches!(reason, CloseReason::NetworkError | CloseReason::DataTimedOut) => UplinkEvent::Reset,
        false => UplinkEvent::Refused,
    };
    let _scope = reach.trace.enter(Some(reach.record(event, format!("{peer}: {words}"))));
    reach.gateway(|gateway, now| match (is_opening, is_orderly) {
        (true, _) => gateway.refuse(now, *flow, is_silent),
        (false, true) => gateway.close(now, *flow),
        (false, false) => gateway.reset(now, *flow),
    });
}
