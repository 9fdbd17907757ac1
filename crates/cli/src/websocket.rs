//! WebSockets to relays, with and without TLS, and the addresses by which a person names them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use http::HeaderValue;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_websockets::upgrade::Error as UpgradeError;
use tokio_websockets::{ClientBuilder, Connector, Error, Limits, MaybeTlsStream, WebSocketStream};

/// How long the other side may take to answer the upgrade.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// An open one.
pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// An address as a person gives it, taken apart: that of a WebSocket, or the one that `playground serve` prints for browsers.
pub(crate) struct Link<'a> {
    /// `ws` or `wss`.
    pub(crate) scheme: &'static str,
    /// With the port, if there is one.
    pub(crate) host: &'a str,
    /// Without the slash before it.
    pub(crate) path: &'a str,
    fragment: &'a str,
}

impl<'a> Link<'a> {
    /// Takes `text` apart.
    ///
    /// # Errors
    /// For what is no address; the message says what one looks like.
    pub(crate) fn parse(text: &'a str) -> Result<Link<'a>, String> {
        let (url, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (scheme, rest) = match url.split_once("://") {
            Some(("ws" | "http", rest)) => ("ws", rest),
            Some(("wss" | "https", rest)) => ("wss", rest),
            _ => return Err("an address begins with ws:// or wss://, or is one that `playground serve` prints".into()),
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() {
            return Err("the address has no host".into());
        }
        Ok(Link { scheme, host, path, fragment })
    }

    /// What the fragment says of `key`.
    pub(crate) fn parameter(&self, key: &str) -> Option<&'a str> {
        self.fragment.split('&').find_map(|part| part.strip_prefix(key)?.strip_prefix('='))
    }
}

/// Whose certificates are believed.
#[derive(Clone)]
pub(crate) struct Trust(Arc<ClientConfig>);

impl Trust {
    /// The system's authorities, and those in the PEM file `more`.
    ///
    /// # Errors
    /// If the file has none, or cannot be read.
    pub(crate) fn new(more: Option<&PathBuf>) -> Result<Trust> {
        let mut roots = RootCertStore::empty();
        // What is wrong with some of the system's does not matter unless the one that is needed is among them.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(file) = more {
            let name = || file.display().to_string();
            let given: Vec<_> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect).with_context(name)?;
            if given.is_empty() {
                bail!("{}: there is no certificate in it (PEM)", name());
            }
            for certificate in given {
                roots.add(certificate).with_context(name)?;
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Trust(Arc::new(config)))
    }
}

/// Opens a WebSocket at `url`, asking for the subprotocol if one is given.
///
/// # Errors
/// With a sentence about the other side, "it ...", if it cannot be reached, takes too long or refuses.
pub(crate) async fn connect(
    url: &str,
    trust: &Trust,
    subprotocol: Option<&'static str>,
    message_bytes_max: usize,
) -> Result<Socket, String> {
    timeout(CONNECT_MAX, open(url, trust, subprotocol, message_bytes_max))
        .await
        .unwrap_or_else(|_| Err("it does not answer".into()))
}

async fn open(
    url: &str,
    trust: &Trust,
    subprotocol: Option<&'static str>,
    message_bytes_max: usize,
) -> Result<Socket, String> {
    let connector = Connector::Rustls(TlsConnector::from(Arc::clone(&trust.0)));
    let mut builder = ClientBuilder::new()
        .uri(url)
        .map_err(|error| error.to_string())?
        .connector(&connector)
        .limits(Limits::default().max_payload_len(Some(message_bytes_max)));
    if let Some(subprotocol) = subprotocol {
        builder = builder
            .add_header(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol))
            .map_err(|error| error.to_string())?;
    }
    let (socket, _) = builder.connect().await.map_err(|error| explain(&error))?;
    let _ = tcp(&socket).set_nodelay(true);
    Ok(socket)
}

fn tcp(socket: &Socket) -> &TcpStream {
    match socket.get_ref() {
        MaybeTlsStream::Plain(stream) => stream,
        MaybeTlsStream::Rustls(stream) => stream.get_ref().0,
    }
}

/// What went wrong, in words about the other side.
fn explain(error: &Error) -> String {
    match error {
        Error::Upgrade(UpgradeError::DidNotSwitchProtocols(status)) => refusal(*status),
        Error::CannotResolveHost => "its name has no address".into(),
        // rustls reports a certificate that it does not believe in this way.
        Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            format!("{error}; --ca FILE names an authority to believe")
        }
        Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}

/// What a relay means by an answer other than an upgrade.
fn refusal(status: u16) -> String {
    match status {
        403 => "it asks for a pairing code, or does not take this one".into(),
        404 => "there is nothing at this address, or the pairing code is missing or wrong".into(),
        421 => "it does not answer to this name; use its numeric address".into(),
        503 => "it has too many clients".into(),
        other => format!("it answered {other}"),
    }
}
