//! The WebSocket to a relay, on a thread of its own: opened again, with growing pauses, when it is lost.
//!
//! Only bytes pass here; what they mean is `sim::uplink`'s business.

use std::fmt;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_websockets::Message;
use trace::Protocol;

use crate::realtime::Wake;
use crate::websocket::{self, Trust};

/// The first pause before another attempt; each failure doubles it.
const RETRY_FIRST: Duration = Duration::from_millis(500);
/// The longest pause.
const RETRY_MAX: Duration = Duration::from_secs(30);
/// Messages that may wait for the WebSocket; beyond it the lab's own windows close.
const OUTGOING_MAX: usize = 64;

/// Where a relay is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// With the pairing code in it.
    url: String,
    /// Without.
    name: String,
    code: Option<String>,
}

/// A port to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) port: u16,
    /// The first board if not said.
    pub(crate) board: Option<String>,
    pub(crate) protocol: Protocol,
}

impl Address {
    /// Reads `ws://host:port/path/`, `wss://...`, or the address that `playground serve` prints for browsers.
    ///
    /// # Errors
    /// For what is none of these.
    pub(crate) fn parse(text: &str) -> Result<Address, String> {
        let link = websocket::Link::parse(text)?;
        let code = link.parameter("pair").map(str::to_owned);
        // Wisp servers tell their clients' paths by the slash at the end.
        let path = match (link.path, &code) {
            ("", Some(code)) => format!("wisp/{code}/"),
            ("", None) => "wisp/".into(),
            (path, _) => path.to_owned(),
        };
        let name = format!("{}://{}", link.scheme, link.host);
        Ok(Address { url: format!("{name}/{path}"), name, code })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Port {
    /// Reads `PORT[:BOARD][/udp]`.
    ///
    /// # Errors
    /// For what is none.
    pub(crate) fn parse(text: &str) -> Result<Port, String> {
        let (rest, protocol) = match text.rsplit_once('/') {
            Some((rest, "udp")) => (rest, Protocol::Udp),
            Some((rest, "tcp")) => (rest, Protocol::Tcp),
            Some((_, other)) => return Err(format!("'{other}' is neither tcp nor udp")),
            None => (text, Protocol::Tcp),
        };
        let (port, board) = match rest.split_once(':') {
            Some((port, board)) => (port, Some(board.to_owned())),
            None => (rest, None),
        };
        let port = port.parse().ok().filter(|port| *port != 0).ok_or("a port is a number from 1 to 65535")?;
        Ok(Port { port, board, protocol })
    }
}

/// The way to a relay.
pub(crate) struct Link {
    address: Address,
    outgoing: mpsc::Sender<Vec<u8>>,
}

impl Link {
    /// Begins to connect; what happens comes as [`Wake`]s.
    ///
    /// # Errors
    /// If the system gives no thread or no network.
    pub(crate) fn open(address: &Address, trust: Trust, wakes: SyncSender<Wake>) -> Result<Link> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (outgoing, queue) = mpsc::channel(OUTGOING_MAX);
        let url = address.url.clone();
        let keep = async move { keep_connected(&url, &trust, wakes, queue).await };
        thread::Builder::new().name("relay".into()).spawn(move || runtime.block_on(keep)).context("no thread")?;
        Ok(Link { address: address.clone(), outgoing })
    }

    /// The relay in words.
    pub(crate) fn name(&self) -> String {
        self.address.name.clone()
    }

    /// The pairing code.
    pub(crate) fn code(&self) -> Option<String> {
        self.address.code.clone()
    }

    /// Whether [`Link::send`] has room.
    pub(crate) fn has_room(&self) -> bool {
        self.outgoing.capacity() > 0
    }

    /// Sends a message; without room, or without a relay, it is lost.
    pub(crate) fn send(&mut self, message: Vec<u8>) {
        let _ = self.outgoing.try_send(message);
    }
}

/// Connects again and again until nobody listens any more.
async fn keep_connected(url: &str, trust: &Trust, wakes: SyncSender<Wake>, mut queue: mpsc::Receiver<Vec<u8>>) {
    let mut pause = RETRY_FIRST;
    loop {
        let (was_connected, why) = converse(url, trust, &wakes, &mut queue).await;
        if wakes.send(Wake::RelayLost(why)).is_err() {
            return;
        }
        pause = if was_connected { RETRY_FIRST } else { (pause * 2).min(RETRY_MAX) };
        sleep(pause).await;
        // What was meant for the relay that is gone.
        while queue.try_recv().is_ok() {}
    }
}

/// One WebSocket from its opening to its end: whether it opened, and why it ended.
async fn converse(
    url: &str,
    trust: &Trust,
    wakes: &SyncSender<Wake>,
    queue: &mut mpsc::Receiver<Vec<u8>>,
) -> (bool, String) {
    let subprotocol = Some(relay_protocol::SUBPROTOCOL);
    let opened = websocket::connect(url, trust, subprotocol, relay_protocol::MESSAGE_BYTES_MAX).await;
    let mut socket = match opened {
        Ok(socket) => socket,
        Err(why) => return (false, why),
    };
    if wakes.send(Wake::RelayConnected).is_err() {
        return (true, String::new());
    }
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(message)) if message.is_close() => {
                    let why = message.as_close().map(|(_, why)| why.to_owned()).filter(|why| !why.is_empty());
                    return (true, why.unwrap_or_else(|| "it closed the connection".into()));
                }
                Some(Ok(message)) if message.is_binary() => {
                    let bytes: Bytes = message.into_payload().into();
                    if wakes.send(Wake::RelayMessage(bytes.to_vec())).is_err() {
                        return (true, String::new());
                    }
                }
                // Pings are answered by the library; text means nothing here.
                Some(Ok(_)) => {}
                Some(Err(error)) => return (true, error.to_string()),
                None => return (true, "it closed the connection".into()),
            },
            message = queue.recv() => {
                let Some(message) = message else { return (true, String::new()) };
                if let Err(error) = socket.send(Message::binary(Bytes::from(message))).await {
                    return (true, error.to_string());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_address(text: &str, url: &str, code: Option<&str>) {
        let address = Address::parse(text).unwrap();
        assert_eq!((address.url.as_str(), address.code.as_deref()), (url, code));
    }

    #[test]
    fn addresses_of_servers_and_of_pages_are_understood() {
        check_address("ws://127.0.0.1:8266/wisp/abcd/", "ws://127.0.0.1:8266/wisp/abcd/", None);
        check_address("http://127.0.0.1:8266/#pair=abcd", "ws://127.0.0.1:8266/wisp/abcd/", Some("abcd"));
        check_address("ws://127.0.0.1:8266", "ws://127.0.0.1:8266/wisp/", None);
        check_address("wss://relay.example/", "wss://relay.example/wisp/", None);
        check_address("https://relay.example/#pair=abcd&room=x", "wss://relay.example/wisp/abcd/", Some("abcd"));
        for wrong in ["127.0.0.1:8266", "ftp://relay.example", "ws:///path", ""] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ports_name_board_and_transport() {
        let port = |port, board: Option<&str>, protocol| Ok(Port { port, board: board.map(str::to_owned), protocol });
        assert_eq!(Port::parse("80"), port(80, None, Protocol::Tcp));
        assert_eq!(Port::parse("80:two"), port(80, Some("two"), Protocol::Tcp));
        assert_eq!(Port::parse("5000/udp"), port(5000, None, Protocol::Udp));
        assert_eq!(Port::parse("5000:two/udp"), port(5000, Some("two"), Protocol::Udp));
        for wrong in ["", "0", "70000", "80/sctp", ":board"] {
            assert!(Port::parse(wrong).is_err(), "{wrong}");
        }
    }
}
