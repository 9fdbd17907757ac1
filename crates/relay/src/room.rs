//! LAN rooms: raw Ethernet frames, one a message, between the clients of a room, as a switch carries them.
//!
//! The framing is that of websockproxy and v86: a binary message is a frame without check sequence, a text message is
//! ignored. Beyond them, a room knows who owns a MAC address: the first client that sends from it, until it leaves. A
//! frame with another client's source address is not carried, so nobody can pose as another.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_websockets::{CloseCode, Message, WebSocketStream};

use crate::metrics::Gauge;
use crate::server::{Shared, stopped};

/// Header (IEEE 802.3) and nothing else.
const FRAME_BYTES_MIN: usize = 14;
/// Header, VLAN tag and the largest payload.
const FRAME_BYTES_MAX: usize = 1518;
/// Frames given to a WebSocket before it is flushed.
const BATCH_MAX: usize = 64;

type Mac = [u8; 6];
type ClientId = u64;

/// All rooms.
#[derive(Default)]
pub(crate) struct Rooms {
    by_name: Mutex<HashMap<String, Room>>,
}

#[derive(Default)]
struct Room {
    next_client: ClientId,
    /// In the order they came: a flood reaches them in that order.
    clients: std::collections::BTreeMap<ClientId, Client>,
    owners: HashMap<Mac, ClientId>,
}

struct Client {
    frames: mpsc::Sender<Bytes>,
    macs: usize,
    /// When its queue was last seen with room.
    moved: Instant,
}

/// Why a client may not join.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JoinError {
    #[error("the room is full")]
    RoomFull,
    #[error("there are too many rooms")]
    TooManyRooms,
}

/// A room's name: 1 to 64 letters, digits, hyphens, underscores or dots.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

impl Rooms {
    async fn join(&self, name: &str, shared: &Shared) -> Result<(ClientId, mpsc::Receiver<Bytes>), JoinError> {
        let limits = &shared.limits;
        let mut rooms = self.by_name.lock().await;
        if !rooms.contains_key(name) && rooms.len() >= limits.rooms_max {
            return Err(JoinError::TooManyRooms);
        }
        let room = rooms.entry(name.to_string()).or_default();
        if room.clients.len() >= limits.room_clients_max {
            return Err(JoinError::RoomFull);
        }
        let (frames, queue) = mpsc::channel(limits.room_frames_max);
        let id = room.next_client;
        room.next_client += 1;
        room.clients.insert(id, Client { frames, macs: 0, moved: Instant::now() });
        Ok((id, queue))
    }

    async fn leave(&self, name: &str, id: ClientId) {
        let mut rooms = self.by_name.lock().await;
        if let Some(room) = rooms.get_mut(name) {
            room.clients.remove(&id);
            room.owners.retain(|_, owner| *owner != id);
            if room.clients.is_empty() {
                rooms.remove(name);
            }
        }
    }

    async fn carry(&self, name: &str, from: ClientId, frames: &[Bytes], shared: &Shared) {
        let mut rooms = self.by_name.lock().await;
        if let Some(room) = rooms.get_mut(name) {
            for frame in frames {
                room.carry(from, frame, shared);
            }
        }
    }
}

impl Room {
    fn carry(&mut self, from: ClientId, frame: &Bytes, shared: &Shared) {
        shared.metrics.room_frames.add(1);
        let (Some(destination), Some(source)) = (mac_at(frame, 0), mac_at(frame, 6)) else {
            shared.metrics.room_frames_refused.add(1);
            return;
        };
        if frame.len() > FRAME_BYTES_MAX || frame.len() < FRAME_BYTES_MIN || !self.owns(from, source, shared) {
            shared.metrics.room_frames_refused.add(1);
            return;
        }
        match self.owners.get(&destination).copied() {
            // To itself: a switch does not send a frame back where it came from.
            Some(owner) if owner == from => {}
            Some(owner) => self.give(owner, frame, shared),
            None => {
                let others: Vec<ClientId> = self.clients.keys().copied().filter(|id| *id != from).collect();
                for id in others {
                    self.give(id, frame, shared);
                }
            }
        }
    }

    /// Whether `client` may send from `source`; the first to use an address owns it.
    fn owns(&mut self, client: ClientId, source: Mac, shared: &Shared) -> bool {
        let is_group = source[0] & 1 == 1;
        if let Some(owner) = self.owners.get(&source) {
            return *owner == client;
        }
        let Some(entry) = self.clients.get_mut(&client) else { return false };
        if is_group || source == [0; 6] || entry.macs >= shared.limits.room_macs_max {
            return false;
        }
        entry.macs += 1;
        self.owners.insert(source, client);
        true
    }

    fn give(&mut self, id: ClientId, frame: &Bytes, shared: &Shared) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        match client.frames.try_send(frame.clone()) {
            Ok(()) => client.moved = Instant::now(),
            Err(_) => {
                shared.metrics.room_frames_lost.add(1);
                if client.moved.elapsed() > shared.limits.room_stall_max {
                    // Dropping the sender ends the client's task; the room goes on.
                    self.clients.remove(&id);
                    self.owners.retain(|_, owner| *owner != id);
                }
            }
        }
    }
}

fn mac_at(frame: &[u8], offset: usize) -> Option<Mac> {
    frame.get(offset..offset + 6)?.try_into().ok()
}

/// Serves one client of a room until it leaves, stalls or the relay stops.
pub(crate) async fn serve(
    socket: WebSocketStream<TcpStream>,
    shared: Arc<Shared>,
    name: String,
    mut stop: watch::Receiver<bool>,
) {
    let (mut sink, mut source) = socket.split();
    let (id, mut queue) = match shared.rooms.join(&name, &shared).await {
        Ok(joined) => joined,
        Err(error) => {
            let _ = sink.send(Message::close(Some(CloseCode::POLICY_VIOLATION), &error.to_string())).await;
            return;
        }
    };
    let _gauge = Gauge::new(Arc::clone(&shared.metrics), |metrics| &metrics.room_clients);
    tracing::info!(room = name, client = id, "joined");
    let writer = async {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        let mut ask = interval(shared.limits.ping_interval);
        ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                count = queue.recv_many(&mut batch, BATCH_MAX) => {
                    if count == 0 {
                        let text = "the client takes no frames";
                        let _ = sink.send(Message::close(Some(CloseCode::POLICY_VIOLATION), text)).await;
                        return;
                    }
                    for frame in batch.drain(..) {
                        if sink.feed(Message::binary(frame)).await.is_err() {
                            return;
                        }
                    }
                    if sink.flush().await.is_err() {
                        return;
                    }
                }
                _ = ask.tick() => {
                    if sink.send(Message::ping(Bytes::new())).await.is_err() {
                        return;
                    }
                }
                () = stopped(&mut stop) => {
                    let _ = sink.send(Message::close(Some(CloseCode::GOING_AWAY), "the relay is stopping")).await;
                    return;
                }
            }
        }
    };
    tokio::select! {
        () = writer => {}
        () = read(&mut source, &shared, &name, id) => {}
    }
    shared.rooms.leave(&name, id).await;
    tracing::info!(room = name, client = id, "left");
}

/// Takes frames from the client, as many at once as have arrived.
async fn read(
    source: &mut futures_util::stream::SplitStream<WebSocketStream<TcpStream>>,
    shared: &Shared,
    name: &str,
    id: ClientId,
) {
    let mut frames = Vec::new();
    let silence_max = shared.limits.silence_max + Duration::from_secs(1);
    while let Ok(Some(Ok(message))) = tokio::time::timeout(silence_max, source.next()).await {
        let mut next = Some(message);
        while let Some(message) = next.take() {
            if message.is_close() {
                return;
            }
            if message.is_binary() {
                frames.push(Bytes::from(message.into_payload()));
            }
            if frames.len() < BATCH_MAX {
                next = futures_util::FutureExt::now_or_never(source.next()).flatten().and_then(Result::ok);
            }
        }
        shared.rooms.carry(name, id, &frames, shared).await;
        frames.clear();
    }
}
