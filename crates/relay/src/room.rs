//! LAN rooms: raw Ethernet frames, one a message, between the clients of a room, as a switch carries them.
//!
//! The framing is that of websockproxy and v86: a binary message is a frame without check sequence. Beyond them, a room
//! knows who owns a MAC address: the first client that sends from it, until it leaves. A frame with another client's
//! source address is not carried, so nobody can pose as another. Text messages are the members' (see `roster`); a client
//! that sends none gets none. The room's keeper, if the relay has one, is a client without a WebSocket.

use std::collections::HashMap;
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_websockets::{CloseCode, Message};

use crate::keeper::KeeperInput;
use crate::metrics::Gauge;
use crate::roster::{Errand, Roster};
use crate::server::{ClientSocket, Shared, stopped};
use relay_protocol::room::{FromHub, ToHub};

/// Header (IEEE 802.3) and nothing else.
const FRAME_BYTES_MIN: usize = 14;
/// Header, VLAN tag and the largest payload.
const FRAME_BYTES_MAX: usize = 1518;
/// Frames given to a WebSocket before it is flushed.
const BATCH_MAX: usize = 64;

/// What a client hears that its room has dropped.
const ENDED: (CloseCode, &str) = (CloseCode::POLICY_VIOLATION, "the room ended this connection");

type Mac = [u8; 6];
pub(crate) type ClientId = u64;

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
    roster: Roster,
    keeper: Option<Keeper>,
}

/// The room's keeper, which counts as a client for frames and not as one for anything else.
struct Keeper {
    id: ClientId,
    input: std_mpsc::SyncSender<KeeperInput>,
}

struct Client {
    frames: mpsc::Sender<Bytes>,
    texts: mpsc::Sender<Arc<str>>,
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

/// What a client's task takes from its room.
struct Queues {
    frames: mpsc::Receiver<Bytes>,
    texts: mpsc::Receiver<Arc<str>>,
}

impl Rooms {
    async fn join(&self, name: &str, shared: &Arc<Shared>) -> Result<(ClientId, Queues), JoinError> {
        let limits = &shared.limits;
        let mut rooms = self.by_name.lock().await;
        if !rooms.contains_key(name) {
            if rooms.len() >= limits.rooms_max {
                // A room whose keeper waits for somebody to come back gives way to one that is needed now.
                rooms.retain(|_, room| room.has_people());
            }
            if rooms.len() >= limits.rooms_max {
                return Err(JoinError::TooManyRooms);
            }
            rooms.insert(name.to_string(), Room::open(name, shared));
        }
        let room = rooms.entry(name.to_string()).or_default();
        if room.clients.len() >= limits.room_clients_max {
            return Err(JoinError::RoomFull);
        }
        let (frames, frame_queue) = mpsc::channel(limits.room_frames_max);
        let (texts, text_queue) = mpsc::channel(limits.room_texts_max);
        let id = room.next_client;
        room.next_client += 1;
        room.clients.insert(id, Client { frames, texts, macs: 0, moved: Instant::now() });
        Ok((id, Queues { frames: frame_queue, texts: text_queue }))
    }

    /// Follows a text message of a client.
    async fn hear(&self, name: &str, from: ClientId, text: &str, shared: &Shared) {
        let mut rooms = self.by_name.lock().await;
        let Some(room) = rooms.get_mut(name) else { return };
        let errands = match ToHub::decode(text) {
            Ok(message) => {
                let is_teacher = |token: &str| shared.settings.teacher.as_ref().is_some_and(|code| code.matches(token));
                room.roster.hear(from, message, is_teacher)
            }
            Err(reason) => vec![Errand::Tell(vec![from], FromHub::Refused { reason })],
        };
        room.run(errands);
    }

    async fn leave(&self, name: &str, id: ClientId) {
        let mut rooms = self.by_name.lock().await;
        if let Some(room) = rooms.get_mut(name) {
            room.forget(id);
            let errands = room.roster.leave(id);
            room.run(errands);
            // A kept room stays as it is, leases included, for those who come back.
            if room.clients.is_empty() && room.keeper.is_none() {
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
    /// A new room, with its keeper if the relay has one.
    fn open(name: &str, shared: &Arc<Shared>) -> Room {
        let mut room = Room::default();
        let Some(keeper) = &shared.settings.keeper else { return room };
        let (output, mut frames) = mpsc::channel::<Bytes>(shared.limits.room_frames_max);
        let Some(input) = keeper.open(name, output) else { return room };
        let id = room.next_client;
        room.next_client += 1;
        room.keeper = Some(Keeper { id, input });
        room.roster = Roster::new(true);
        let (name, shared) = (name.to_owned(), Arc::clone(shared));
        // Ends with the keeper, which ends with the room.
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH_MAX);
            while frames.recv_many(&mut batch, BATCH_MAX).await > 0 {
                shared.rooms.carry(&name, id, &batch, &shared).await;
                batch.clear();
            }
        });
        room
    }

    fn has_people(&self) -> bool {
        !self.clients.is_empty()
    }

    /// Takes a client out; dropping its senders ends its task.
    fn forget(&mut self, id: ClientId) {
        self.clients.remove(&id);
        self.owners.retain(|_, owner| *owner != id);
    }

    fn run(&mut self, errands: Vec<Errand>) {
        for errand in errands {
            match errand {
                Errand::Tell(to, message) => self.tell(&to, &message),
                Errand::Remove(id) => self.forget(id),
                Errand::Pause(paused) => {
                    if let Some(keeper) = &self.keeper {
                        let _ = keeper.input.try_send(KeeperInput::Paused(paused));
                    }
                }
            }
        }
    }

    fn tell(&mut self, to: &[ClientId], message: &FromHub) {
        let text: Arc<str> = message.encode().into();
        for id in to {
            let Some(client) = self.clients.get(id) else { continue };
            if client.texts.try_send(Arc::clone(&text)).is_err() {
                self.forget(*id);
            }
        }
    }

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
        if self.roster.is_paused() {
            shared.metrics.room_frames_lost.add(1);
            return;
        }
        match self.owners.get(&destination).copied() {
            // To itself: a switch does not send a frame back where it came from.
            Some(owner) if owner == from => {}
            Some(owner) => {
                self.give(owner, frame, shared);
                let watchers: Vec<ClientId> = self.roster.watchers().filter(|id| *id != from && *id != owner).collect();
                for watcher in watchers {
                    self.give(watcher, frame, shared);
                }
            }
            None => {
                self.give_keeper(from, frame);
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
        if is_group || source == [0; 6] {
            return false;
        }
        if !self.is_keeper(client) {
            let Some(entry) = self.clients.get_mut(&client) else { return false };
            if entry.macs >= shared.limits.room_macs_max {
                return false;
            }
            entry.macs += 1;
        }
        self.owners.insert(source, client);
        true
    }

    fn is_keeper(&self, id: ClientId) -> bool {
        self.keeper.as_ref().is_some_and(|keeper| keeper.id == id)
    }

    fn give_keeper(&self, from: ClientId, frame: &Bytes) {
        if let Some(keeper) = self.keeper.as_ref().filter(|keeper| keeper.id != from) {
            let _ = keeper.input.try_send(KeeperInput::Frame(frame.clone()));
        }
    }

    fn give(&mut self, id: ClientId, frame: &Bytes, shared: &Shared) {
        if let Some(keeper) = self.keeper.as_ref().filter(|keeper| keeper.id == id) {
            // A keeper that does not keep up loses frames.
            let _ = keeper.input.try_send(KeeperInput::Frame(frame.clone()));
            return;
        }
        let Some(client) = self.clients.get_mut(&id) else { return };
        match client.frames.try_send(frame.clone()) {
            Ok(()) => client.moved = Instant::now(),
            Err(_) => {
                shared.metrics.room_frames_lost.add(1);
                if client.moved.elapsed() > shared.limits.room_stall_max {
                    self.forget(id);
                }
            }
        }
    }
}

fn mac_at(frame: &[u8], offset: usize) -> Option<Mac> {
    frame.get(offset..offset + 6)?.try_into().ok()
}

/// Serves one client of a room until it leaves, stalls or the relay stops.
pub(crate) async fn serve(socket: ClientSocket, shared: Arc<Shared>, name: String, mut stop: watch::Receiver<bool>) {
    let (mut sink, mut source) = socket.split();
    let (id, mut queues) = match shared.rooms.join(&name, &shared).await {
        Ok(joined) => joined,
        Err(error) => {
            let _ = sink.send(Message::close(Some(CloseCode::POLICY_VIOLATION), &error.to_string())).await;
            return;
        }
    };
    let _gauge = Gauge::new(Arc::clone(&shared.metrics), |metrics| &metrics.room_clients);
    tracing::info!(room = name, client = id, "joined");
    tokio::select! {
        () = write(&mut sink, &mut queues, &shared, &mut stop) => {}
        () = read(&mut source, &shared, &name, id) => {}
    }
    shared.rooms.leave(&name, id).await;
    tracing::info!(room = name, client = id, "left");
}

/// Gives the client what its room has for it, until it is sent away, takes nothing or is gone.
async fn write(
    sink: &mut SplitSink<ClientSocket, Message>,
    queues: &mut Queues,
    shared: &Shared,
    stop: &mut watch::Receiver<bool>,
) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let mut ask = interval(shared.limits.ping_interval);
    ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (code, why) = loop {
        let written = tokio::select! {
            text = queues.texts.recv() => match text {
                Some(text) => sink.send(Message::text(text.to_string())).await,
                None => break ENDED,
            },
            count = queues.frames.recv_many(&mut batch, BATCH_MAX) => {
                if count == 0 {
                    break ENDED;
                }
                let written = async {
                    for frame in batch.drain(..) {
                        sink.feed(Message::binary(frame)).await?;
                    }
                    sink.flush().await
                };
                // A client that takes nothing for so long has been dropped from the room, too.
                match timeout(shared.limits.room_stall_max, written).await {
                    Ok(written) => written,
                    Err(_) => return,
                }
            }
            _ = ask.tick() => sink.send(Message::ping(Bytes::new())).await,
            () = stopped(stop) => break (CloseCode::GOING_AWAY, "the relay is stopping"),
        };
        if written.is_err() {
            return;
        }
    };
    let _ = sink.send(Message::close(Some(code), why)).await;
}

/// Takes frames from the client, as many at once as have arrived.
async fn read(source: &mut SplitStream<ClientSocket>, shared: &Shared, name: &str, id: ClientId) {
    let mut frames = Vec::new();
    let mut texts = Budget::new(shared.limits.room_texts_per_second_max);
    let mut signs = Budget::new(shared.limits.controls_per_second_max);
    let silence_max = shared.limits.silence_max + Duration::from_secs(1);
    while let Ok(Some(Ok(message))) = timeout(silence_max, source.next()).await {
        let mut next = Some(message);
        while let Some(message) = next.take() {
            if message.is_close() {
                return;
            }
            if message.is_binary() {
                frames.push(Bytes::from(message.into_payload()));
            } else if let Some(text) = message.as_text() {
                if !texts.allows(Instant::now()) {
                    return;
                }
                shared.rooms.hear(name, id, text, shared).await;
            } else if !signs.allows(Instant::now()) {
                return;
            }
            if frames.len() < BATCH_MAX {
                next = futures_util::FutureExt::now_or_never(source.next()).flatten().and_then(Result::ok);
            }
        }
        shared.rooms.carry(name, id, &frames, shared).await;
        frames.clear();
    }
}

/// How many messages of a kind a client may send in a second: what it says goes to many others, and pings are answered.
struct Budget {
    per_second: u32,
    since: Instant,
    used: u32,
}

impl Budget {
    fn new(per_second: u32) -> Budget {
        Budget { per_second, since: Instant::now(), used: 0 }
    }

    fn allows(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            (self.since, self.used) = (now, 0);
        }
        self.used += 1;
        self.used <= self.per_second
    }
}
