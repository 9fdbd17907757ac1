//! The front: one listener, its paths, who may upgrade, and an orderly end.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use relay_protocol::packet::HEADER_BYTES;
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_websockets::{Config, Limits as SocketLimits, ServerBuilder, WebSocketStream};

use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::pool::Pool;
use crate::room::Rooms;
use crate::{Settings, room, wisp};

/// The page's files.
pub trait Assets: Send + Sync + 'static {
    /// The file at `path` (without a leading slash; empty for the page itself): its media type and its bytes.
    fn get(&self, path: &str) -> Option<(&'static str, Cow<'static, [u8]>)>;
}

/// No page: a relay alone.
pub struct NoAssets;

impl Assets for NoAssets {
    fn get(&self, path: &str) -> Option<(&'static str, Cow<'static, [u8]>)> {
        let text: &[u8] = b"A relay for the NodeMCU net playground. The page is elsewhere.\n";
        path.is_empty().then_some(("text/plain; charset=utf-8", Cow::Borrowed(text)))
    }
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) limits: Arc<Limits>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) rooms: Rooms,
    pub(crate) buffers: Pool,
    assets: Box<dyn Assets>,
}

impl AsRef<Metrics> for Metrics {
    fn as_ref(&self) -> &Metrics {
        self
    }
}

/// Serves `listener` until `shutdown` resolves, then lets open connections end, for [`Limits::drain_max`] at the most.
pub async fn run(listener: TcpListener, settings: Settings, assets: impl Assets, shutdown: impl Future<Output = ()>) {
    let shared = Arc::new(Shared {
        limits: Arc::new(settings.limits.clone()),
        metrics: Arc::default(),
        rooms: Rooms::default(),
        buffers: Pool::new(HEADER_BYTES + settings.limits.read_bytes_max, settings.limits.buffers_kept_max),
        assets: Box::new(assets),
        settings,
    });
    let (stopping, stop) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((_, peer)) if connections.len() >= shared.limits.connections_max => {
                    shared.metrics.clients_refused.add(1);
                    tracing::info!(%peer, "connection refused: too many");
                }
                Ok((socket, peer)) => {
                    let _ = socket.set_nodelay(true);
                    connections.spawn(serve(socket, peer, Arc::clone(&shared), stop.clone()));
                }
                // Out of descriptors: those that are open go on, and one of them will end.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    let _ = stopping.send(true);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(shared.limits.drain_max, drained).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
}

/// Resolves when the relay is told to stop.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopped| *stopped).await;
}

/// Bytes read from a client at once. The WebSocket itself would ask the system for 8 kB at a time.
const READ_BYTES: usize = 64 * 1024;

/// A client's WebSocket.
pub(crate) type ClientSocket = WebSocketStream<BufReader<TcpStream>>;

type Upgrade = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

async fn serve(socket: TcpStream, peer: SocketAddr, shared: Arc<Shared>, stop: watch::Receiver<bool>) {
    let Ok(local) = socket.local_addr() else { return };
    // The upgraded socket outlives hyper's connection; it is handed over through this slot and served in this same task.
    let slot: Arc<std::sync::Mutex<Option<Upgrade>>> = Arc::default();
    let client =
        Client { shared: Arc::clone(&shared), peer, local: local.ip(), stop: stop.clone(), slot: Arc::clone(&slot) };
    let service = service_fn(move |request| {
        let answer = client.answer(request);
        async move { Ok::<_, Infallible>(answer) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.limits.request_timeout)
        .max_buf_size(32 * 1024)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let mut stop = stop;
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
    let upgrade = slot.lock().ok().and_then(|mut slot| slot.take());
    if let Some(upgrade) = upgrade {
        upgrade.await;
    }
}

/// Whoever sends requests over one TCP connection.
struct Client {
    shared: Arc<Shared>,
    peer: SocketAddr,
    local: IpAddr,
    stop: watch::Receiver<bool>,
    slot: Arc<std::sync::Mutex<Option<Upgrade>>>,
}

/// Where an upgrade leads.
enum Destination {
    Wisp { paired: bool },
    Room { name: String },
}

impl Client {
    fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if !self.host_is_ours(request.headers()) {
            return text(
                StatusCode::MISDIRECTED_REQUEST,
                "this relay does not answer to that host name; its numeric address works, and --host NAME adds a name\n",
            );
        }
        if is_upgrade(request.headers()) {
            return self.upgrade(request);
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        }
        match request.uri().path() {
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/metrics" => self.metrics(),
            "/relay.json" => self.description(request.uri().query()),
            path => self.asset(path.trim_start_matches('/')),
        }
    }

    /// Numeric addresses and `localhost` are ours; other names only if the settings say so. A page on a foreign name that
    /// resolves to this machine is thus told nothing.
    fn host_is_ours(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(header::HOST).and_then(|value| value.to_str().ok()) else { return false };
        let name = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
        let name = name.trim_start_matches('[').trim_end_matches(']');
        name == "localhost"
            || name.parse::<IpAddr>().is_ok()
            || self.shared.settings.hosts.iter().any(|ours| ours == host || ours == name)
    }

    /// A page of this relay's own origin, or of one on the list; a program that is no browser sends no origin.
    fn origin_is_allowed(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("");
        let own = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) == Some(host);
        own || self.shared.settings.origins.iter().any(|allowed| allowed == origin)
    }

    fn upgrade(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let refuse = |status, why: &'static str| {
            self.shared.metrics.clients_refused.add(1);
            tracing::info!(peer = %self.peer, why = why.trim_end(), "upgrade refused");
            text(status, why)
        };
        if !self.origin_is_allowed(request.headers()) {
            return refuse(StatusCode::FORBIDDEN, "this page's origin is not on the relay's list\n");
        }
        let Some(destination) = self.destination(request.uri().path()) else {
            return refuse(StatusCode::NOT_FOUND, "no such room, or the pairing code is missing or wrong\n");
        };
        let wants_protocol = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL).cloned();
        if let Destination::Wisp { paired: false } = destination
            && wants_protocol.is_none()
        {
            return refuse(StatusCode::FORBIDDEN, "the pairing code is missing or wrong\n");
        }
        if self.shared.metrics.clients.get() + self.shared.metrics.room_clients.get()
            >= self.shared.limits.clients_max as u64
        {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "too many clients\n");
        }
        let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY).cloned() else {
            return refuse(StatusCode::BAD_REQUEST, "no WebSocket key\n");
        };
        self.shared.metrics.clients_total.add(1);
        self.hand_over(request, destination, wants_protocol.is_some());
        switching(&key, wants_protocol.as_ref())
    }

    fn destination(&self, path: &str) -> Option<Destination> {
        let pairing = self.shared.settings.pairing.as_ref();
        let fits = |code: &str| pairing.is_none_or(|pairing| pairing.matches(code));
        if let Some(rest) = path.strip_prefix("/wisp/") {
            // Without a code in the path, version 2's password may still be it.
            let paired = fits(rest.trim_end_matches('/'));
            return Some(Destination::Wisp { paired });
        }
        let rest = path.strip_prefix("/room/")?;
        let name = match (pairing, rest.split_once('/')) {
            (Some(_), Some((code, name))) if fits(code) => name,
            (None, Some((_, name))) => name,
            (None, None) => rest,
            _ => return None,
        };
        room::is_name(name).then(|| Destination::Room { name: name.to_string() })
    }

    /// Leaves the upgraded socket's future in the slot.
    fn hand_over(&self, request: Request<Incoming>, destination: Destination, version_2: bool) {
        let (shared, stop) = (Arc::clone(&self.shared), self.stop.clone());
        let (peer, local) = (self.peer, self.local);
        let upgrade = async move {
            let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
            let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else { return };
            if !parts.read_buf.is_empty() {
                // Bytes before our answer: no WebSocket client may send them.
                return;
            }
            let limits = SocketLimits::default().max_payload_len(Some(relay_protocol::MESSAGE_BYTES_MAX));
            let config = Config::default().frame_size(usize::MAX).flush_threshold(64 * 1024);
            let buffered = BufReader::with_capacity(READ_BYTES, parts.io.into_inner());
            let socket: ClientSocket = ServerBuilder::new().limits(limits).config(config).serve(buffered);
            match destination {
                Destination::Wisp { paired } => {
                    wisp::serve(socket, shared, wisp::Hello { version_2, paired, peer, local }, stop).await;
                }
                Destination::Room { name } => room::serve(socket, shared, name, stop).await,
            }
        };
        if let Ok(mut slot) = self.slot.lock() {
            *slot = Some(Box::pin(upgrade));
        }
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        if !self.peer.ip().to_canonical().is_loopback() {
            return text(StatusCode::FORBIDDEN, "metrics are for this machine alone\n");
        }
        text(StatusCode::OK, self.shared.metrics.text())
    }

    /// What a page needs to use this relay. The code is given to this machine's own browser, and to who already has it.
    fn description(&self, query: Option<&str>) -> Response<Full<Bytes>> {
        let settings = &self.shared.settings;
        let given = query.and_then(|query| query.split('&').find_map(|part| part.strip_prefix("code=")));
        let own = self.peer.ip().to_canonical().is_loopback();
        let code = match &settings.pairing {
            None => Some(""),
            Some(code) if own || given.is_some_and(|given| code.matches(given)) => Some(code.as_str()),
            Some(_) => None,
        };
        let prefix = code.map(|code| if code.is_empty() { String::new() } else { format!("{code}/") });
        let body = serde_json::json!({
            "wisp": prefix.as_ref().map(|prefix| format!("wisp/{prefix}")),
            "room": prefix.as_ref().map(|prefix| format!("room/{prefix}")),
            "pairing": settings.pairing.is_some(),
            "profile": format!("{:?}", settings.policy.profile).to_lowercase(),
            "publish": settings.policy.publish,
            "motd": settings.motd,
            "address": settings.address,
        });
        let mut answer = text(StatusCode::OK, body.to_string());
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }

    fn asset(&self, path: &str) -> Response<Full<Bytes>> {
        let Some((media_type, bytes)) = self.shared.assets.get(path) else {
            return text(StatusCode::NOT_FOUND, "no such file\n");
        };
        let bytes = match bytes {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        let mut answer = Response::new(Full::new(bytes));
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // The build puts a hash into the names below assets/, so those never change.
        let lasting = path.starts_with("assets/");
        let caching = if lasting { "public, max-age=31536000, immutable" } else { "no-cache" };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        answer
    }
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// The answer of RFC 6455, section 4.2.2.
fn switching(key: &HeaderValue, protocol: Option<&HeaderValue>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::from_str(&accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    // A browser that named protocols wants one of them back; which one has no meaning here.
    let first = protocol.and_then(|value| value.to_str().ok()).and_then(|value| value.split(',').next());
    if let Some(Ok(first)) = first.map(|first| HeaderValue::from_str(first.trim())) {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, first);
    }
    answer
}

/// RFC 6455, section 1.3: the key and a fixed text, hashed and in base 64.
fn accept_key(key: &[u8]) -> String {
    use base64::Engine as _;
    let mut hash = sha1_smol::Sha1::new();
    hash.update(key);
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    base64::engine::general_purpose::STANDARD.encode(hash.digest().bytes())
}

fn text(status: StatusCode, body: impl Into<String>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(body.into())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_key_is_that_of_the_rfc() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
