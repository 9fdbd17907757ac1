//! The queue in front of a client's WebSocket: bounded, shared by all that has something to say to that client.

use bytes::Bytes;
use relay_protocol::{CloseReason, Packet, StreamId};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Where messages for a client go. Clones share the queue, and waiting senders are served in turn: that is what keeps a
/// hundred streams fair to one another.
#[derive(Clone)]
pub(crate) struct Outbound(mpsc::Sender<Bytes>);

/// The client is gone.
#[derive(Debug)]
pub(crate) struct Gone;

impl Outbound {
    /// A queue of `messages_max` messages, and its end.
    pub(crate) fn new(messages_max: usize) -> (Outbound, mpsc::Receiver<Bytes>) {
        let (sender, receiver) = mpsc::channel(messages_max.max(1));
        (Outbound(sender), receiver)
    }

    /// Queues an encoded message, waiting for room.
    pub(crate) async fn send(&self, message: Bytes) -> Result<(), Gone> {
        self.0.send(message).await.map_err(|_| Gone)
    }

    /// Queues a packet, waiting for room.
    pub(crate) async fn packet(&self, packet: Packet) -> Result<(), Gone> {
        self.send(packet.encode()).await
    }

    /// Says that a stream is over.
    pub(crate) async fn close(&self, stream: StreamId, reason: CloseReason) -> Result<(), Gone> {
        self.packet(Packet::Close { stream, reason }).await
    }

    /// Resolves when the client is gone.
    pub(crate) async fn gone(&self) {
        self.0.closed().await;
    }
}

/// An allowance that refills with time.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// Units a second; 0 for no limit.
    rate: u64,
    /// Units left; below zero while a debt is paid off.
    left: f64,
    filled: Instant,
}

impl Bucket {
    /// An allowance of `rate` units a second, full.
    pub(crate) fn new(rate: u64) -> Bucket {
        Bucket { rate, left: rate as f64, filled: Instant::now() }
    }

    fn fill(&mut self) {
        let now = Instant::now();
        let gained = now.duration_since(self.filled).as_secs_f64() * self.rate as f64;
        self.left = (self.left + gained).min(self.rate as f64);
        self.filled = now;
    }

    /// Takes `units` if the allowance has them.
    pub(crate) fn take(&mut self, units: u64) -> bool {
        if self.rate == 0 {
            return true;
        }
        self.fill();
        let enough = self.left >= units as f64;
        if enough {
            self.left -= units as f64;
        }
        enough
    }

    /// Takes `units` now and waits until the debt is paid off.
    pub(crate) async fn spend(&mut self, units: u64) {
        if self.rate == 0 {
            return;
        }
        self.fill();
        self.left -= units as f64;
        if self.left < 0.0 {
            tokio::time::sleep(std::time::Duration::from_secs_f64(-self.left / self.rate as f64)).await;
        }
    }
}
