//! One Wisp client: the handshake, then a table of streams fed from its WebSocket.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use relay_protocol::ext::{self, ExtPacket, SERVER_STREAMS_FROM};
use relay_protocol::{CloseReason, Extension, Info, Packet, StreamId, StreamType};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_websockets::{CloseCode, Message};

use crate::activity::Activity;
use crate::limits::Limits;
use crate::metrics::Gauge;
use crate::outbound::{Bucket, Outbound};
use crate::policy::Refusal;
use crate::publish::{Accepted, Published};
use crate::server::{ClientSocket, Shared, stopped};
use crate::tcp::Upload;
use crate::{echo, tcp, udp};

/// Messages given to the WebSocket before it is flushed.
const BATCH_MAX: usize = 32;
/// How long a client may take to hear why its connection ends.
const FAREWELL_MAX: Duration = Duration::from_secs(2);

/// What the upgrade request said.
pub(crate) struct Hello {
    /// Whether version 2 was asked for.
    pub(crate) version_2: bool,
    /// Whether the path had the pairing code, or none is needed.
    pub(crate) paired: bool,
    /// Where the client sits, for the log.
    pub(crate) peer: SocketAddr,
    /// The address that the client reached, on which published ports are opened.
    pub(crate) local: IpAddr,
}

/// What ends a client's connection, as the close message says it.
#[derive(Debug)]
struct Farewell {
    code: CloseCode,
    text: &'static str,
}

const fn farewell(code: CloseCode, text: &'static str) -> Farewell {
    Farewell { code, text }
}

/// Serves one client until it goes, errs or the relay stops.
pub(crate) async fn serve(socket: ClientSocket, shared: Arc<Shared>, hello: Hello, mut stop: watch::Receiver<bool>) {
    let _gauge = Gauge::new(Arc::clone(&shared.metrics), |metrics| &metrics.clients);
    let peer = hello.peer;
    let (sink, mut source) = socket.split();
    let (out, queue) = Outbound::new(shared.settings.limits.outbound_messages_max);
    let (last_word, last) = tokio::sync::oneshot::channel();
    let mut writer = tokio::spawn(write(sink, queue, last, Arc::clone(&shared)));
    let heard = Activity::new();
    let ended = tokio::select! {
        ended = converse(&mut source, &shared, hello, out, &heard) => ended,
        // Beside the conversation, which may itself be waiting for a client that takes nothing.
        () = silent(&heard, shared.limits.silence_max) => {
            farewell(CloseCode::POLICY_VIOLATION, "the client has gone silent")
        }
        () = stopped(&mut stop) => farewell(CloseCode::GOING_AWAY, "the relay is stopping"),
    };
    tracing::info!(%peer, reason = ended.text, "Wisp client left");
    let _ = last_word.send(ended);
    if timeout(FAREWELL_MAX, &mut writer).await.is_err() {
        // It takes nothing, not even the farewell.
        writer.abort();
    }
}

/// Resolves when nothing has been heard of the client for so long.
async fn silent(heard: &Activity, silence_max: Duration) {
    while let Some(left) = silence_max.checked_sub(heard.idle()) {
        tokio::time::sleep(left + Duration::from_millis(1)).await;
    }
}

/// Sends what is queued, in batches; then says why the connection ends.
async fn write(
    mut sink: SplitSink<ClientSocket, Message>,
    mut queue: mpsc::Receiver<Bytes>,
    mut last: tokio::sync::oneshot::Receiver<Farewell>,
    shared: Arc<Shared>,
) {
    let mut allowance = Bucket::new(shared.settings.limits.client_bytes_per_second_max);
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let mut ask = interval(shared.settings.limits.ping_interval);
    ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ask.tick().await;
    let ended = loop {
        tokio::select! {
            biased;
            ended = &mut last => break ended.ok(),
            count = queue.recv_many(&mut batch, BATCH_MAX) => {
                if count == 0 {
                    break (&mut last).await.ok();
                }
                let bytes: usize = batch.iter().map(Bytes::len).sum();
                for message in batch.drain(..) {
                    if sink.feed(Message::binary(message)).await.is_err() {
                        return;
                    }
                }
                if sink.flush().await.is_err() {
                    return;
                }
                allowance.spend(bytes as u64).await;
            }
            _ = ask.tick() => {
                if sink.send(Message::ping(Bytes::new())).await.is_err() {
                    return;
                }
            }
        }
    };
    // What was queued before the end is still owed: refusals above all.
    while let Ok(message) = queue.try_recv() {
        if sink.feed(Message::binary(message)).await.is_err() {
            return;
        }
    }
    if let Some(ended) = ended {
        let _ = sink.send(Message::close(Some(ended.code), ended.text)).await;
    }
    let _ = sink.close().await;
}

/// Handshake and conversation; returns why it ended.
async fn converse(
    source: &mut SplitStream<ClientSocket>,
    shared: &Arc<Shared>,
    hello: Hello,
    out: Outbound,
    heard: &Activity,
) -> Farewell {
    let client = match handshake(source, shared, &hello, &out).await {
        Ok(client) => client,
        Err(ended) => return ended,
    };
    let credit = shared.settings.limits.credit_packets;
    if out.packet(Packet::Continue { stream: StreamId::CONNECTION, credit }).await.is_err() {
        return farewell(CloseCode::NORMAL_CLOSURE, "the client left");
    }
    tracing::info!(peer = %hello.peer, version = if hello.version_2 { 2 } else { 1 }, extension = client.extension, "Wisp client");
    let (connection, mut inbox) = Connection::new(Arc::clone(shared), &hello, &client, out);
    connection.run(source, &mut inbox, heard).await
}

/// What the client announced.
#[derive(Default)]
struct Abilities {
    confirm: bool,
    /// Version of this project's extension; 0 for none.
    extension: u8,
}

async fn handshake(
    source: &mut SplitStream<ClientSocket>,
    shared: &Shared,
    hello: &Hello,
    out: &Outbound,
) -> Result<Abilities, Farewell> {
    let gone = || farewell(CloseCode::NORMAL_CLOSURE, "the client left");
    let unpaired = || farewell(CloseCode::POLICY_VIOLATION, "the pairing code is missing or wrong");
    if !hello.version_2 {
        return if hello.paired { Ok(Abilities::default()) } else { Err(unpaired()) };
    }
    out.packet(Packet::Info(Info::v2(offered(shared, hello)))).await.map_err(|_| gone())?;
    let wait = shared.settings.limits.request_timeout;
    let message = timeout(wait, next_binary(source))
        .await
        .map_err(|_| farewell(CloseCode::POLICY_VIOLATION, "no INFO in time"))??;
    let info = match Packet::decode(message) {
        Ok(Packet::Info(info)) => info,
        Ok(Packet::Close { .. }) => return Err(gone()),
        _ => return Err(farewell(CloseCode::PROTOCOL_ERROR, "INFO expected")),
    };
    let knows_code = info.extensions.iter().any(|extension| match extension {
        Extension::Password { password, .. } => {
            shared.settings.pairing.as_ref().is_some_and(|code| code.matches(password))
        }
        _ => false,
    });
    if !(hello.paired || knows_code) {
        let asked = info.extensions.iter().any(|extension| matches!(extension, Extension::Password { .. }));
        let reason = if asked { CloseReason::WrongPassword } else { CloseReason::AuthenticationRequired };
        let _ = out.close(StreamId::CONNECTION, reason).await;
        return Err(unpaired());
    }
    Ok(Abilities {
        confirm: info.has(&Extension::OpenConfirmation),
        extension: info.playground_version().unwrap_or(0).min(ext::VERSION),
    })
}

fn offered(shared: &Shared, hello: &Hello) -> Vec<Extension> {
    let mut offered =
        vec![Extension::Udp, Extension::OpenConfirmation, Extension::Playground { version: ext::VERSION }];
    if !hello.paired {
        offered.push(Extension::PasswordWanted { required: true });
    }
    offered.extend(shared.settings.motd.clone().map(Extension::Motd));
    offered
}

/// The next message if it is binary, `None` for a sign of life that the WebSocket layer has answered itself.
async fn next_message(source: &mut SplitStream<ClientSocket>) -> Result<Option<Bytes>, Farewell> {
    let message = match source.next().await {
        None => return Err(farewell(CloseCode::NORMAL_CLOSURE, "the client left")),
        Some(Err(_)) => return Err(farewell(CloseCode::PROTOCOL_ERROR, "the WebSocket failed")),
        Some(Ok(message)) => message,
    };
    if message.is_close() {
        Err(farewell(CloseCode::NORMAL_CLOSURE, "the client left"))
    } else if message.is_text() {
        Err(farewell(CloseCode::UNSUPPORTED_DATA, "Wisp messages are binary"))
    } else {
        Ok(message.is_binary().then(|| message.into_payload().into()))
    }
}

/// The next binary message.
async fn next_binary(source: &mut SplitStream<ClientSocket>) -> Result<Bytes, Farewell> {
    loop {
        if let Some(message) = next_message(source).await? {
            return Ok(message);
        }
    }
}

/// What comes to the connection beside the WebSocket's messages.
struct Inbox {
    /// Streams whose tasks have ended.
    ended: mpsc::UnboundedReceiver<StreamId>,
    accepted: mpsc::Receiver<Accepted>,
}

enum Entry {
    Tcp(tcp::Handle),
    Udp(udp::Handle),
    Published(Published),
    /// A lookup or an echo under way.
    Request,
}

/// One client's streams. Only the connection's own task touches the table; stream tasks report their end to it.
struct Connection {
    shared: Arc<Shared>,
    limits: Arc<Limits>,
    out: Outbound,
    local: IpAddr,
    confirm: bool,
    extension: u8,
    streams: BTreeMap<StreamId, Entry>,
    /// Id of the next accepted connection.
    next_accepted: u32,
    published: usize,
    opens: Bucket,
    uploads: Bucket,
    /// Where a stream's task says that it has ended.
    ended: mpsc::UnboundedSender<StreamId>,
    accepted: mpsc::Sender<Accepted>,
}

impl Connection {
    fn new(shared: Arc<Shared>, hello: &Hello, client: &Abilities, out: Outbound) -> (Connection, Inbox) {
        let limits = Arc::clone(&shared.limits);
        // Unbounded, but each stream sends one message in its life, and streams are limited.
        let (ended, ended_streams) = mpsc::unbounded_channel();
        let (accepted, from_published) = mpsc::channel(16);
        let connection = Connection {
            opens: Bucket::new(u64::from(limits.opens_per_second_max)),
            uploads: Bucket::new(limits.client_bytes_per_second_max),
            shared,
            limits,
            out,
            local: hello.local,
            confirm: client.confirm,
            extension: client.extension,
            streams: BTreeMap::new(),
            next_accepted: SERVER_STREAMS_FROM,
            published: 0,
            ended,
            accepted,
        };
        (connection, Inbox { ended: ended_streams, accepted: from_published })
    }

    async fn run(mut self, source: &mut SplitStream<ClientSocket>, inbox: &mut Inbox, heard: &Activity) -> Farewell {
        let mut sweep = interval(self.limits.sweep_interval);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut signs = Bucket::new(u64::from(self.limits.controls_per_second_max));
        loop {
            tokio::select! {
                message = next_message(source) => {
                    heard.note();
                    let message = match message {
                        // Each ping is answered, and the answers wait for a client that may not take them.
                        Ok(None) if signs.take(1) => continue,
                        Ok(None) => return farewell(CloseCode::POLICY_VIOLATION, "too many pings"),
                        Ok(Some(message)) => message,
                        Err(ended) => return ended,
                    };
                    self.uploads.spend(message.len() as u64).await;
                    match Packet::decode(message) {
                        Ok(packet) => {
                            if let Err(ended) = self.handle(packet).await {
                                return ended;
                            }
                        }
                        Err(error) => {
                            self.shared.metrics.malformed.add(1);
                            tracing::info!(%error, "malformed packet");
                            return farewell(CloseCode::PROTOCOL_ERROR, "a message was no Wisp packet");
                        }
                    }
                }
                Some(id) = inbox.ended.recv() => self.forget(id),
                Some(accepted) = inbox.accepted.recv() => self.accept(accepted).await,
                _ = sweep.tick() => self.close_idle_streams().await,
            }
        }
    }

    async fn handle(&mut self, packet: Packet) -> Result<(), Farewell> {
        match packet {
            Packet::Connect { stream, kind, port, host } => self.connect(stream, kind, port, host).await,
            Packet::Data { stream, bytes } => self.data(stream, bytes).await,
            Packet::Close { stream: StreamId::CONNECTION, .. } => {
                return Err(farewell(CloseCode::NORMAL_CLOSURE, "the client left"));
            }
            Packet::Close { stream, reason } => self.close(stream, reason),
            Packet::Ext { stream, packet } if self.extension > 0 => self.extension(stream, packet).await,
            // A client has no credit to give, and says INFO once: of no consequence, as in other servers.
            Packet::Continue { .. } | Packet::Info(_) | Packet::Ext { .. } => {}
        }
        Ok(())
    }

    async fn connect(&mut self, id: StreamId, kind: StreamType, port: u16, host: String) {
        if let Err(refused) = self.admit(id) {
            return self.refuse(id, refused).await;
        }
        match kind {
            StreamType::Tcp => {
                let (handle, queue) = tcp::Handle::new(&self.limits, self.has_windows());
                let stream = self.stream(id, &handle);
                self.streams.insert(id, Entry::Tcp(handle));
                self.spawn(id, open_tcp(self.opening(id), stream, host, port, queue, self.confirm));
            }
            StreamType::Udp => {
                let (handle, queue, active) = udp::Handle::new();
                self.streams.insert(id, Entry::Udp(handle));
                self.spawn(id, open_udp(self.opening(id), host, port, queue, active));
            }
        }
    }

    /// Whether a new stream may have this id.
    fn admit(&mut self, id: StreamId) -> Result<(), Refused> {
        if id == StreamId::CONNECTION
            || self.streams.contains_key(&id)
            || (self.extension > 0 && id.0 >= SERVER_STREAMS_FROM)
        {
            return Err(refused(CloseReason::InvalidInfo, "the stream's id is in use or not the client's to choose"));
        }
        if self.streams.len() >= self.limits.client_streams_max {
            return Err(refused(CloseReason::Throttled, "the relay lets a client have no more streams"));
        }
        if !self.opens.take(1) {
            return Err(refused(CloseReason::Throttled, "the client opens streams too fast for the relay"));
        }
        Ok(())
    }

    async fn refuse(&self, id: StreamId, refused: Refused) {
        self.opening(id).refuse(refused).await;
    }

    /// Whether the client says what it can take.
    fn has_windows(&self) -> bool {
        self.extension >= ext::VERSION_WITH_WINDOWS
    }

    fn opening(&self, id: StreamId) -> Opening {
        Opening { id, shared: Arc::clone(&self.shared), out: self.out.clone(), extension: self.extension }
    }

    fn stream(&self, id: StreamId, handle: &tcp::Handle) -> tcp::Stream {
        tcp::Stream {
            id,
            out: self.out.clone(),
            limits: Arc::clone(&self.limits),
            metrics: Arc::clone(&self.shared.metrics),
            buffers: self.shared.buffers.clone(),
            active: handle.activity(),
            window: handle.window(),
            half_close: self.extension > 0,
        }
    }

    fn spawn(&self, id: StreamId, work: impl Future<Output = ()> + Send + 'static) {
        self.shared.metrics.streams_total.add(1);
        let gauge = Gauge::new(Arc::clone(&self.shared.metrics), |metrics| &metrics.streams);
        let ended = self.ended.clone();
        tokio::spawn(async move {
            work.await;
            drop(gauge);
            let _ = ended.send(id);
        });
    }

    async fn data(&mut self, id: StreamId, bytes: Bytes) {
        let alive = match self.streams.get(&id) {
            Some(Entry::Tcp(handle)) => handle.data(bytes, &self.limits).await,
            Some(Entry::Udp(handle)) => handle.datagram(bytes),
            // For a stream that has just ended: the client will learn it, or has.
            _ => return,
        };
        if !alive && let Some(Entry::Tcp(handle)) = self.streams.remove(&id) {
            handle.order(Upload::Reset);
            let _ = self.out.close(id, CloseReason::DataTimedOut).await;
        }
    }

    fn close(&mut self, id: StreamId, reason: CloseReason) {
        match self.streams.remove(&id) {
            Some(Entry::Tcp(handle)) => {
                let voluntary = matches!(reason, CloseReason::Voluntary | CloseReason::Unknown);
                handle.order(if voluntary { Upload::Close } else { Upload::Reset });
            }
            Some(Entry::Published(_)) => self.unpublish(),
            _ => {}
        }
    }

    fn unpublish(&mut self) {
        self.published -= 1;
        self.shared.metrics.published.subtract(1);
    }

    fn forget(&mut self, id: StreamId) {
        if let Some(Entry::Tcp(_) | Entry::Udp(_) | Entry::Request) = self.streams.get(&id) {
            self.streams.remove(&id);
        }
    }

    async fn close_idle_streams(&mut self) {
        let limits = Arc::clone(&self.limits);
        let mut idle: Vec<StreamId> = Vec::new();
        for (id, entry) in &self.streams {
            let is_idle = match entry {
                Entry::Tcp(handle) => handle.idle() > limits.tcp_idle_max,
                Entry::Udp(handle) => handle.idle() > limits.udp_idle_max,
                Entry::Published(_) | Entry::Request => false,
            };
            if is_idle {
                idle.push(*id);
            }
        }
        for id in idle {
            self.close(id, CloseReason::Voluntary);
            let _ = self.out.close(id, CloseReason::DataTimedOut).await;
        }
    }

    async fn extension(&mut self, id: StreamId, packet: ExtPacket) {
        match packet {
            ExtPacket::Shutdown => {
                if let Some(Entry::Tcp(handle)) = self.streams.get(&id) {
                    handle.shutdown().await;
                }
            }
            ExtPacket::Datagram { peer, bytes } => {
                if let Some(Entry::Published(published)) = self.streams.get(&id) {
                    let policy = &self.shared.settings.policy;
                    published.send(peer, &bytes, |ip, port| policy.check(ip, Some(port)).is_ok()).await;
                }
            }
            ExtPacket::Publish { kind, port } => self.publish(id, kind, port).await,
            ExtPacket::Window { bytes } => {
                if let Some(Entry::Tcp(handle)) = self.streams.get(&id) {
                    handle.grow_window(bytes);
                }
            }
            ExtPacket::Resolve { name } => match self.admit(id) {
                Ok(()) => {
                    self.streams.insert(id, Entry::Request);
                    self.spawn(id, resolve(self.opening(id), name));
                }
                Err(refused) => self.refuse(id, refused).await,
            },
            ExtPacket::Echo { host } => match self.admit(id) {
                Ok(()) => {
                    self.streams.insert(id, Entry::Request);
                    self.spawn(id, ping(self.opening(id), host));
                }
                Err(refused) => self.refuse(id, refused).await,
            },
            // The server's own words.
            ExtPacket::Published { .. }
            | ExtPacket::Accepted { .. }
            | ExtPacket::Resolved { .. }
            | ExtPacket::EchoEnd { .. }
            | ExtPacket::Why { .. } => {}
        }
    }

    async fn publish(&mut self, id: StreamId, kind: StreamType, port: u16) {
        if let Err(refusal) = self.shared.settings.policy.check_published(port) {
            return self.refuse(id, refusal.into()).await;
        }
        if let Err(refused) = self.admit(id) {
            return self.refuse(id, refused).await;
        }
        if self.published >= self.limits.client_published_max {
            let why = "the relay lets a client have no more published ports";
            return self.refuse(id, refused(CloseReason::Throttled, why)).await;
        }
        let local = SocketAddr::new(self.local, port);
        match Published::open(id, kind, local, self.accepted.clone(), self.out.clone()).await {
            Ok((published, address)) => {
                self.published += 1;
                self.shared.metrics.published.add(1);
                self.streams.insert(id, Entry::Published(published));
                tracing::info!(%address, "port published");
                let _ = self.out.packet(Packet::Ext { stream: id, packet: ExtPacket::Published { address } }).await;
            }
            Err(error) => {
                let reason = match error.kind() {
                    std::io::ErrorKind::AddrInUse => CloseReason::Refused,
                    _ => CloseReason::Blocked,
                };
                self.refuse(id, refused(reason, format!("port {port} cannot be had: {error}"))).await;
            }
        }
    }

    async fn accept(&mut self, accepted: Accepted) {
        if self.streams.len() >= self.limits.client_streams_max {
            // Dropping the socket resets the peer, as a board without memory would.
            self.shared.metrics.streams_refused.add(1);
            return;
        }
        let id = StreamId(self.next_accepted);
        self.next_accepted = self.next_accepted.checked_add(1).unwrap_or(SERVER_STREAMS_FROM);
        let (handle, queue) = tcp::Handle::new(&self.limits, self.has_windows());
        let stream = self.stream(id, &handle);
        self.streams.insert(id, Entry::Tcp(handle));
        let packet = ExtPacket::Accepted { listener: accepted.listener.0, peer: accepted.peer };
        let _ = self.out.packet(Packet::Ext { stream: id, packet }).await;
        self.spawn(id, tcp::run(stream, accepted.socket, queue));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.metrics.published.subtract(self.published as u64);
    }
}

/// Why the relay does not do what a client asks for.
struct Refused {
    reason: CloseReason,
    why: String,
}

fn refused(reason: CloseReason, why: impl Into<String>) -> Refused {
    Refused { reason, why: why.into() }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Refused {
        refused(refusal.reason(), refusal.to_string())
    }
}

/// What a task needs that opens a stream or answers a request.
struct Opening {
    id: StreamId,
    shared: Arc<Shared>,
    out: Outbound,
    extension: u8,
}

impl Opening {
    /// Says no, with the reason as a number and, where it is understood, as a sentence.
    async fn refuse(&self, refused: Refused) {
        self.shared.metrics.streams_refused.add(1);
        tracing::info!(stream = self.id.0, why = refused.why, "stream refused");
        if self.extension >= ext::VERSION_WITH_WINDOWS {
            let packet = ExtPacket::Why { text: refused.why };
            let _ = self.out.packet(Packet::Ext { stream: self.id, packet }).await;
        }
        let _ = self.out.close(self.id, refused.reason).await;
    }

    async fn answer(&self, packet: ExtPacket) {
        let _ = self.out.packet(Packet::Ext { stream: self.id, packet }).await;
    }

    /// Says which address a name stood for.
    async fn tell_address(&self, address: SocketAddr) {
        if let (IpAddr::V4(address), true) = (address.ip(), self.extension > 0) {
            self.answer(ExtPacket::Resolved { address }).await;
        }
    }

    /// Waits for an answer of the policy, which may have to ask a name server.
    async fn looked_up<T>(&self, lookup: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refused> {
        match timeout(self.shared.limits.connect_timeout, lookup).await {
            Ok(found) => found.map_err(Refused::from),
            Err(_) => Err(refused(CloseReason::TimedOut, "no name server answered in time")),
        }
    }

    /// Connects to the target; the name is looked up once, and the address that was checked is dialled.
    async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, Refused> {
        let dialled = async {
            let address = self.shared.settings.policy.resolve(host, port).await?;
            TcpStream::connect(address).await.map_err(|error| refused(reason_of(&error), error.to_string()))
        };
        let in_time = timeout(self.shared.limits.connect_timeout, dialled).await;
        in_time.unwrap_or_else(|_| Err(refused(CloseReason::TimedOut, "no answer in time")))
    }
}

async fn open_tcp(
    opening: Opening,
    stream: tcp::Stream,
    host: String,
    port: u16,
    queue: mpsc::Receiver<Upload>,
    confirm: bool,
) {
    // Boxed, so that what only the opening needs is no part of the running stream's task.
    let target = match Box::pin(opening.dial(&host, port)).await {
        Ok(target) => target,
        Err(refused) => return opening.refuse(refused).await,
    };
    if let Ok(address) = target.peer_addr() {
        opening.tell_address(address).await;
    }
    if confirm {
        let credit = stream.limits.credit_packets;
        let _ = stream.out.packet(Packet::Continue { stream: stream.id, credit }).await;
    }
    drop((opening, host));
    tcp::run(stream, target, queue).await;
}

fn reason_of(error: &std::io::Error) -> CloseReason {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => CloseReason::Refused,
        std::io::ErrorKind::TimedOut => CloseReason::TimedOut,
        std::io::ErrorKind::HostUnreachable | std::io::ErrorKind::NetworkUnreachable => CloseReason::Unreachable,
        _ => CloseReason::NetworkError,
    }
}

async fn open_udp(opening: Opening, host: String, port: u16, queue: mpsc::Receiver<Bytes>, active: Arc<Activity>) {
    let address = match opening.looked_up(opening.shared.settings.policy.resolve(&host, port)).await {
        Ok(address) => address,
        Err(refused) => return opening.refuse(refused).await,
    };
    let socket = match udp::connect(address).await {
        Ok(socket) => socket,
        Err(error) => return opening.refuse(refused(reason_of(&error), error.to_string())).await,
    };
    opening.tell_address(address).await;
    let Opening { id, shared, out, .. } = opening;
    udp::run(id, socket, queue, out, Arc::clone(&shared.limits), Arc::clone(&shared.metrics), active).await;
}

async fn resolve(opening: Opening, name: String) {
    match opening.looked_up(opening.shared.settings.policy.resolve_address(&name)).await {
        Ok(address) => opening.answer(ExtPacket::Resolved { address }).await,
        Err(refused) => opening.refuse(refused).await,
    }
}

async fn ping(opening: Opening, host: String) {
    let policy = &opening.shared.settings.policy;
    if !policy.echo {
        return opening.refuse(Refusal::NotOffered("echo requests").into()).await;
    }
    let address = match opening.looked_up(policy.resolve_address(&host)).await {
        Ok(address) => address,
        Err(refused) => return opening.refuse(refused).await,
    };
    match echo::echo(address).await {
        Ok(rtt) => {
            let rtt_us = rtt.map_or(u32::MAX, |rtt| u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX - 1));
            opening.answer(ExtPacket::EchoEnd { rtt_us, address }).await;
        }
        Err(error) => {
            let why = format!("the relay's system does not let it send echo requests: {error}");
            opening.refuse(refused(CloseReason::Blocked, why)).await;
        }
    }
}
