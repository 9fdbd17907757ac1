//! One UDP stream: a socket connected to one target, a datagram a packet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use relay_protocol::packet::{HEADER_BYTES, data_header};
use relay_protocol::{CloseReason, StreamId};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::activity::Activity;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::outbound::Outbound;

/// Datagrams waiting for their socket; more are lost, as UDP may.
const WAITING_MAX: usize = 64;
/// Largest payload of a datagram (RFC 768).
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// The client's side.
pub(crate) struct Handle {
    queue: mpsc::Sender<Bytes>,
    active: Arc<Activity>,
}

impl Handle {
    pub(crate) fn new() -> (Handle, mpsc::Receiver<Bytes>, Arc<Activity>) {
        let (queue, receiver) = mpsc::channel(WAITING_MAX);
        let active = Activity::new();
        (Handle { queue, active: Arc::clone(&active) }, receiver, active)
    }

    /// Queues a datagram, or loses it when too many wait. `false` if the stream has ended.
    pub(crate) fn datagram(&self, bytes: Bytes) -> bool {
        self.active.note();
        !matches!(self.queue.try_send(bytes), Err(mpsc::error::TrySendError::Closed(_)))
    }

    pub(crate) fn idle(&self) -> Duration {
        self.active.idle()
    }
}

/// A socket that speaks to `target` alone.
pub(crate) async fn connect(target: SocketAddr) -> std::io::Result<UdpSocket> {
    let any = match target.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(target).await?;
    Ok(socket)
}

/// Carries datagrams both ways until the client closes the stream or is gone.
pub(crate) async fn run(
    id: StreamId,
    socket: UdpSocket,
    mut queue: mpsc::Receiver<Bytes>,
    out: Outbound,
    limits: Arc<Limits>,
    metrics: Arc<Metrics>,
    active: Arc<Activity>,
) {
    let (mut sent, mut answered) = (0_u64, 0_u64);
    loop {
        tokio::select! {
            datagram = queue.recv() => {
                let Some(datagram) = datagram else { return };
                sent += datagram.len() as u64;
                metrics.bytes_up.add(datagram.len() as u64);
                // An unreachable port shows as an error of the next call; a board would not be told either.
                let _ = socket.send(&datagram).await;
            }
            ready = socket.readable() => {
                if ready.is_err() {
                    let _ = out.close(id, CloseReason::NetworkError).await;
                    return;
                }
                let mut message = BytesMut::with_capacity(HEADER_BYTES + DATAGRAM_BYTES_MAX);
                data_header(id, &mut message);
                let Ok(count) = socket.try_recv_buf(&mut message) else { continue };
                answered += count as u64;
                let free = limits.udp_answer_bytes_free;
                let factor = limits.udp_amplification_max;
                if factor > 0 && answered > free.saturating_add(sent.saturating_mul(factor)) {
                    tracing::info!(stream = id.0, answered, sent, "UDP stream closed: the target answers too much");
                    let _ = out.close(id, CloseReason::Throttled).await;
                    return;
                }
                active.note();
                metrics.bytes_down.add(count as u64);
                if out.send(Bytes::copy_from_slice(&message)).await.is_err() {
                    return;
                }
            }
            () = out.gone() => return,
        }
    }
}
