//! One TCP stream: a target socket, the client's bytes on their way to it, the target's on their way back.
//!
//! Nothing is dropped on the way. A full queue makes the client's WebSocket wait, a full WebSocket makes the target wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use relay_protocol::ext::{ExtPacket, WINDOW_BYTES};
use relay_protocol::packet::data_header;
use relay_protocol::{CloseReason, Credit, Packet, StreamId};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::activity::Activity;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::outbound::Outbound;
use crate::pool::Pool;

/// Pieces written to the target with one call.
const WRITE_PIECES_MAX: usize = 32;
/// How long a target may take to read what a client sent before it closed.
const FLUSH_MAX: Duration = Duration::from_secs(30);
/// How long a target may go on sending after the client closed.
const LINGER_MAX: Duration = Duration::from_secs(5);

/// What the client wants done with a stream.
pub(crate) enum Upload {
    /// Bytes for the target; `ends_packet` on the last piece of a packet, for the credit counts packets.
    Piece { bytes: Bytes, ends_packet: bool },
    /// No more bytes, but the target may go on (FIN).
    Shutdown,
    /// Deliver what was sent, then end.
    Close,
    /// End at once (RST).
    Reset,
}

/// The client's side of a stream.
pub(crate) struct Handle {
    queue: mpsc::Sender<Upload>,
    active: Arc<Activity>,
    window: Option<Arc<Window>>,
}

/// Bytes that the client is ready to take; see [`relay_protocol::ext`].
pub(crate) struct Window {
    bytes: AtomicU64,
    grown: Notify,
}

impl Window {
    fn new() -> Window {
        Window { bytes: AtomicU64::new(u64::from(WINDOW_BYTES)), grown: Notify::new() }
    }

    fn grow(&self, bytes: u32) {
        // 2^64 bytes are out of reach of any number of these.
        self.bytes.fetch_add(u64::from(bytes), Ordering::Relaxed);
        self.grown.notify_one();
    }

    fn take(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    /// What may be sent, once that is something.
    async fn open(&self) -> usize {
        loop {
            match self.bytes.load(Ordering::Relaxed) {
                0 => self.grown.notified().await,
                bytes => return usize::try_from(bytes).unwrap_or(usize::MAX),
            }
        }
    }
}

impl Handle {
    /// What the connection keeps of a stream, and what [`run`] reads. `has_window` if the client says what it can take.
    pub(crate) fn new(limits: &Limits, has_window: bool) -> (Handle, mpsc::Receiver<Upload>) {
        let (queue, receiver) = mpsc::channel(Credit::new(limits.credit_packets).held_max() as usize);
        let window = has_window.then(|| Arc::new(Window::new()));
        (Handle { queue, active: Activity::new(), window }, receiver)
    }

    /// When something last moved; shared with the stream's task.
    pub(crate) fn activity(&self) -> Arc<Activity> {
        Arc::clone(&self.active)
    }

    /// What the client can take; shared with the stream's task.
    pub(crate) fn window(&self) -> Option<Arc<Window>> {
        self.window.clone()
    }

    /// The client can take so many more bytes.
    pub(crate) fn grow_window(&self, bytes: u32) {
        if let Some(window) = &self.window {
            window.grow(bytes);
        }
    }

    /// Queues a packet's bytes in pieces, waiting for room. `false` if the stream has ended, or its target took nothing for
    /// so long that the client's other streams should not wait any longer.
    pub(crate) async fn data(&self, mut bytes: Bytes, limits: &Limits) -> bool {
        self.active.note();
        loop {
            let piece = bytes.split_to(bytes.len().min(limits.piece_bytes_max));
            let ends_packet = bytes.is_empty();
            match self.queue.try_send(Upload::Piece { bytes: piece, ends_packet }) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Closed(_)) => return false,
                Err(mpsc::error::TrySendError::Full(upload)) => {
                    match timeout(FLUSH_MAX, self.queue.send(upload)).await {
                        Ok(Ok(())) => {}
                        _ => return false,
                    }
                }
            }
            if ends_packet {
                return true;
            }
        }
    }

    /// Queues an order. It waits behind the bytes, but never makes the caller wait.
    pub(crate) fn order(self, upload: Upload) {
        if let Err(mpsc::error::TrySendError::Full(upload)) = self.queue.try_send(upload) {
            tokio::spawn(async move { self.queue.send(upload).await });
        }
    }

    /// Queues a half close.
    pub(crate) async fn shutdown(&self) {
        let _ = self.queue.send(Upload::Shutdown).await;
    }

    /// How long nothing has moved.
    pub(crate) fn idle(&self) -> Duration {
        self.active.idle()
    }
}

/// What both directions of a stream need.
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    pub(crate) out: Outbound,
    pub(crate) limits: Arc<Limits>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) buffers: Pool,
    pub(crate) active: Arc<Activity>,
    pub(crate) window: Option<Arc<Window>>,
    /// Whether the client understands a half close.
    pub(crate) half_close: bool,
}

/// How a direction ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The target said that no more comes.
    Fin,
    /// The client ended the stream, or is gone.
    Client,
    /// The client reset it.
    ClientReset,
    /// The target reset it.
    Reset,
}

/// Carries bytes both ways until the stream ends, and tells the client why unless it ended it itself.
pub(crate) async fn run(stream: Stream, target: TcpStream, mut queue: mpsc::Receiver<Upload>) {
    let _ = target.set_nodelay(true);
    let (mut read, mut write) = target.into_split();
    let reason = match carry(&stream, &mut read, &mut write, &mut queue).await {
        End::Client => return drain(&mut read).await,
        End::ClientReset => return reset(read, write),
        End::Reset => CloseReason::NetworkError,
        End::Fin => {
            // Version 1 has no half close: what the client has already sent still belongs to the target.
            let _ = timeout(FLUSH_MAX, flush(&stream, &mut queue, &mut write)).await;
            CloseReason::Voluntary
        }
    };
    let _ = stream.out.close(stream.id, reason).await;
}

/// Both directions at once; `Fin` when both have ended in order.
async fn carry(
    stream: &Stream,
    read: &mut OwnedReadHalf,
    write: &mut OwnedWriteHalf,
    queue: &mut mpsc::Receiver<Upload>,
) -> End {
    let client_fin = Notify::new();
    let mut upload = std::pin::pin!(upload(stream, write, queue, &client_fin));
    let watch: &OwnedReadHalf = read;
    let mut download = std::pin::pin!(download(stream, watch));
    let (mut client_done, mut target_done) = (false, false);
    loop {
        tokio::select! {
            end = &mut upload => return end,
            () = client_fin.notified() => client_done = true,
            end = &mut download, if !target_done => match end {
                End::Fin => target_done = true,
                End::Client => {
                    let _ = timeout(FLUSH_MAX, &mut upload).await;
                    return End::Client;
                }
                other => return other,
            },
            () = broken(watch), if target_done => return End::Reset,
        }
        if target_done && (client_done || !stream.half_close) {
            return End::Fin;
        }
        if target_done {
            let fin = Packet::Ext { stream: stream.id, packet: ExtPacket::Shutdown };
            if stream.out.packet(fin).await.is_err() {
                return End::Client;
            }
        }
    }
}

/// From the client to the target.
async fn upload(
    stream: &Stream,
    write: &mut OwnedWriteHalf,
    queue: &mut mpsc::Receiver<Upload>,
    client_fin: &Notify,
) -> End {
    let mut credit = Credit::new(stream.limits.credit_packets);
    loop {
        // Made anew each time, so that an idle stream holds none.
        let mut batch = Vec::new();
        if queue.recv_many(&mut batch, WRITE_PIECES_MAX).await == 0 {
            // The client is gone without a word. What it sent has been delivered; then its target hears the end.
            let _ = write.shutdown().await;
            return End::Client;
        }
        let (pieces, packets, order) = sort(&mut batch);
        if write_all(write, pieces, stream).await.is_err() {
            return End::Reset;
        }
        let waiting = u32::try_from(queue.len()).unwrap_or(u32::MAX);
        let renewed = (0..packets).filter_map(|_| credit.receive(waiting)).last();
        if let Some(credit) = renewed {
            // To a client that is gone; what it sent before is still the target's.
            let _ = stream.out.packet(Packet::Continue { stream: stream.id, credit }).await;
        }
        match order {
            None | Some(Upload::Piece { .. }) => {}
            Some(Upload::Shutdown) => {
                let _ = write.shutdown().await;
                client_fin.notify_one();
            }
            Some(Upload::Reset) => return End::ClientReset,
            Some(Upload::Close) => {
                let _ = write.shutdown().await;
                return End::Client;
            }
        }
    }
}

/// Bytes, how many packets end among them, and the order behind them.
fn sort(batch: &mut Vec<Upload>) -> (Vec<Bytes>, u32, Option<Upload>) {
    let mut pieces = Vec::with_capacity(batch.len());
    let mut packets = 0;
    let mut order = None;
    for upload in batch.drain(..) {
        match upload {
            Upload::Piece { bytes, ends_packet } if order.is_none() => {
                packets += u32::from(ends_packet);
                pieces.push(bytes);
            }
            Upload::Piece { .. } => {}
            Upload::Reset => order = Some(Upload::Reset),
            Upload::Close if !matches!(order, Some(Upload::Reset)) => order = Some(Upload::Close),
            other => order = order.or(Some(other)),
        }
    }
    (pieces, packets, order)
}

async fn write_all(write: &mut OwnedWriteHalf, pieces: Vec<Bytes>, stream: &Stream) -> std::io::Result<()> {
    let total: usize = pieces.iter().map(Bytes::len).sum();
    let mut pieces: std::collections::VecDeque<Bytes> = pieces.into();
    while let Some(first) = pieces.front_mut() {
        if first.is_empty() {
            pieces.pop_front();
            continue;
        }
        let slices: Vec<std::io::IoSlice<'_>> = pieces.iter().map(|piece| std::io::IoSlice::new(piece)).collect();
        let mut written = write.write_vectored(&slices).await?;
        if written == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        stream.active.note();
        while written > 0 {
            let Some(first) = pieces.front_mut() else { break };
            let step = written.min(first.len());
            first.advance(step);
            written -= step;
            if first.is_empty() {
                pieces.pop_front();
            }
        }
    }
    stream.metrics.bytes_up.add(total as u64);
    Ok(())
}

/// From the target to the client.
async fn download(stream: &Stream, read: &OwnedReadHalf) -> End {
    loop {
        // No buffer is held while a stream is idle: a thousand of them cost little.
        let waited = tokio::select! {
            ready = ready_to_send(stream, read) => ready,
            () = stream.out.gone() => return End::Client,
        };
        let Ok(bytes_max) = waited else { return End::Reset };
        let mut message = stream.buffers.take();
        data_header(stream.id, &mut message);
        match read.try_read_buf(&mut (&mut message).limit(bytes_max)) {
            Ok(0) => return End::Fin,
            Ok(count) => {
                stream.active.note();
                stream.metrics.bytes_down.add(count as u64);
                if let Some(window) = &stream.window {
                    window.take(count);
                }
                if stream.out.send(stream.buffers.freeze(message)).await.is_err() {
                    return End::Client;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => stream.buffers.give(message),
            Err(_) => return End::Reset,
        }
    }
}

/// Waits until the client can take something and the target has something: how many bytes may be read.
async fn ready_to_send(stream: &Stream, read: &OwnedReadHalf) -> std::io::Result<usize> {
    let bytes_max = match &stream.window {
        Some(window) => window.open().await,
        None => usize::MAX,
    };
    read.readable().await.map(|()| bytes_max)
}

/// Resolves when a target that has sent its FIN resets the connection after all.
async fn broken(read: &OwnedReadHalf) {
    while read.ready(Interest::ERROR).await.is_ok_and(|ready| !ready.is_error()) {}
}

/// Delivers what is queued, then says that no more comes.
async fn flush(stream: &Stream, queue: &mut mpsc::Receiver<Upload>, write: &mut OwnedWriteHalf) {
    let mut batch = Vec::new();
    while let Ok(upload) = queue.try_recv() {
        batch.push(upload);
    }
    let (pieces, _, order) = sort(&mut batch);
    if !matches!(order, Some(Upload::Reset)) && write_all(write, pieces, stream).await.is_ok() {
        let _ = write.shutdown().await;
    }
}

/// Reads and forgets until the target has closed too: closing with unread bytes would reset it, and with them what was
/// just delivered.
async fn drain(read: &mut OwnedReadHalf) {
    // On the heap: an array would make every stream's task larger by its size, all the time.
    let mut scratch = vec![0; 4096];
    let _ = timeout(LINGER_MAX, async {
        while let Ok(count) = read.read(&mut scratch).await
            && count > 0
        {}
    })
    .await;
}

/// Closes with a reset instead of a FIN.
fn reset(read: OwnedReadHalf, write: OwnedWriteHalf) {
    let _ = socket2::SockRef::from(write.as_ref()).set_linger(Some(Duration::ZERO));
    // Dropping the half would send a FIN first.
    write.forget();
    drop(read);
}
