//! One Wisp client: the handshake, then a table of streams fed from its WebSocket.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use relay_protocol::ext::{ExtPacket, SERVER_STREAMS_FROM};
use relay_protocol::{CloseReason, Extension, Info, Packet, StreamId, StreamType};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_websockets::{CloseCode, Message};

use crate::limits::Limits;
use crate::metrics::Gauge;
use crate::outbound::{Bucket, Outbound};
use crate::publish::{Accepted, Published};
use crate::server::{ClientSocket, Shared, stopped};
use crate::tcp::Upload;
use crate::{echo, tcp, udp};

/// Messages given to the WebSocket before it is flushed.
const BATCH_MAX: usize = 32;
/// How often idle streams are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

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
    let writer = tokio::spawn(write(sink, queue, last, Arc::clone(&shared)));
    let ended = tokio::select! {
        ended = converse(&mut source, &shared, hello, out) => ended,
        () = stopped(&mut stop) => farewell(CloseCode::GOING_AWAY, "the relay is stopping"),
    };
    tracing::info!(%peer, reason = ended.text, "Wisp client left");
    let _ = last_word.send(ended);
    let _ = timeout(Duration::from_secs(2), writer).await;
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
) -> Farewell {
    let client = match handshake(source, shared, &hello, &out).await {
        Ok(client) => client,
        Err(ended) => return ended,
    };
    let credit = shared.settings.limits.credit_packets;
    if out.packet(Packet::Continue { stream: StreamId::CONNECTION, credit }).await.is_err() {
        return farewell(CloseCode::NORMAL_CLOSURE, "the client left");
    }
    tracing::info!(peer = %hello.peer, version = if hello.version_2 { 2 } else { 1 }, extended = client.extended, "Wisp client");
    let (connection, mut inbox) = Connection::new(Arc::clone(shared), &hello, &client, out);
    connection.run(source, &mut inbox).await
}

/// What the client announced.
#[derive(Default)]
struct Abilities {
    confirm: bool,
    extended: bool,
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
        extended: info.playground_version().is_some_and(|version| version >= 1),
    })
}

fn offered(shared: &Shared, hello: &Hello) -> Vec<Extension> {
    let mut offered = vec![Extension::Udp, Extension::OpenConfirmation, Extension::Playground { version: 1 }];
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

/// What a stream's task tells the connection.
enum FromTask {
    Ended(StreamId),
}

/// What comes to the connection beside the WebSocket's messages.
struct Inbox {
    tasks: mpsc::UnboundedReceiver<FromTask>,
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
    extended: bool,
    streams: BTreeMap<StreamId, Entry>,
    /// Id of the next accepted connection.
    next_accepted: u32,
    published: usize,
    opens: Bucket,
    uploads: Bucket,
    tasks: mpsc::UnboundedSender<FromTask>,
    accepted: mpsc::Sender<Accepted>,
}

impl Connection {
    fn new(shared: Arc<Shared>, hello: &Hello, client: &Abilities, out: Outbound) -> (Connection, Inbox) {
        let limits = Arc::clone(&shared.limits);
        // Unbounded, but each stream sends one message in its life, and streams are limited.
        let (tasks, from_tasks) = mpsc::unbounded_channel();
        let (accepted, from_published) = mpsc::channel(16);
        let connection = Connection {
            opens: Bucket::new(u64::from(limits.opens_per_second_max)),
            uploads: Bucket::new(limits.client_bytes_per_second_max),
            shared,
            limits,
            out,
            local: hello.local,
            confirm: client.confirm,
            extended: client.extended,
            streams: BTreeMap::new(),
            next_accepted: SERVER_STREAMS_FROM,
            published: 0,
            tasks,
            accepted,
        };
        (connection, Inbox { tasks: from_tasks, accepted: from_published })
    }

    async fn run(mut self, source: &mut SplitStream<ClientSocket>, inbox: &mut Inbox) -> Farewell {
        let mut sweep = interval(SWEEP_INTERVAL);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                message = next_message(source) => {
                    heard = Instant::now();
                    let message = match message {
                        Ok(None) => continue,
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
                Some(FromTask::Ended(id)) = inbox.tasks.recv() => self.forget(id),
                Some(accepted) = inbox.accepted.recv() => self.accept(accepted).await,
                _ = sweep.tick() => {
                    if heard.elapsed() > self.limits.silence_max {
                        return farewell(CloseCode::POLICY_VIOLATION, "the client has gone silent");
                    }
                    self.close_idle_streams().await;
                }
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
            Packet::Ext { stream, packet } if self.extended => self.extension(stream, packet).await,
            // A client has no credit to give, and says INFO once: of no consequence, as in other servers.
            Packet::Continue { .. } | Packet::Info(_) | Packet::Ext { .. } => {}
        }
        Ok(())
    }

    async fn connect(&mut self, id: StreamId, kind: StreamType, port: u16, host: String) {
        if let Err(reason) = self.admit(id) {
            return self.refuse(id, reason, "too many streams, or an id in use").await;
        }
        match kind {
            StreamType::Tcp => {
                let (handle, queue, active) = tcp::Handle::new(&self.limits);
                let stream = self.stream(id, active);
                self.streams.insert(id, Entry::Tcp(handle));
                self.spawn(
                    id,
                    open_tcp(Arc::clone(&self.shared), stream, host, port, queue, self.confirm, self.extended),
                );
            }
            StreamType::Udp => {
                let (handle, queue, active) = udp::Handle::new();
                self.streams.insert(id, Entry::Udp(handle));
                let out = self.out.clone();
                self.spawn(id, open_udp(Arc::clone(&self.shared), id, host, port, queue, out, active, self.extended));
            }
        }
    }

    /// Whether a new stream may have this id.
    fn admit(&mut self, id: StreamId) -> Result<(), CloseReason> {
        if id == StreamId::CONNECTION
            || self.streams.contains_key(&id)
            || (self.extended && id.0 >= SERVER_STREAMS_FROM)
        {
            return Err(CloseReason::InvalidInfo);
        }
        if self.streams.len() >= self.limits.client_streams_max || !self.opens.take(1) {
            return Err(CloseReason::Throttled);
        }
        Ok(())
    }

    async fn refuse(&self, id: StreamId, reason: CloseReason, why: &str) {
        self.shared.metrics.streams_refused.add(1);
        tracing::info!(stream = id.0, why, "stream refused");
        let _ = self.out.close(id, reason).await;
    }

    fn stream(&self, id: StreamId, active: Arc<tcp::Activity>) -> tcp::Stream {
        tcp::Stream {
            id,
            out: self.out.clone(),
            limits: Arc::clone(&self.limits),
            metrics: Arc::clone(&self.shared.metrics),
            buffers: self.shared.buffers.clone(),
            active,
            half_close: self.extended,
        }
    }

    fn spawn(&self, id: StreamId, work: impl Future<Output = ()> + Send + 'static) {
        self.shared.metrics.streams_total.add(1);
        let gauge = Gauge::new(Arc::clone(&self.shared.metrics), |metrics| &metrics.streams);
        let tasks = self.tasks.clone();
        tokio::spawn(async move {
            work.await;
            drop(gauge);
            let _ = tasks.send(FromTask::Ended(id));
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
                    published.send(peer, &bytes).await;
                }
            }
            ExtPacket::Publish { kind, port } => self.publish(id, kind, port).await,
            ExtPacket::Resolve { name } => {
                if let Err(reason) = self.admit(id) {
                    return self.refuse(id, reason, "too many requests").await;
                }
                self.streams.insert(id, Entry::Request);
                self.spawn(id, resolve(Arc::clone(&self.shared), id, name, self.out.clone()));
            }
            ExtPacket::Echo { host } => {
                if let Err(reason) = self.admit(id) {
                    return self.refuse(id, reason, "too many requests").await;
                }
                self.streams.insert(id, Entry::Request);
                self.spawn(id, ping(Arc::clone(&self.shared), id, host, self.out.clone()));
            }
            // The server's own words.
            ExtPacket::Published { .. }
            | ExtPacket::Accepted { .. }
            | ExtPacket::Resolved { .. }
            | ExtPacket::EchoEnd { .. } => {}
            // Of version 2, which this server does not announce.
            ExtPacket::Window { .. } => {}
        }
    }

    async fn publish(&mut self, id: StreamId, kind: StreamType, port: u16) {
        if !self.shared.settings.policy.publish {
            return self.refuse(id, CloseReason::Blocked, "the relay does not publish ports").await;
        }
        if let Err(reason) = self.admit(id) {
            return self.refuse(id, reason, "too many streams").await;
        }
        if self.published >= self.limits.client_published_max {
            return self.refuse(id, CloseReason::Throttled, "too many published ports").await;
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
                self.refuse(id, reason, &error.to_string()).await;
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
        let (handle, queue, active) = tcp::Handle::new(&self.limits);
        let stream = self.stream(id, active);
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

async fn open_tcp(
    shared: Arc<Shared>,
    stream: tcp::Stream,
    host: String,
    port: u16,
    queue: mpsc::Receiver<Upload>,
    confirm: bool,
    extended: bool,
) {
    let target = async {
        let address = shared.settings.policy.resolve(&host, port, StreamType::Tcp).await.map_err(|refusal| {
            tracing::info!(%host, port, %refusal, "stream refused");
            refusal.reason()
        })?;
        TcpStream::connect(address).await.map_err(|error| reason_of(&error))
    };
    let target = timeout(shared.limits.connect_timeout, target).await.unwrap_or(Err(CloseReason::TimedOut));
    let target = match target {
        Ok(target) => target,
        Err(reason) => {
            shared.metrics.streams_refused.add(1);
            let _ = stream.out.close(stream.id, reason).await;
            return;
        }
    };
    if extended && let Ok(address) = target.peer_addr() {
        tell_address(&stream.out, stream.id, address).await;
    }
    if confirm {
        let credit = stream.limits.credit_packets;
        let _ = stream.out.packet(Packet::Continue { stream: stream.id, credit }).await;
    }
    tcp::run(stream, target, queue).await;
}

/// Says which address a name stood for.
async fn tell_address(out: &Outbound, id: StreamId, address: SocketAddr) {
    if let IpAddr::V4(address) = address.ip() {
        let _ = out.packet(Packet::Ext { stream: id, packet: ExtPacket::Resolved { address } }).await;
    }
}

fn reason_of(error: &std::io::Error) -> CloseReason {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => CloseReason::Refused,
        std::io::ErrorKind::TimedOut => CloseReason::TimedOut,
        std::io::ErrorKind::HostUnreachable | std::io::ErrorKind::NetworkUnreachable => CloseReason::Unreachable,
        _ => CloseReason::NetworkError,
    }
}

#[allow(clippy::too_many_arguments, reason = "the parts of one stream, used once")]
async fn open_udp(
    shared: Arc<Shared>,
    id: StreamId,
    host: String,
    port: u16,
    queue: mpsc::Receiver<Bytes>,
    out: Outbound,
    active: Arc<tcp::Activity>,
    extended: bool,
) {
    let address = match shared.settings.policy.resolve(&host, port, StreamType::Udp).await {
        Ok(address) => address,
        Err(refusal) => {
            tracing::info!(%host, port, %refusal, "stream refused");
            shared.metrics.streams_refused.add(1);
            let _ = out.close(id, refusal.reason()).await;
            return;
        }
    };
    if extended {
        tell_address(&out, id, address).await;
    }
    match udp::connect(address).await {
        Ok(socket) => {
            udp::run(id, socket, queue, out, Arc::clone(&shared.limits), Arc::clone(&shared.metrics), active).await;
        }
        Err(error) => {
            let _ = out.close(id, reason_of(&error)).await;
        }
    }
}

async fn resolve(shared: Arc<Shared>, id: StreamId, name: String, out: Outbound) {
    let found = timeout(shared.limits.connect_timeout, tokio::net::lookup_host((name.as_str(), 0))).await;
    let address = found.ok().and_then(Result::ok).and_then(|mut found| {
        found.find_map(|found| match found.ip() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        })
    });
    let _ = match address {
        Some(address) => out.packet(Packet::Ext { stream: id, packet: ExtPacket::Resolved { address } }).await,
        None => out.close(id, CloseReason::Unreachable).await,
    };
}

async fn ping(shared: Arc<Shared>, id: StreamId, host: String, out: Outbound) {
    let policy = &shared.settings.policy;
    let target = match policy.resolve(&host, 7, StreamType::Udp).await {
        Ok(target) => Some(target.ip()),
        // An echo has no port for the rules to forbid.
        Err(crate::Refusal::Port(_)) => host.parse().ok(),
        Err(refusal) => {
            let _ = out.close(id, refusal.reason()).await;
            return;
        }
    };
    let (true, Some(IpAddr::V4(address))) = (policy.echo, target) else {
        let _ = out.close(id, CloseReason::Blocked).await;
        return;
    };
    let answer = match echo::echo(address).await {
        Ok(rtt) => rtt.map_or(u32::MAX, |rtt| u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX - 1)),
        Err(error) => {
            tracing::info!(%error, "the system does not let the relay send echo requests");
            let _ = out.close(id, CloseReason::Blocked).await;
            return;
        }
    };
    let _ = out.packet(Packet::Ext { stream: id, packet: ExtPacket::EchoEnd { rtt_us: answer, address } }).await;
}
