//! The way out of the lab: stands in for every host outside while a relay leads to the real network.
//!
//! The gateway sits where the built-in internet begins, behind the home router and its translation. It ends the lab's TCP
//! connections, datagrams, echoes and name questions there and hands them out as [`GatewayEvent`]s; whoever has a way to
//! the real network answers with the methods of [`Gateway`]. It does no I/O and knows nothing of relays.
//!
//! What stays in the lab while it is open: the LAN with its names, and every name that the lab or a person has edited.
//! Everything else is outside; the built-in internet is not reached.
//!
//! A connection is confirmed to the LAN only after [`Gateway::accept`]; until then the SYN waits. Data that nobody outside
//! takes stays here and closes the window after [`UNREAD_MAX`]; what comes from outside waits in front of the stack and
//! is reported by [`GatewayEvent::Taken`] as the lab takes it, so that both directions can be held back.
//!
//! Left out: the routers on the way (a traceroute ends after this one hop), and questions of the DNS other than for
//! addresses, which are answered as having none.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use trace::{Endpoint, HostId, Instant, RecordId, SocketId, Trace};

use super::dns::zone::SharedZone;
use super::dns::{Answer, DNS_PORT, Outcome, Query, QueryKind, build_answer, parse_query};
use super::packet;
use crate::address::{Address, MacAddress};
use crate::error::ConnectError;
use crate::event::{CloseReason, Event, IncomingId};
use crate::frame::Frame;
use crate::host::{Host, HostConfig, StackProfile, Transit};

/// Bytes of one connection that may wait to be read before its window closes.
const UNREAD_MAX: usize = 32 * 1024;
/// Questions and echoes that may wait for their answers; beyond it the oldest is forgotten.
const WAITING_MAX: usize = 256;

/// One TCP connection through the gateway; never reused during a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u32);

/// One question or echo that waits for its answer; never reused during a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InquiryId(pub u32);

/// What the lab wants from outside, or tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayEvent {
    /// A host connects: [`Gateway::accept`] or [`Gateway::refuse`] it.
    Connect {
        /// The new connection.
        flow: FlowId,
        /// The host, as the router's translation shows it.
        from: Endpoint,
        /// Where to.
        to: Endpoint,
    },
    /// The host answered a connection that came from outside ([`Gateway::connect`]).
    Connected(FlowId),
    /// There is something to [`Gateway::read`].
    Readable(FlowId),
    /// The lab took so many bytes of what was [`Gateway::write`]n.
    Taken {
        /// The connection.
        flow: FlowId,
        /// How many.
        bytes: usize,
    },
    /// The host sends no more; everything before has been read.
    Finished(FlowId),
    /// The connection is gone without the outside's doing.
    Ended {
        /// The connection, dead from here on.
        flow: FlowId,
        /// Why.
        reason: CloseReason,
    },
    /// A host sends a datagram.
    Datagram {
        /// The host, as the router's translation shows it.
        from: Endpoint,
        /// Where to.
        to: Endpoint,
        /// The payload.
        data: Vec<u8>,
    },
    /// The router asks for the address of a name: [`Gateway::answer`] it.
    Resolve {
        /// The question.
        inquiry: InquiryId,
        /// The name.
        name: String,
    },
    /// A host sends an echo request: [`Gateway::echo`] it when it comes back.
    Echo {
        /// The request.
        inquiry: InquiryId,
        /// To whom.
        to: Ipv4Addr,
    },
}

/// What came of a [`GatewayEvent::Resolve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The name has this address.
    Address(Ipv4Addr),
    /// The name does not exist or has no address.
    NoSuchName,
    /// Nobody could be asked.
    Failed,
}

/// The way out of one lab.
pub struct Gateway {
    host: Host,
    trace: Trace,
    /// Its own address, which is the resolver of names outside.
    own: Ipv4Addr,
    edits: SharedZone,
    datagrams: SocketId,
    flows: BTreeMap<FlowId, Flow>,
    by_socket: BTreeMap<SocketId, FlowId>,
    inquiries: BTreeMap<InquiryId, Inquiry>,
    next: u32,
    events: VecDeque<(GatewayEvent, Option<RecordId>)>,
}

/// One connection.
struct Flow {
    leg: Leg,
    /// From the lab, not yet read.
    unread: VecDeque<u8>,
    is_held: bool,
    /// The host has sent its FIN.
    has_finished: bool,
    /// From outside, not yet given to the stack.
    unsent: VecDeque<u8>,
    /// What follows the last of them.
    ending: Option<Ending>,
}

/// A connection's end in the lab.
#[derive(Clone, Copy)]
enum Leg {
    /// A SYN that waits for the outside's word.
    Waiting(IncomingId),
    /// A socket.
    Open(SocketId),
}

/// How the outside ends its side.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// FIN, and it still listens.
    Half,
    /// FIN, and it is gone.
    Whole,
}

/// Something that the lab waits for.
struct Inquiry {
    cause: Option<RecordId>,
    kind: Waiting,
}

enum Waiting {
    /// A question: as it came, whom it came from and asked, and the edited aliases that lead to the name outside.
    Question { from: Endpoint, to: Endpoint, bytes: Vec<u8>, edited: Option<Answer> },
    /// An echo request.
    Echo { packet: Vec<u8> },
}

/// Where a gateway stands.
pub(crate) struct GatewayPlace {
    pub(crate) id: HostId,
    pub(crate) mac: MacAddress,
    pub(crate) seed: u64,
    pub(crate) address: Address,
}

impl Gateway {
    pub(crate) fn new(place: GatewayPlace, now: Instant, edits: SharedZone, trace: &Trace) -> Gateway {
        let GatewayPlace { id, mac, seed, address } = place;
        let config = HostConfig { id, name: "internet".into(), macs: vec![mac], profile: StackProfile::Desktop, seed };
        let mut host = Host::new(config, trace.clone());
        host.set_link(now, 0, true);
        host.set_address(now, 0, Some(address));
        host.set_transit(Transit::Terminate);
        let datagrams = host.udp_open();
        host.udp_bind_any(datagrams);
        Gateway {
            host,
            trace: trace.clone(),
            own: address.ip,
            edits,
            datagrams,
            flows: BTreeMap::new(),
            by_socket: BTreeMap::new(),
            inquiries: BTreeMap::new(),
            next: 1,
            events: VecDeque::new(),
        }
    }

    /// Its stack, for looking at its tables.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The next event, with the record that caused it.
    pub fn take_event(&mut self) -> Option<(GatewayEvent, Option<RecordId>)> {
        self.events.pop_front()
    }

    /// Whether an event waits.
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    // ---- connections ----

    /// Lets a connection through that a host began.
    pub fn accept(&mut self, now: Instant, flow: FlowId) {
        let Some(Leg::Waiting(incoming)) = self.flows.get(&flow).map(|flow| flow.leg) else { return };
        match self.host.accept_incoming(now, incoming) {
            Some(socket) => {
                self.bind(flow, socket);
                self.settle(now);
            }
            None => drop(self.flows.remove(&flow)),
        }
    }

    /// Answers a connection that a host began with RST, or not at all when `silently`.
    pub fn refuse(&mut self, now: Instant, flow: FlowId, silently: bool) {
        if let Some(Leg::Waiting(incoming)) = self.flows.get(&flow).map(|flow| flow.leg) {
            self.flows.remove(&flow);
            self.host.refuse_incoming(now, incoming, silently);
        }
    }

    /// Connects to the port `to` of the home router in the name of `from`.
    ///
    /// # Errors
    /// [`ConnectError::NoPort`] if `from` is connected there already.
    pub fn connect(&mut self, now: Instant, from: Endpoint, to: Endpoint) -> Result<FlowId, ConnectError> {
        let socket = self.host.tcp_open();
        if let Err(error) = self.host.tcp_connect_as(now, socket, from, to) {
            self.host.tcp_close(now, socket);
            return Err(error);
        }
        let flow = self.new_flow(Leg::Open(socket));
        self.by_socket.insert(socket, flow);
        self.settle(now);
        Ok(flow)
    }

    /// Takes at most `max` bytes that the lab sent.
    pub fn read(&mut self, now: Instant, flow: FlowId, max: usize) -> Vec<u8> {
        let Some(found) = self.flows.get_mut(&flow) else { return Vec::new() };
        let count = max.min(found.unread.len());
        let bytes = found.unread.drain(..count).collect();
        if found.is_held && found.unread.len() < UNREAD_MAX / 2 {
            found.is_held = false;
            if let Leg::Open(socket) = found.leg {
                self.host.tcp_unhold(now, socket);
            }
        }
        if found_is_spent(self.flows.get(&flow)) && count > 0 {
            self.push(GatewayEvent::Finished(flow));
        }
        self.settle(now);
        bytes
    }

    /// Sends bytes to the lab, after those sent before.
    pub fn write(&mut self, now: Instant, flow: FlowId, bytes: &[u8]) {
        if let Some(found) = self.flows.get_mut(&flow).filter(|found| found.ending.is_none()) {
            found.unsent.extend(bytes);
            self.pump(now, flow);
            self.settle(now);
        }
    }

    /// Bytes that the lab has not taken yet.
    pub fn unsent(&self, flow: FlowId) -> usize {
        self.flows.get(&flow).map_or(0, |flow| flow.unsent.len())
    }

    /// The outside sends no more (FIN after the last byte) but still listens.
    pub fn shutdown(&mut self, now: Instant, flow: FlowId) {
        self.end(now, flow, Ending::Half);
    }

    /// The outside is done with the connection: FIN after the last byte, RST for what still comes. The id is dead.
    pub fn close(&mut self, now: Instant, flow: FlowId) {
        self.end(now, flow, Ending::Whole);
    }

    /// Resets the connection, or the attempt. The id is dead.
    pub fn reset(&mut self, now: Instant, flow: FlowId) {
        match self.flows.get(&flow).map(|flow| flow.leg) {
            Some(Leg::Waiting(_)) => self.refuse(now, flow, false),
            Some(Leg::Open(socket)) => {
                self.host.tcp_abort(now, socket);
                self.forget(flow);
                self.settle(now);
            }
            None => {}
        }
    }

    // ---- datagrams and inquiries ----

    /// Sends a datagram into the lab in the name of `from`.
    pub fn datagram(&mut self, now: Instant, from: Endpoint, to: Endpoint, data: &[u8]) {
        // Without a way back there is nobody to tell.
        let _ = self.host.udp_send_from(now, from, to, data);
        self.settle(now);
    }

    /// Answers a question.
    pub fn answer(&mut self, now: Instant, inquiry: InquiryId, resolution: Resolution) {
        let Some(Inquiry { cause, kind }) = self.inquiries.remove(&inquiry) else { return };
        let Waiting::Question { from, to, bytes, edited } = kind else { return };
        let _scope = self.trace.clone().enter(self.trace.current().or(cause));
        let Some(query) = parse_query(&bytes) else { return };
        let mut answer = edited.unwrap_or_else(|| Answer { name: query.name.clone(), ..Answer::default() });
        match resolution {
            // A name without the address asked for still exists.
            Resolution::Address(ip) if query.kind == QueryKind::Address => answer.addresses.push(ip),
            Resolution::Address(_) => {}
            Resolution::NoSuchName => answer.outcome = Outcome::NameError,
            Resolution::Failed => answer.outcome = Outcome::ServerFailure,
        }
        self.reply(now, from, to, &bytes, &answer);
    }

    /// Brings an echo back.
    pub fn echo(&mut self, now: Instant, inquiry: InquiryId) {
        let Some(Inquiry { cause, kind: Waiting::Echo { packet } }) = self.inquiries.remove(&inquiry) else { return };
        let _scope = self.trace.clone().enter(self.trace.current().or(cause));
        if let Some(reply) = packet::echo_reply(&packet) {
            // Without a way back there is nobody to tell.
            let _ = self.host.send_packet(now, &reply, true);
        }
    }

    /// Nobody will answer.
    pub fn forget_inquiry(&mut self, inquiry: InquiryId) {
        self.inquiries.remove(&inquiry);
    }

    // ---- the LAN's side ----

    pub(crate) fn receive(&mut self, now: Instant, frame: &Frame) {
        self.host.receive(now, 0, frame);
        self.settle(now);
    }

    /// Takes a frame that is no packet if an Ethernet address can be learnt from it; whether it was one.
    pub(crate) fn hear(&mut self, now: Instant, frame: &Frame) -> bool {
        let is_reply = packet::is_arp_reply(&frame.bytes);
        if is_reply {
            self.receive(now, frame);
        }
        is_reply
    }

    /// An echo request for someone outside.
    pub(crate) fn ask_echo(&mut self, to: Ipv4Addr, packet: &[u8]) {
        let inquiry = self.inquire(Waiting::Echo { packet: packet.to_vec() });
        self.push(GatewayEvent::Echo { inquiry, to });
    }

    /// Whether `ip` is the gateway itself.
    pub(crate) fn is_own(&self, ip: Ipv4Addr) -> bool {
        self.own == ip
    }

    pub(crate) fn poll(&mut self, now: Instant) {
        self.host.poll(now);
        self.settle(now);
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.host.next_deadline()
    }

    pub(crate) fn take_frame(&mut self) -> Option<Frame> {
        self.host.take_frame().map(|(_, frame)| frame)
    }

    /// Handles what the stack tells.
    fn settle(&mut self, now: Instant) {
        while let Some((event, cause)) = self.host.take_event() {
            let _scope = self.trace.clone().enter(cause);
            self.handle(now, event);
            self.host.event_done(now);
        }
    }

    fn handle(&mut self, now: Instant, event: Event) {
        match event {
            Event::Incoming { incoming, from, to } => {
                let flow = self.new_flow(Leg::Waiting(incoming));
                self.push(GatewayEvent::Connect { flow, from, to });
            }
            Event::Connected(socket) => {
                if let Some(flow) = self.by_socket.get(&socket).copied() {
                    self.push(GatewayEvent::Connected(flow));
                    self.pump(now, flow);
                }
            }
            Event::Received { socket, data } => self.received(socket, &data),
            Event::Acknowledged { socket, .. } => {
                if let Some(flow) = self.by_socket.get(&socket).copied() {
                    self.pump(now, flow);
                }
            }
            Event::Closed { socket, reason } => self.closed(now, socket, reason),
            Event::Datagram { socket, data, from, to } if socket == self.datagrams => {
                self.datagram_out(now, from, to, data);
            }
            _ => {}
        }
    }

    fn received(&mut self, socket: SocketId, data: &[u8]) {
        let Some(flow) = self.by_socket.get(&socket).copied() else { return };
        let Some(found) = self.flows.get_mut(&flow) else { return };
        let was_empty = found.unread.is_empty();
        found.unread.extend(data);
        if found.unread.len() >= UNREAD_MAX && !found.is_held {
            found.is_held = true;
            self.host.tcp_hold(socket);
        }
        if was_empty {
            self.push(GatewayEvent::Readable(flow));
        }
    }

    fn closed(&mut self, now: Instant, socket: SocketId, reason: CloseReason) {
        let Some(flow) = self.by_socket.get(&socket).copied() else { return };
        if reason != CloseReason::PeerFin {
            self.forget(flow);
            return self.push(GatewayEvent::Ended { flow, reason });
        }
        let Some(found) = self.flows.get_mut(&flow) else { return };
        found.has_finished = true;
        if found_is_spent(Some(found)) {
            self.push(GatewayEvent::Finished(flow));
        }
        self.pump(now, flow);
    }

    /// Hands over what the stack has room for, and ends the outside's side after the last byte.
    fn pump(&mut self, now: Instant, flow: FlowId) {
        let Some(found) = self.flows.get_mut(&flow) else { return };
        let Leg::Open(socket) = found.leg else { return };
        let mut taken = 0;
        while !found.unsent.is_empty() {
            let count = self.host.tcp_send_space(socket).min(found.unsent.len());
            let bytes: Vec<u8> = found.unsent.iter().take(count).copied().collect();
            if count == 0 || self.host.tcp_send(now, socket, &bytes).is_err() {
                break;
            }
            found.unsent.drain(..count);
            taken += count;
        }
        let ending = found.ending.filter(|_| found.unsent.is_empty());
        let is_over = ending == Some(Ending::Whole) || (ending == Some(Ending::Half) && found.has_finished);
        if taken > 0 && found.ending != Some(Ending::Whole) {
            self.push(GatewayEvent::Taken { flow, bytes: taken });
        }
        if is_over {
            self.host.tcp_close(now, socket);
            self.forget(flow);
        } else if ending == Some(Ending::Half) {
            self.host.tcp_shutdown(now, socket);
        }
    }

    fn end(&mut self, now: Instant, flow: FlowId, ending: Ending) {
        match self.flows.get_mut(&flow) {
            Some(Flow { leg: Leg::Waiting(_), .. }) => self.refuse(now, flow, false),
            Some(found) => {
                found.ending = Some(ending);
                self.pump(now, flow);
                self.settle(now);
            }
            None => {}
        }
    }

    fn datagram_out(&mut self, now: Instant, from: Endpoint, to: Endpoint, data: Vec<u8>) {
        let question = if to.port == DNS_PORT { parse_query(&data) } else { None };
        match question {
            Some(query) if self.edits.borrow().knows(&query.name) => self.answer_edited(now, from, to, data, &query),
            Some(query) if to.ip == self.own => self.ask_outside(now, from, to, data, &query, None),
            _ if to.ip == self.own => {}
            _ => self.push(GatewayEvent::Datagram { from, to, data }),
        }
    }

    /// A name that was edited keeps its meaning, whoever is asked; an edited alias may lead outside.
    fn answer_edited(&mut self, now: Instant, from: Endpoint, to: Endpoint, bytes: Vec<u8>, query: &Query) {
        let mut answer = self.edits.borrow().answer(query);
        let leads_outside = answer.outcome == Outcome::NameError && !self.edits.borrow().knows(&answer.name);
        if leads_outside {
            answer.outcome = Outcome::NoError;
            let outside = Query { name: answer.name.clone(), ..query.clone() };
            return self.ask_outside(now, from, to, bytes, &outside, Some(answer));
        }
        self.reply(now, from, to, &bytes, &answer);
    }

    fn ask_outside(
        &mut self,
        now: Instant,
        from: Endpoint,
        to: Endpoint,
        bytes: Vec<u8>,
        query: &Query,
        edited: Option<Answer>,
    ) {
        if query.kind == QueryKind::Pointer {
            let answer = Answer { name: query.name.clone(), outcome: Outcome::NameError, ..Answer::default() };
            return self.reply(now, from, to, &bytes, &answer);
        }
        let inquiry = self.inquire(Waiting::Question { from, to, bytes, edited });
        self.push(GatewayEvent::Resolve { inquiry, name: query.name.clone() });
    }

    /// Answers a question in the name of the server that was asked.
    fn reply(&mut self, now: Instant, from: Endpoint, to: Endpoint, question: &[u8], answer: &Answer) {
        let recorded = self.trace.record(now, self.host.id(), answer.to_record());
        let _scope = self.trace.clone().enter(Some(recorded));
        if let Some(bytes) = build_answer(question, answer) {
            // Without a way back there is nobody to tell.
            let _ = self.host.udp_send_from(now, to, from, &bytes);
        }
    }

    fn inquire(&mut self, kind: Waiting) -> InquiryId {
        if self.inquiries.len() >= WAITING_MAX {
            self.inquiries.pop_first();
        }
        let inquiry = InquiryId(self.number());
        self.inquiries.insert(inquiry, Inquiry { cause: self.trace.current(), kind });
        inquiry
    }

    fn new_flow(&mut self, leg: Leg) -> FlowId {
        let flow = FlowId(self.number());
        let empty = Flow {
            leg,
            unread: VecDeque::new(),
            is_held: false,
            has_finished: false,
            unsent: VecDeque::new(),
            ending: None,
        };
        self.flows.insert(flow, empty);
        flow
    }

    fn bind(&mut self, flow: FlowId, socket: SocketId) {
        if let Some(found) = self.flows.get_mut(&flow) {
            found.leg = Leg::Open(socket);
            self.by_socket.insert(socket, flow);
        }
    }

    fn forget(&mut self, flow: FlowId) {
        if let Some(Flow { leg: Leg::Open(socket), .. }) = self.flows.remove(&flow) {
            self.by_socket.remove(&socket);
        }
    }

    fn number(&mut self) -> u32 {
        let number = self.next;
        self.next += 1;
        number
    }

    fn push(&mut self, event: GatewayEvent) {
        self.events.push_back((event, self.trace.current()));
    }
}

/// Whether the host has sent its FIN and everything before it was read.
fn found_is_spent(flow: Option<&Flow>) -> bool {
    flow.is_some_and(|flow| flow.has_finished && flow.unread.is_empty())
}
