//! Runs server programs on the sockets of a host.
//!
//! The owner hands over the events of its host and gets back those that concern no program. Causes are kept: what a
//! program sends was caused by the frame, or the moment, that made it act.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use trace::{Endpoint, Instant, RecordId, SocketId};

use super::service::{Action, ConnectionId, Log, Outbox, Peer, TcpService, UdpService};
use crate::event::{CloseReason, Event, ListenerId};
use crate::host::Host;

/// Most bytes that wait on one connection for the peer to take them; a program that writes more loses the connection.
const UNSENT_MAX: usize = 16 * 1024 * 1024;

/// The programs of one host.
pub(crate) struct Programs {
    log: Log,
    tcp: Vec<Box<dyn TcpService>>,
    listeners: BTreeMap<ListenerId, usize>,
    udp: BTreeMap<SocketId, Box<dyn UdpService>>,
    /// Socket ids are never reused, so a connection has the number of its socket.
    connections: BTreeMap<SocketId, Connection>,
    timers: BTreeMap<(Instant, u64), Timer>,
    next_timer: u64,
}

struct Connection {
    program: usize,
    peer: Peer,
    unsent: VecDeque<u8>,
    /// Close when everything has been handed to the stack.
    is_closing: bool,
}

struct Timer {
    socket: SocketId,
    token: u64,
    cause: Option<RecordId>,
}

impl Programs {
    /// No programs.
    pub(crate) fn new(log: Log) -> Programs {
        Programs {
            log,
            tcp: Vec::new(),
            listeners: BTreeMap::new(),
            udp: BTreeMap::new(),
            connections: BTreeMap::new(),
            timers: BTreeMap::new(),
            next_timer: 0,
        }
    }

    /// Runs `program` on a TCP port; a port that is taken stays as it is.
    pub(crate) fn serve_tcp(&mut self, host: &mut Host, ip: Ipv4Addr, port: u16, program: Box<dyn TcpService>) {
        if let Ok(listener) = host.tcp_listen(Instant::ZERO, ip, port) {
            self.listeners.insert(listener, self.tcp.len());
            self.tcp.push(program);
        }
    }

    /// Runs `program` on a UDP port; a port that is taken stays as it is.
    pub(crate) fn serve_udp(&mut self, host: &mut Host, ip: Ipv4Addr, port: u16, program: Box<dyn UdpService>) {
        let socket = host.udp_open();
        if host.udp_bind(Instant::ZERO, socket, ip, port).is_ok() {
            self.udp.insert(socket, program);
        }
    }

    /// Gives `event` to the program concerned, or back if none is.
    pub(crate) fn handle(&mut self, now: Instant, host: &mut Host, event: Event) -> Option<Event> {
        match event {
            Event::Accepted { listener, socket } if self.listeners.contains_key(&listener) => {
                self.accept(now, host, listener, socket);
            }
            Event::Received { socket, ref data } if self.connections.contains_key(&socket) => {
                self.call(now, host, socket, |program, peer, out| program.received(peer, data, out));
            }
            Event::Acknowledged { socket, .. } if self.connections.contains_key(&socket) => {
                self.pump(now, host, socket);
                if self.connections.get(&socket).is_some_and(|connection| connection.unsent.is_empty()) {
                    self.call(now, host, socket, |program, peer, out| program.drained(peer, out));
                }
            }
            Event::Closed { socket, reason } if self.connections.contains_key(&socket) => {
                if reason == CloseReason::PeerFin {
                    self.call(now, host, socket, |program, peer, out| program.finished(peer, out));
                }
                if reason != CloseReason::PeerFin || host.tcp_state(socket).is_none() {
                    self.end(now, host, socket);
                }
            }
            Event::Datagram { socket, ref data, from, to } if self.udp.contains_key(&socket) => {
                self.answer(now, host, socket, from, to, data);
            }
            other => return Some(other),
        }
        None
    }

    /// Does what is due.
    pub(crate) fn poll(&mut self, now: Instant, host: &mut Host) {
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            let timer = entry.remove();
            let _scope = self.log.trace.enter(timer.cause);
            self.call(now, host, timer.socket, |program, peer, out| program.woken(peer, timer.token, out));
        }
    }

    /// When [`Programs::poll`] has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.timers.keys().next().map(|(at, _)| *at)
    }

    fn accept(&mut self, now: Instant, host: &mut Host, listener: ListenerId, socket: SocketId) {
        let Some(program) = self.listeners.get(&listener).copied() else { return };
        let remote = host.tcp_remote(socket).unwrap_or(Endpoint { ip: Ipv4Addr::UNSPECIFIED, port: 0 });
        let peer = Peer { id: ConnectionId(socket.0), remote };
        self.connections.insert(socket, Connection { program, peer, unsent: VecDeque::new(), is_closing: false });
        self.call(now, host, socket, |program, peer, out| program.opened(peer, out));
    }

    fn answer(&mut self, now: Instant, host: &mut Host, socket: SocketId, from: Endpoint, to: Endpoint, data: &[u8]) {
        let Some(program) = self.udp.get_mut(&socket) else { return };
        for reply in program.datagram(now, data, &self.log) {
            let is_own = !to.ip.is_broadcast() && !to.ip.is_multicast();
            // A server with many addresses answers from the one that was asked. Nothing is owed to an asker without a
            // way back, so errors mean nothing.
            let _ = if is_own {
                host.udp_send_from(now, to, from, &reply)
            } else {
                host.udp_send(now, socket, from, &reply)
            };
        }
    }

    /// Calls the program of a connection and carries out what it wants.
    fn call(
        &mut self,
        now: Instant,
        host: &mut Host,
        socket: SocketId,
        call: impl FnOnce(&mut dyn TcpService, Peer, &mut Outbox),
    ) {
        let Some(connection) = self.connections.get(&socket) else { return };
        let Some(program) = self.tcp.get_mut(connection.program) else { return };
        let mut out = Outbox::new(now);
        call(program.as_mut(), connection.peer, &mut out);
        self.carry_out(now, host, out.into_actions());
    }

    fn carry_out(&mut self, now: Instant, host: &mut Host, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Send(id, bytes) => self.send(now, host, SocketId(id.0), &bytes),
                Action::Close(id) => self.close(now, host, SocketId(id.0)),
                Action::Reset(id) => {
                    host.tcp_abort(now, SocketId(id.0));
                    self.end(now, host, SocketId(id.0));
                }
                Action::Wake(id, span, token) => {
                    let timer = Timer { socket: SocketId(id.0), token, cause: self.log.trace.current() };
                    self.timers.insert((now + span, self.next_timer), timer);
                    self.next_timer += 1;
                }
            }
        }
    }

    fn send(&mut self, now: Instant, host: &mut Host, socket: SocketId, bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(&socket) else { return };
        if connection.is_closing {
            return;
        }
        connection.unsent.extend(bytes);
        if connection.unsent.len() > UNSENT_MAX {
            host.tcp_abort(now, socket);
            self.end(now, host, socket);
        } else {
            self.pump(now, host, socket);
        }
    }

    fn close(&mut self, now: Instant, host: &mut Host, socket: SocketId) {
        if let Some(connection) = self.connections.get_mut(&socket) {
            connection.is_closing = true;
            self.pump(now, host, socket);
        }
    }

    /// Hands over what the stack has room for, and closes after the last byte.
    fn pump(&mut self, now: Instant, host: &mut Host, socket: SocketId) {
        let Some(connection) = self.connections.get_mut(&socket) else { return };
        while !connection.unsent.is_empty() {
            let count = host.tcp_send_space(socket).min(connection.unsent.len());
            let bytes: Vec<u8> = connection.unsent.iter().take(count).copied().collect();
            if count == 0 || host.tcp_send(now, socket, &bytes).is_err() {
                break;
            }
            connection.unsent.drain(..count);
        }
        if connection.is_closing && connection.unsent.is_empty() {
            host.tcp_close(now, socket);
            self.end(now, host, socket);
        }
    }

    /// Forgets a connection and tells its program.
    fn end(&mut self, now: Instant, host: &mut Host, socket: SocketId) {
        let Some(connection) = self.connections.remove(&socket) else { return };
        let Some(program) = self.tcp.get_mut(connection.program) else { return };
        let mut out = Outbox::new(now);
        program.gone(connection.peer, &mut out);
        self.carry_out(now, host, out.into_actions());
    }
}
