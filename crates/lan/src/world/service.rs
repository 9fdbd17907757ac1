//! What a server program is, apart from any stack: bytes and moments in, actions out.
//!
//! A [`TcpService`] serves all connections to one port of one host; a [`UdpService`] answers datagrams. Neither knows of
//! sockets. The runner ([`super::server`]) feeds them from a `Host` and carries their actions out, the tests feed them
//! bytes. What a service wants to do later it asks for with [`Outbox::wake`]; it never waits.

use std::collections::BTreeMap;

use trace::{Duration, Endpoint, HostId, Instant, Kind, RecordId, Trace};

/// One TCP connection to a service; never reused during a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnectionId(pub(crate) u32);

/// What a service knows of the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) id: ConnectionId,
    pub(crate) remote: Endpoint,
}

/// What a service wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send these bytes, after those sent before.
    Send(ConnectionId, Vec<u8>),
    /// Close after everything sent so far has left.
    Close(ConnectionId),
    /// Reset at once; what is unsent is lost.
    Reset(ConnectionId),
    /// Call [`TcpService::woken`] with the number after this span, unless the connection is gone by then.
    Wake(ConnectionId, Duration, u64),
}

/// Collects the actions of one call of a service, in order.
#[derive(Debug)]
pub(crate) struct Outbox {
    now: Instant,
    actions: Vec<Action>,
}

impl Outbox {
    /// An empty outbox at `now`.
    pub(crate) fn new(now: Instant) -> Outbox {
        Outbox { now, actions: Vec::new() }
    }

    /// The moment of the call.
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// Sends `bytes`.
    pub(crate) fn send(&mut self, connection: ConnectionId, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            self.actions.push(Action::Send(connection, bytes));
        }
    }

    /// Closes once everything has left.
    pub(crate) fn close(&mut self, connection: ConnectionId) {
        self.actions.push(Action::Close(connection));
    }

    /// Resets at once.
    pub(crate) fn reset(&mut self, connection: ConnectionId) {
        self.actions.push(Action::Reset(connection));
    }

    /// Asks for a call of [`TcpService::woken`] with `token` after `span`.
    pub(crate) fn wake(&mut self, connection: ConnectionId, span: Duration, token: u64) {
        self.actions.push(Action::Wake(connection, span, token));
    }

    /// What was collected.
    pub(crate) fn into_actions(self) -> Vec<Action> {
        self.actions
    }
}

/// A server program on a TCP port.
pub(crate) trait TcpService {
    /// A connection was accepted.
    fn opened(&mut self, _peer: Peer, _out: &mut Outbox) {}

    /// Bytes arrived.
    fn received(&mut self, peer: Peer, data: &[u8], out: &mut Outbox);

    /// The peer will send no more. Most servers close then.
    fn finished(&mut self, peer: Peer, out: &mut Outbox) {
        out.close(peer.id);
    }

    /// The connection is over, however it ended: forget it.
    fn gone(&mut self, _peer: Peer, _out: &mut Outbox) {}

    /// Everything sent has been acknowledged.
    fn drained(&mut self, _peer: Peer, _out: &mut Outbox) {}

    /// A moment asked for with [`Outbox::wake`] has come.
    fn woken(&mut self, _peer: Peer, _token: u64, _out: &mut Outbox) {}
}

/// A server program on a UDP port: zero or more datagrams back to where one came from.
pub(crate) trait UdpService {
    /// Answers `data`; what it decides beyond that it tells `log`.
    fn datagram(&mut self, now: Instant, data: &[u8], log: &Log) -> Vec<Vec<u8>>;
}

/// A host's way into the causal log.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) trace: Trace,
    pub(crate) host: HostId,
}

impl Log {
    /// Records `kind` as happening on the host, caused by the current cause.
    pub(crate) fn record(&self, now: Instant, kind: Kind) -> RecordId {
        self.trace.record(now, self.host, kind)
    }
}

/// A service that keeps a `Session` for each connection.
#[derive(Debug)]
pub(crate) struct Sessions<S>(BTreeMap<ConnectionId, S>);

impl<S> Default for Sessions<S> {
    fn default() -> Self {
        Sessions(BTreeMap::new())
    }
}

impl<S: Default> Sessions<S> {
    /// The session of `connection`, begun if there is none.
    pub(crate) fn of(&mut self, connection: ConnectionId) -> &mut S {
        self.0.entry(connection).or_default()
    }

    /// Ends the session of `connection`.
    pub(crate) fn end(&mut self, connection: ConnectionId) -> Option<S> {
        self.0.remove(&connection)
    }
}

/// Runs a service by hand in tests.
#[cfg(test)]
pub(crate) mod testing {
    use std::net::Ipv4Addr;

    use super::*;

    /// A log that keeps nothing.
    pub(crate) fn log() -> Log {
        Log { trace: Trace::discarding(), host: HostId(0) }
    }

    pub(crate) fn peer(id: u32) -> Peer {
        let remote = Endpoint { ip: Ipv4Addr::new(203, 0, 113, 50), port: 40000 };
        Peer { id: ConnectionId(id), remote }
    }

    /// Calls `call` with a fresh outbox at `now_ms` and gives its actions.
    pub(crate) fn actions(now_ms: u64, call: impl FnOnce(&mut Outbox)) -> Vec<Action> {
        let mut out = Outbox::new(Instant::from_micros(now_ms * 1000));
        call(&mut out);
        out.into_actions()
    }

    /// All bytes that `actions` send.
    pub(crate) fn sent(actions: &[Action]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for action in actions {
            if let Action::Send(_, more) = action {
                bytes.extend_from_slice(more);
            }
        }
        bytes
    }
}
