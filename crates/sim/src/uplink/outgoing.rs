//! What the lab wants from outside, as Wisp packets.

use bytes::Bytes;
use lan::CloseReason as EndReason;
use lan::world::{FlowId, GatewayEvent, InquiryId, Resolution};
use relay_protocol::ext::{self, ExtPacket};
use relay_protocol::{CloseReason, Packet, StreamId, StreamType};
use std::net::Ipv4Addr;
use trace::{Endpoint, Instant, UplinkEvent};

use super::{
    Connection, DATAGRAMS_WAITING_MAX, LINGER, PortState, Reach, State, Stream, TALK_IDLE_MAX, TALKS_MAX, Uplink,
};

/// Most bytes in one packet from the lab: what is waiting leaves together.
const DATA_BYTES_MAX: usize = 16 * 1024;
/// Taken bytes after which the server hears of it.
const WINDOW_STEP: u32 = ext::WINDOW_BYTES / 4;

impl Uplink {
    /// Handles everything that the gateway has to tell.
    pub(crate) fn pump(&mut self, reach: &mut Reach<'_>) {
        while let Some((event, cause)) = reach.gateway(|gateway, _| gateway.take_event()).flatten() {
            let _scope = reach.trace.clone().enter(cause);
            self.handle(reach, event);
        }
        self.give_up_lingering(reach);
    }

    fn handle(&mut self, reach: &mut Reach<'_>, event: GatewayEvent) {
        match event {
            GatewayEvent::Connect { flow, from: _, to } => self.open(reach, flow, to),
            GatewayEvent::Connected(flow) => self.board_answered(reach, flow),
            // Data is fetched when the WebSocket has room: see `send_data`.
            GatewayEvent::Readable(flow) => {
                if let Some(connection) = self.connection_of(flow) {
                    connection.is_readable = true;
                }
            }
            GatewayEvent::Taken { flow, bytes } => self.taken(flow, bytes),
            GatewayEvent::Finished(flow) => self.finished(reach, flow),
            GatewayEvent::Ended { flow, reason } => self.ended(reach, flow, reason),
            GatewayEvent::Datagram { from, to, data } => self.datagram(reach, from, to, data),
            GatewayEvent::Resolve { inquiry, name } => self.resolve(reach, inquiry, name),
            GatewayEvent::Echo { inquiry, to } => self.echo(reach, inquiry, to),
        }
    }

    // ---- connections ----

    fn open(&mut self, reach: &mut Reach<'_>, flow: FlowId, to: Endpoint) {
        let target = self.stand_ins.endpoint_outside(to);
        if self.state != State::Up {
            // As when a router's own line is dead: the SYN vanishes, and its repetitions may have more luck.
            reach.record(UplinkEvent::Refused, format!("no way to {target}: {}", self.why_not_up()));
            reach.gateway(|gateway, now| gateway.refuse(now, flow, true));
            return;
        }
        let confirms = self.abilities.confirms;
        let asked = reach.record(UplinkEvent::Asked, format!("asked the relay to connect to {target}"));
        let connection = Connection {
            flow,
            peer: target.to_string(),
            is_opening: confirms,
            is_readable: false,
            credit: if confirms { 0 } else { self.credit },
            owed: 0,
            linger_until: None,
            cause: Some(asked),
        };
        let stream = self.new_stream(Stream::Tcp(connection));
        self.flows.insert(flow, stream);
        self.send(&Packet::Connect {
            stream,
            kind: StreamType::Tcp,
            port: target.port(),
            host: target.ip().to_string(),
        });
        if !confirms {
            let text = format!("this relay does not say when {target} is connected: assumed");
            let assumed = reach.trace.record_caused(
                reach.now,
                reach.world.gateway_host(),
                Some(asked),
                trace::Kind::Uplink { event: UplinkEvent::Assumed, text },
            );
            let _scope = reach.trace.enter(Some(assumed));
            reach.gateway(|gateway, now| gateway.accept(now, flow));
        }
    }

    fn why_not_up(&self) -> String {
        match &self.state {
            State::Lost(why) => format!("the relay is out of reach ({why})"),
            _ => "the relay is not there yet".into(),
        }
    }

    /// A board took the connection of a peer outside.
    fn board_answered(&mut self, reach: &mut Reach<'_>, flow: FlowId) {
        if let Some(connection) = self.connection_of(flow) {
            let peer = connection.peer.clone();
            connection.cause =
                Some(reach.record(UplinkEvent::Confirmed, format!("the board took the connection of {peer}")));
        }
    }

    fn taken(&mut self, flow: FlowId, bytes: usize) {
        let has_windows = self.abilities.extension >= ext::VERSION_WITH_WINDOWS;
        let Some(stream) = self.flows.get(&flow).copied() else { return };
        let Some(connection) = self.connection_of(flow).filter(|_| has_windows) else { return };
        connection.owed = connection.owed.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        if connection.owed >= WINDOW_STEP {
            let bytes = std::mem::take(&mut connection.owed);
            self.send_ext(stream, ExtPacket::Window { bytes });
        }
    }

    /// The host's FIN, after everything it sent.
    fn finished(&mut self, reach: &mut Reach<'_>, flow: FlowId) {
        let Some(stream) = self.flows.get(&flow).copied() else { return };
        if self.abilities.extension > 0 {
            self.send_ext(stream, ExtPacket::Shutdown);
        } else if let Some(connection) = self.connection_of(flow) {
            connection.linger_until = Some(reach.now + LINGER);
        }
    }

    /// The connection ended in the lab.
    fn ended(&mut self, reach: &mut Reach<'_>, flow: FlowId, reason: EndReason) {
        let Some(stream) = self.flows.get(&flow).copied() else { return };
        let Some(Stream::Tcp(connection)) = self.forget(stream) else { return };
        let why = match reason {
            EndReason::Reset => "reset by the host in the lab",
            _ => "the host in the lab no longer answers",
        };
        reach.record(UplinkEvent::Reset, format!("the connection with {}: {why}", connection.peer));
        self.close_stream(stream, CloseReason::NetworkError);
    }

    /// Ends streams whose far side went on for long enough after the host's FIN.
    fn give_up_lingering(&mut self, reach: &mut Reach<'_>) {
        let now = reach.now;
        let is_due = |stream: &Stream| matches!(stream, Stream::Tcp(c) if c.linger_until.is_some_and(|at| at <= now));
        let due: Vec<StreamId> = self.streams.iter().filter(|(_, s)| is_due(s)).map(|(id, _)| *id).collect();
        for id in due {
            if let Some(Stream::Tcp(connection)) = self.forget(id) {
                self.close_stream(id, CloseReason::Voluntary);
                reach.gateway(|gateway, now| gateway.close(now, connection.flow));
            }
        }
    }

    /// Queues the next packet of data: streams take turns, and none sends without credit.
    pub(super) fn send_data(&mut self, reach: &mut Reach<'_>) {
        let after = self.streams.range((std::ops::Bound::Excluded(self.turn), std::ops::Bound::Unbounded));
        let turns: Vec<(StreamId, FlowId)> = after
            .chain(self.streams.range(..=self.turn))
            .filter_map(|(id, stream)| match stream {
                Stream::Tcp(connection) if connection.credit > 0 && connection.is_readable => {
                    Some((*id, connection.flow))
                }
                _ => None,
            })
            .collect();
        for (stream, flow) in turns {
            let bytes = reach.gateway(|gateway, now| gateway.read(now, flow, DATA_BYTES_MAX)).unwrap_or_default();
            let Some(Stream::Tcp(connection)) = self.streams.get_mut(&stream) else { continue };
            connection.is_readable = bytes.len() == DATA_BYTES_MAX;
            if bytes.is_empty() {
                continue;
            }
            connection.credit -= 1;
            self.turn = stream;
            self.send(&Packet::Data { stream, bytes: Bytes::from(bytes) });
            // Reading may have brought the host's FIN to light.
            return self.pump(reach);
        }
    }

    pub(super) fn connection_of(&mut self, flow: FlowId) -> Option<&mut Connection> {
        match self.streams.get_mut(self.flows.get(&flow)?)? {
            Stream::Tcp(connection) => Some(connection),
            _ => None,
        }
    }

    // ---- datagrams ----

    fn datagram(&mut self, reach: &mut Reach<'_>, from: Endpoint, to: Endpoint, data: Vec<u8>) {
        let peer = self.stand_ins.endpoint_outside(to);
        if self.state != State::Up {
            reach.record(UplinkEvent::Refused, format!("a datagram for {peer} was lost: {}", self.why_not_up()));
            return;
        }
        if self.out.len() >= DATAGRAMS_WAITING_MAX {
            reach.record(UplinkEvent::Dropped, format!("a datagram for {peer} was lost: too many wait for the relay"));
            return;
        }
        if let Some(stream) = self.published_udp(from.port) {
            self.send_ext(stream, ExtPacket::Datagram { peer, bytes: data.into() });
            return;
        }
        if !self.abilities.udp {
            reach.record(UplinkEvent::Refused, format!("a datagram for {peer} was lost: this relay carries no UDP"));
            return;
        }
        let stream = match self.talks.get(&(from, to)).copied() {
            Some(stream) => stream,
            None => self.talk(reach, from, to),
        };
        if let Some(Stream::Udp { last, .. }) = self.streams.get_mut(&stream) {
            *last = reach.now;
        }
        self.send(&Packet::Data { stream, bytes: data.into() });
    }

    /// The stream of a published UDP port.
    fn published_udp(&self, port: u16) -> Option<StreamId> {
        self.ports.iter().find_map(|candidate| match candidate.state {
            PortState::Open { stream, address }
                if address.port() == port && candidate.wanted.protocol == trace::Protocol::Udp =>
            {
                Some(stream)
            }
            _ => None,
        })
    }

    /// Begins an association of datagrams.
    fn talk(&mut self, reach: &mut Reach<'_>, host: Endpoint, remote: Endpoint) -> StreamId {
        self.end_idle_talks(reach.now);
        let target = self.stand_ins.endpoint_outside(remote);
        let stream = self.new_stream(Stream::Udp { host, remote, last: reach.now });
        self.talks.insert((host, remote), stream);
        reach.record(UplinkEvent::Asked, format!("asked the relay to carry datagrams to {target}"));
        self.send(&Packet::Connect {
            stream,
            kind: StreamType::Udp,
            port: target.port(),
            host: target.ip().to_string(),
        });
        stream
    }

    fn end_idle_talks(&mut self, now: Instant) {
        let mut talks: Vec<(Instant, StreamId)> = (self.talks.values())
            .filter_map(|id| match self.streams.get(id) {
                Some(Stream::Udp { last, .. }) => Some((*last, *id)),
                _ => None,
            })
            .collect();
        talks.sort_unstable();
        let surplus = (talks.len() + 1).saturating_sub(TALKS_MAX);
        for (index, (last, stream)) in talks.into_iter().enumerate() {
            if index < surplus || now.saturating_since(last) >= TALK_IDLE_MAX {
                self.close_stream(stream, CloseReason::Voluntary);
                self.forget(stream);
            }
        }
    }

    // ---- names and echoes ----

    fn resolve(&mut self, reach: &mut Reach<'_>, inquiry: InquiryId, name: String) {
        if self.state != State::Up || self.abilities.extension == 0 {
            let why = if self.state == State::Up { "this relay resolves no names".into() } else { self.why_not_up() };
            let refused = reach.record(UplinkEvent::Refused, format!("nobody to ask for {name}: {why}"));
            let _scope = reach.trace.enter(Some(refused));
            reach.gateway(|gateway, now| gateway.answer(now, inquiry, Resolution::Failed));
            return;
        }
        reach.record(UplinkEvent::Asked, format!("asked the relay for the address of {name}"));
        let stream = self.new_stream(Stream::Resolve { inquiry, name: name.clone() });
        self.send_ext(stream, ExtPacket::Resolve { name });
    }

    fn echo(&mut self, reach: &mut Reach<'_>, inquiry: InquiryId, to: Ipv4Addr) {
        let target = self.stand_ins.outside(to);
        if self.state != State::Up || self.abilities.extension == 0 {
            let why = if self.state == State::Up { "this relay sends no pings".into() } else { self.why_not_up() };
            reach.record(UplinkEvent::Refused, format!("a ping for {target} was lost: {why}"));
            reach.gateway(|gateway, _| gateway.forget_inquiry(inquiry));
            return;
        }
        reach.record(UplinkEvent::Asked, format!("asked the relay to ping {target}"));
        let stream = self.new_stream(Stream::Echo { inquiry, to });
        self.send_ext(stream, ExtPacket::Echo { host: target.to_string() });
    }
}
